package netem

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// cellEdge is the link cat1-cell-edge.
func cellEdge() Profile {
	return Profile{
		RTTFloor: RTTFloor{45, 65, 0.6}, UpShare: 0.65, JitterSD: 20,
		GE:   GE{P: 0.01, R: 0.4, LossBad: 1, LossGood: 0.001, StepMs: 20},
		Rate: Rate{300, 1500, 0.7, 3}, QueueBytes: UpDown{65536, 65536 * 2},
	}
}

// paretonormalCDF is the distribution function of netem's paretonormal, by a
// way of its own: the raw mixture brought to mean 0 and standard deviation 1
// by numerical integration, inverted by bisection. The cap is an atom.
func paretonormalCDF() func(x float64) (below, at float64) {
	raw := func(z float64) float64 {
		pareto := (math.Pow(phi(-z), -1.0/3) - 1.5) * 4 / 3
		return math.Min(4, z/4+pareto*3/4)
	}
	mean, sd := integrate(raw)
	uncapped := phi(bisect(raw, 4-1e-9))
	return func(x float64) (float64, float64) {
		r := x*sd + mean
		if r > 4-1e-5 {
			return uncapped, 1
		}
		p := phi(bisect(raw, r))
		return p, p
	}
}

// integrate is the mean and the standard deviation of f of a standard normal,
// by the trapezium rule.
func integrate(f func(float64) float64) (mean, sd float64) {
	const h = 1e-4
	square := 0.0
	for z := -9.0; z < 9; z += h {
		w := h * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
		mean += w * f(z)
		square += w * f(z) * f(z)
	}
	return mean, math.Sqrt(square - mean*mean)
}

