//go:build linux && kernel

package netem

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"
)

var (
	kernelStarts = flag.Int("kernel", 1600, "connections of kernel TCP that TestKernel opens")
	kernelRate   = flag.Float64("kernelrate", 140, "of them a second")
)

// stretch is one message of a conversation; whoever gets the last byte of it
// answers with the next.
type stretch struct {
	from Side
	n    int
}

// openingSizes is a TLS 1.2 handshake with a chain of certificates, and a
// WebSocket upgrade, by their sizes.
var openingSizes = []stretch{
	{DeviceSide, 250},
	{ServerSide, 3500},
	{DeviceSide, 150},
	{ServerSide, 60},
	{DeviceSide, 250},
	{ServerSide, 200},
}

// finishedAt is the stretch that ends TLS.
const finishedAt = 3

// kernelPatience is how long an attempt may take.
const kernelPatience = 8 * time.Second

// opening is how long one took: never where it did not come to that.
type opening struct {
	tcp, tls, total time.Duration
	lost            int
	flow            *flow
}

var notOpened = opening{tcp: never, tls: never, total: never}

// kernelLosses are the conditions, each of its own server port.
var kernelLosses = []float64{0, 0.01, 0.03, 0.05}

const kernelRTT = 80 * time.Millisecond

func kernelPath(loss float64, key Key) *Path {
	return NewPath(Profile{
		RTTFloor: RTTFloor{Min: float64(kernelRTT) / 1e6},
		GE:       GE{LossGood: loss, LossBad: loss},
	}, key)
}

// lawOpening is an opening under the law, both ends Linux on one machine whose
// clock ticks 250 times a second.
func lawOpening(loss float64, key Key) opening {
	stack := StackLinux()
	stack.Jiffy = 4 * time.Millisecond
	stack.Cubic = false
	r := newLawScript(NewLaw(kernelPath(loss, key), stack, stack, key), openingSizes)
	r.run()
	return r.opening
}

// lawScript is a conversation under the law.
type lawScript struct {
	l      *Law
	sizes  []stretch
	at     int
	unsaid int
	opening
}

func newLawScript(l *Law, sizes []stretch) *lawScript {
	return &lawScript{l: l, sizes: sizes, opening: notOpened, unsaid: sizes[0].n}
}

func (r *lawScript) run() {
	r.l.Open(0)
	for r.at < len(r.sizes) {
		due, ok := r.l.Due()
		if !ok || due > kernelPatience {
			break
		}
		for _, n := range slices.Clone(r.l.Step(due)) {
			r.take(n)
		}
	}
	r.lost = int(r.l.Counts().Lost)
}

func (r *lawScript) take(n Note) {
	if n.Kind == Arrived {
		r.l.Accept(n.At)
	}
	if n.Kind == Opened && n.Side == DeviceSide {
		r.tcp = n.At
	}
	switch {
	case r.at == len(r.sizes):
	case (n.Kind == Opened || n.Kind == Writable) && n.Side == r.sizes[r.at].from:
		r.write(n.At)
	case n.Kind == Readable && n.Side != r.sizes[r.at].from:
		if r.l.Readable(n.Side) == r.sizes[r.at].n {
			r.l.Read(n.At, n.Side, r.sizes[r.at].n)
			r.next(n.At)
		}
	}
}

func (r *lawScript) write(now time.Duration) {
	r.unsaid -= r.l.Write(now, r.sizes[r.at].from, r.unsaid)
}

func (r *lawScript) next(now time.Duration) {
	switch r.at {
	case len(r.sizes) - 1:
		r.total = now
	case finishedAt:
		r.tls = now - r.tcp
	}
	if r.at++; r.at < len(r.sizes) {
		r.unsaid = r.sizes[r.at].n
		r.write(now)
	}
}

// Kernel TCP at both ends of modelled links behaves as the law with both ends
// Linux does.
func TestKernel(t *testing.T) {
	b := newKernelBed(t, openingSizes, kernelLosses, nil, false)
	n := *kernelStarts / len(kernelLosses)
	got := make([][]opening, len(kernelLosses))
	var mu sync.Mutex
	var all sync.WaitGroup
	pace := time.NewTicker(time.Duration(float64(time.Second) / *kernelRate))
	for i := range n * len(kernelLosses) {
		<-pace.C
		condition := i % len(kernelLosses)
		all.Go(func() {
			o := b.open(condition, 0)
			mu.Lock()
			defer mu.Unlock()
			got[condition] = append(got[condition], o)
		})
	}
	pace.Stop()
	all.Wait()
	b.close()
	slices.Sort(b.carrier.late)
	late := b.carrier.late
	t.Logf("%d packets carried, late by %v at p50, %v at p99, %v at most", len(late),
		late[len(late)/2], late[len(late)*99/100], late[len(late)-1])
	for i, loss := range kernelLosses {
		law := make([]opening, 20_000)
		for j := range law {
			law[j] = lawOpening(loss, Seed(82).Of(uint64(i), uint64(j)))
		}
		compareOpenings(t, fmt.Sprintf("%.0f %% loss", 100*loss), law, got[i])
	}
}