func bisect(f func(float64) float64, y float64) float64 {
	lo, hi := -9.0, 9.0
	for range 45 {
		if mid := (lo + hi) / 2; f(mid) < y {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

func TestParetonormalConstants(t *testing.T) {
	mean, sd := integrate(paretonormalRaw)
	if math.Abs(mean-paretonormalMean) > 1e-5 || math.Abs(sd-paretonormalSD) > 1e-5 {
		t.Errorf("mean %.7f, sd %.7f; the code has %.7f, %.7f", mean, sd, paretonormalMean, paretonormalSD)
	}
}

// Packets 7.9 standard deviations apart do not hold each other back: each is
// delayed by the floor and a draw of its own.
func TestDelayHasItsDistribution(t *testing.T) {
	const base, sd = 200.0, 20.0 // ms
	p := Profile{RTTFloor: RTTFloor{Min: 2 * base}, JitterSD: sd}
	cdf := paretonormalCDF()
	for _, k := range []uint64{1, 2} {
		path := NewPath(p, seed(k))
		for name, l := range map[string]*Link{"up": path.Up, "down": path.Down} {
			x := make([]float64, sampleSize())
			for i := range x {
				now := time.Duration(i) * 157_300 * time.Microsecond
				at, _ := l.Send(now, 100, 0)
				x[i] = (float64(at-now)/1e6 - base) / sd
			}
			kolmogorov(t, fmt.Sprintf("delay, seed %d, %s", k, name), x, cdf)
		}
	}
}

// The pre-roll is 33 packets at once. Its last packet must not be later than
// its first but for the time that the rate takes.
func TestBurstSharesItsJitter(t *testing.T) {
	const sd, bursts, packets = 20.0, 5000, 33
	for _, c := range []struct {
		spacing time.Duration
		kbps    float64
	}{{0, 0}, {300 * time.Microsecond, 0}, {time.Millisecond, 0}, {0, 4000}, {0, 1500}, {0, 300}} {
		l := NewPath(Profile{RTTFloor: RTTFloor{Min: 400}, JitterSD: sd, Rate: Rate{Up: c.kbps}}, seed(7)).Up
		excess := 0.0
		for b := range bursts {
			start := time.Duration(b) * 1_013 * time.Millisecond
			var first, last time.Duration
			for i := range packets {
				now := start + time.Duration(i)*c.spacing
				at, _ := l.Send(now, 220, 0)
				last = at - max(now, l.free) // less the queue
				if i == 0 {
					first = last
				}
			}
			excess += float64(last-first) / 1e6 / sd / bursts
		}
		checked(t, fmt.Sprintf("jitter within a burst, %v apart at %v kbit/s", c.spacing, c.kbps),
			fmt.Sprintf("last of %d <= +0.3 sd", packets), fmt.Sprintf("%+.3f sd", excess), excess <= 0.3)
	}
}

func TestJitterHasItsStandardDeviation(t *testing.T) {
	for _, sd := range []float64{3, 6, 20, 25} {
		l := NewPath(Profile{RTTFloor: RTTFloor{Min: 400}, JitterSD: sd}, seed(8)).Down
		x := make([]float64, sampleSize())
		for i := range x {
			now := time.Duration(i) * time.Second
			at, _ := l.Send(now, 100, 0)
			x[i] = float64(at-now) / 1e6
		}
		mean, got := moments(x)
		checked(t, "jitter_sd", fmt.Sprintf("%v ms +- 3 %%, mean 0", sd), fmt.Sprintf("%.3f ms, mean %+.3f", got, mean-200),
			math.Abs(got/sd-1) <= 0.03 && math.Abs(mean-200) <= 0.03*sd)
	}
}

func TestRateIsTheMedian(t *testing.T) {
	l := NewPath(cellEdge(), seed(9)).Up
	x := make([]float64, sampleSize())
	above := 0
	for i := range x {
		r := l.rateAt(time.Duration(i) * 7_321 * time.Millisecond) // past the correlation time twice
		x[i] = math.Log(r / 300e3)
		if r > 300e3 {
			above++
		}
	}
	proportion(t, "share above rate_kbps", above, len(x), 0.5, zLimit)
	kolmogorov(t, "log rate", x, func(x float64) (float64, float64) { return phi(x / 0.7), phi(x / 0.7) })
}

// A queue that is never empty sends what the rate's integral says.
func TestGoodputIsTheIntegralOfTheRate(t *testing.T) {
	for _, r := range []Rate{{300, 1500, 0.7, 3}, {2500, 6000, 0.35, 5}, {1500, 5000, 0.6, 2}, {20, 16, 0.5, 10}, {4000, 8000, 0, 5}} {
		worst := 0.0
		for k := range uint64(20) {
			l := NewPath(Profile{Rate: r, QueueBytes: UpDown{Up: 6000}}, seed(k)).Up
			bits := 0.0
			for now := time.Duration(0); l.free < time.Minute; {
				if _, fate := l.Send(now, 1500, 0); fate == Delivered {
					bits += 1500 * 8
				} else {
					now = l.queue[0].at
				}
			}
			integral := 0.0
			const h = time.Millisecond
			for at := h / 2; at < l.free; at += h {
				integral += l.rateAt(at) * h.Seconds()
			}
			worst = max(worst, math.Abs(bits/integral-1))
		}
		checked(t, fmt.Sprintf("goodput, median %v kbit/s, sigma %v", r.Up, r.Sigma), "the integral of the rate +- 0.5 %",
			fmt.Sprintf("%.3f %% off at most", 100*worst), worst <= 0.005)
	}
}

func TestQueueDropsAtTheByteLimit(t *testing.T) {
	l := NewPath(Profile{Rate: Rate{Up: 80}, QueueBytes: UpDown{Up: 10_000}}, 1).Up // 10 bytes a ms
	for i := range 9 {
		// Queue delay is backlog / rate.
		if at, fate := l.Send(0, 1000, 0); fate != Delivered || at != time.Duration(i+1)*100*time.Millisecond {
			t.Fatalf("packet %d: %v, %v", i, at, fate)
		}
	}
	if _, fate := l.Send(0, 1001, 0); fate != Dropped {
		t.Error("10001 bytes went into a queue of 10000")
	}
	if at, fate := l.Send(0, 1000, 0); fate != Delivered || at != time.Second {
		t.Errorf("the queue's last 1000 bytes: %v, %v", at, fate)
	}
	if _, fate := l.Send(100*time.Millisecond-1, 1, 0); fate != Dropped {
		t.Error("taken before the first packet had left")
	}
	if at, fate := l.Send(100*time.Millisecond, 1000, 0); fate != Delivered || at != 1100*time.Millisecond {
		t.Errorf("in the first packet's place: %v, %v", at, fate)
	}
	if at, fate := l.Send(5*time.Second, 1000, 0); fate != Delivered || at != 5100*time.Millisecond {
		t.Errorf("into an empty queue: %v, %v", at, fate)
	}
}

func TestQueueDelayIsBacklogOverRate(t *testing.T) {
	l := NewPath(Profile{Rate: Rate{Up: 1000}, QueueBytes: UpDown{Up: 1 << 20}}, 1).Up
	key, now, backlog := seed(10), time.Duration(0), time.Duration(0)
	for i := range uint64(20_000) {
		k := key.Of(i)
		gap := k.Of(1).Within(20 * time.Millisecond)
		now, backlog = now+gap, max(0, backlog-gap)
		size := 40 + int(1460*k.Of(2).Uniform())
		backlog += time.Duration(size * 8000) // ns at 1 Mbit/s
		at, _ := l.Send(now, size, 0)
		if d := at - now - backlog; d.Abs() > time.Duration(i+2) { // 1 ns of rounding a packet
			t.Fatalf("packet %d: %v in the queue, backlog %v", i, at-now, backlog)
		}
	}
}

func TestLinkKeepsOrder(t *testing.T) {
	for k := range uint64(5) {
		path := NewPath(cellEdge(), seed(k))
		for _, l := range []*Link{path.Up, path.Down} {
			var arrivals []time.Duration
			now, key := time.Duration(0), seed(11)
			for i := range uint64(sampleSize() / 5) {
				now += key.Of(i).Within(20 * time.Millisecond)
				at, fate := l.Send(now, 200, key.Of(i, 1))
				if fate == Delivered {
					arrivals = append(arrivals, at)
				}
				if fate == Delivered && at < now {
					t.Fatalf("sent at %v, there at %v", now, at)
				}
			}
			if !slices.IsSorted(arrivals) {
				t.Errorf("seed %d: a packet overtook another", k)
			}
		}
	}
}

func TestUnlimitedLinkOnlyDelays(t *testing.T) {
	p := NewPath(Profile{}, 1)
	for i := range 100 {
		now := time.Duration(i) * time.Millisecond
		if at, fate := p.Up.Send(now, 1500, 0); at != now || fate != Delivered {
			t.Fatalf("link none: %v, %v at %v", at, fate, now)
		}
	}
}