// compareOpenings holds the law against the kernel: a plain distance of
// distributions would pass a law without any back-off at these losses.
func compareOpenings(t *testing.T, what string, law, kernel []opening) {
	t.Helper()
	for _, p := range []struct {
		name   string
		of     func(opening) time.Duration
		beyond []time.Duration
	}{
		{"tcp", func(o opening) time.Duration { return o.tcp }, []time.Duration{500, 2000}},
		{"tls", func(o opening) time.Duration { return o.tls }, []time.Duration{200, 600}},
		{"total", func(o opening) time.Duration { return o.total }, []time.Duration{500, 1200, 2000, 3500}},
	} {
		x, y := newSample(law, p.of), newSample(kernel, p.of)
		offset := median(y.clean) - median(x.clean)
		y.shift(-offset)
		d := distance(x.clean, y.clean, 5*time.Millisecond)
		t.Logf("%s, %s: n = %d, %d; kernel later by %v; body KS %.4f", what, p.name, len(x.all), len(y.all), offset.Round(10*time.Microsecond), d)
		if offset.Abs() > 6*time.Millisecond || d > 0.02 {
			t.Errorf("%s, %s: where nothing is lost, the kernel takes %v more, KS %.4f", what, p.name, offset, d)
		}
		for _, limit := range p.beyond {
			compareShares(t, fmt.Sprintf("%s, %s > %d ms", what, p.name, limit), x.all, y.all, limit*time.Millisecond)
		}
		compareTails(t, what+", "+p.name, x, y)
	}
}

type sample struct{ all, clean []time.Duration }

func newSample(o []opening, of func(opening) time.Duration) (s sample) {
	for _, x := range o {
		s.all = append(s.all, of(x))
		if x.lost == 0 {
			s.clean = append(s.clean, of(x))
		}
	}
	slices.Sort(s.all)
	slices.Sort(s.clean)
	return s
}

func (s *sample) shift(d time.Duration) {
	for _, x := range [][]time.Duration{s.all, s.clean} {
		for i := range x {
			if x[i] != never {
				x[i] += d
			}
		}
	}
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

// upto is how many of sorted x are at most d.
func upto(x []time.Duration, d time.Duration) int {
	i, _ := slices.BinarySearch(x, d+1)
	return i
}

// distance is the largest difference of two distribution functions that
// moving either by tol does not explain.
func distance(x, y []time.Duration, tol time.Duration) float64 {
	excess := func(x, y []time.Duration) (d float64) {
		for i, v := range x {
			if v == never {
				break
			}
			d = max(d, float64(i+1)/float64(len(x))-float64(upto(y, v+tol))/float64(len(y)))
		}
		return d
	}
	return max(excess(x, y), excess(y, x))
}

func compareShares(t *testing.T, what string, x, y []time.Duration, limit time.Duration) {
	t.Helper()
	n, m := float64(len(x)), float64(len(y))
	a, b := 1-float64(upto(x, limit))/n, 1-float64(upto(y, limit))/m
	pooled := (a*n + b*m) / (n + m)
	se := math.Sqrt(pooled * (1 - pooled) * (1/n + 1/m))
	t.Logf("%s: law %.3f %%, kernel %.3f %% (3.5 SE = %.3f)", what, 100*a, 100*b, 350*se)
	// What this machine may hold up: two attempts, or three in a thousand.
	if heldUp := max(2.5/m, 0.003); math.Abs(a-b) > max(0.1*b, 3.5*se, heldUp) {
		t.Errorf("%s: law %.3f %%, kernel %.3f %%", what, 100*a, 100*b)
	}
}

// compareTails compares what was delayed, by shape and by p99.
func compareTails(t *testing.T, what string, x, y sample) {
	t.Helper()
	from := median(x.clean) + 25*time.Millisecond
	a, b := x.all[upto(x.all, from):], y.all[upto(y.all, from):]
	if len(a) == 0 || len(b) == 0 {
		return
	}
	d := distance(a, b, 25*time.Millisecond)
	limit := 2.2*math.Sqrt(1/float64(len(a))+1/float64(len(b))) + 0.03
	p99 := func(x []time.Duration, q float64) time.Duration {
		return x[min(len(x)-1, max(0, int(math.Ceil(q*float64(len(x))))-1))]
	}
	half := 1.96 * math.Sqrt(0.99*0.01/float64(len(y.all)))
	low, high := p99(y.all, 0.99-half), p99(y.all, 0.99+half)
	law := p99(x.all, 0.99)
	t.Logf("%s: %d and %d delayed, KS %.4f (limit %.4f); p99 law %v, kernel %v [%v, %v]", what, len(a), len(b), d, limit,
		law.Round(time.Millisecond), p99(y.all, 0.99).Round(time.Millisecond), low.Round(time.Millisecond), high.Round(time.Millisecond))
	if d > limit {
		t.Errorf("%s: delayed attempts, KS %.4f > %.4f", what, d, limit)
	}
	if law < low-low/10 || law > high+high/10 {
		t.Errorf("%s: p99 law %v, kernel in [%v, %v]", what, law, low, high)
	}
}
