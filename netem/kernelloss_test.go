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
	kernelTrace = flag.Int("kerneltrace", 0, "scripts of TestKernelLossByLoss to show packet by packet where they differ")
	kernelOnly  = flag.String("kernelonly", "", "the one script of TestKernelLossByLoss to run, as its log has it")
)

// pairs are no loss, each of the first packets of either side alone, and each
// two of them.
func pairs(device, server int) (all [][]packetID) {
	var packets []packetID
	for n := range device {
		packets = append(packets, packetID{DeviceSide, n})
	}
	for n := range server {
		packets = append(packets, packetID{ServerSide, n})
	}
	all = append(all, nil)
	for i, p := range packets {
		all = append(all, []packetID{p})
		for _, q := range packets[i+1:] {
			all = append(all, []packetID{p, q})
		}
	}
	return all
}

// drawn are n scripts that lose each of the first packets with a probability.
func drawn(n, device, server int, p float64, key Key) (all [][]packetID) {
	for i := range uint64(n) {
		var lose []packetID
		for side, packets := range []int{device, server} {
			for k := range packets {
				if key.Of(i, uint64(side), uint64(k)).Uniform() < p {
					lose = append(lose, packetID{Side(side), k})
				}
			}
		}
		all = append(all, lose)
	}
	return all
}

// lawLosing is a conversation under the law that loses what the script says.
func lawLosing(stack Stack, sizes []stretch, lose []packetID, key Key) (r *lawScript, trace []string) {
	script := newLossScript(lose)
	path := kernelPath(0, key)
	l := NewLaw(path, stack, stack, key)
	for s := range l.links {
		lossy(l.links[s], script.next(Side(s)))
	}
	path.Watch = func(ev PathEvent) {
		if ev.Kind != Packet {
			return
		}
		if *kernelTrace > 0 {
			trace = append(trace, fmt.Sprintf("%10v %d %s seq %d, %d bytes, fate %d", ev.At.Round(100*time.Microsecond), ev.Side, ev.Name, ev.Seq, ev.Bytes, ev.Fate))
		}
		lossy(l.links[ev.Side], script.next(ev.Side))
	}
	r = newLawScript(l, sizes)
	r.run()
	return r, trace
}

// With the same packets lost, the law takes the time that the kernel takes, as
// far as that does not hang on where the kernel's clock stands.
func TestKernelLossByLoss(t *testing.T) {
	plain := map[string]string{"tcp_sack": "0", "tcp_timestamps": "0"}
	download := []stretch{{DeviceSide, 100}, {ServerSide, 60_000}}
	longer := []stretch{{DeviceSide, 100}, {ServerSide, 200_000}}
	cases := []*kernelCase{
		{"opening", nil, false, openingSizes, append(pairs(9, 9), drawn(100, 14, 16, 0.2, Seed(84))...), nil},
		{"opening without SACK and timestamps", plain, false, openingSizes, append(pairs(9, 9), drawn(100, 14, 16, 0.2, Seed(85))...), nil},
		{"download", nil, false, download, append(pairs(0, 14), drawn(100, 0, 60, 0.08, Seed(86))...), nil},
		{"download without SACK and timestamps", plain, false, download, append(pairs(0, 14), drawn(100, 0, 60, 0.08, Seed(87))...), nil},
		{"download with CUBIC", nil, true, longer, drawn(100, 0, 160, 0.02, Seed(88)), nil},
	}
	var all sync.WaitGroup
	two := make(chan struct{}, 2) // at a time
	for _, c := range cases {
		c.choose()
		b := newKernelBed(t, c.sizes, []float64{0}, c.tune, c.cubic)
		two <- struct{}{}
		all.Go(func() {
			c.run(b)
			<-two
		})
	}
	all.Wait()
	for _, c := range cases {
		t.Run(c.name, c.compare)
	}
}

// kernelCase is a conversation and what is lost of it.
type kernelCase struct {
	name    string
	tune    map[string]string
	cubic   bool // in place of Reno
	sizes   []stretch
	scripts [][]packetID
	kernel  []opening // by script
}

// roomy reports whether the client's buffer is so large that its window grows
// to the end, and as long as it does, each segment is acknowledged at once.
func (c *kernelCase) roomy() bool { return len(c.sizes) == 2 }

func (c *kernelCase) stack() Stack {
	s := StackLinux()
	s.Jiffy, s.Cubic = 4*time.Millisecond, c.cubic
	s.SACK, s.Timestamps = c.tune["tcp_sack"] != "0", c.tune["tcp_timestamps"] != "0"
	if c.roomy() {
		s.QuickACKs, s.Window = math.MaxInt32, 4<<20
	}
	return s
}

// choose leaves out the scripts that would waste this test's time.
func (c *kernelCase) choose() {
	c.scripts = slices.DeleteFunc(c.scripts, func(lose []packetID) bool {
		if *kernelOnly != "" {
			return fmt.Sprint(lose) != *kernelOnly
		}
		r, _ := lawLosing(c.stack(), c.sizes, lose, 1)
		return r.total > 5*time.Second
	})
}

// firstScripted is the client's port in the first scripted conversation.
const firstScripted = 20_000

// run plays the scripts on kernel TCP.
func (c *kernelCase) run(b *kernelBed) {
	b.roomy = c.roomy()
	scripts := map[uint16]*lossScript{}
	for i, lose := range c.scripts {
		scripts[uint16(firstScripted+i)] = newLossScript(lose)
	}
	b.carrier.mu.Lock()
	b.carrier.scripts = scripts
	b.carrier.mu.Unlock()
	c.kernel = make([]opening, len(c.scripts))
	var all sync.WaitGroup
	for i := range c.scripts {
		time.Sleep(10 * time.Millisecond)
		all.Go(func() { c.kernel[i] = b.open(0, firstScripted+i) })
	}
	all.Wait()
	b.close()
}

func (c *kernelCase) compare(t *testing.T) {
	phases := 64 // of the clock
	if raceEnabled {
		phases = 16
	}
	wrong, repeats := 0, int64(0)
	for i, lose := range c.scripts {
		runs := make([]*lawScript, phases)
		var trace []string
		for p := range runs {
			runs[p], trace = lawLosing(c.stack(), c.sizes, lose, Seed(83).Of(uint64(p)))
			repeats += runs[p].l.Counts().Retransmits
		}
		if what := differs(runs, c.kernel[i]); what != "" {
			t.Logf("lost %v: %s", lose, what)
			if wrong++; wrong <= *kernelTrace && c.kernel[i].flow != nil {
				show(t, "kernel", c.kernel[i].flow.trace)
				show(t, "law", trace)
			}
		}
	}
	t.Logf("%d of %d scripts differ; %d repeats under the law", wrong, len(c.scripts), repeats/int64(phases))
	if wrong > max(len(c.scripts)/25, 1) {
		t.Errorf("%d of %d scripts differ", wrong, len(c.scripts))
	}
}

// differs says where the kernel's times lie outside those of the law at any
// phase of the clock. A time-out that the kernel handles a jiffy late falls
// into the next slot of its wheel.
func differs(runs []*lawScript, kernel opening) string {
	const slack, slot = 6 * time.Millisecond, 32 * time.Millisecond
	for _, p := range []struct {
		name string
		of   func(opening) time.Duration
	}{
		{"tcp", func(o opening) time.Duration { return o.tcp }},
		{"tls", func(o opening) time.Duration { return o.tls }},
		{"total", func(o opening) time.Duration { return o.total }},
	} {
		var law []time.Duration
		late := slack
		for _, r := range runs {
			law = append(law, p.of(r.opening))
			late = max(late, slack+slot*time.Duration(r.l.Counts().Retransmits))
		}
		low, high, x := slices.Min(law), slices.Max(law), p.of(kernel)
		if x < low-slack || high != never && x > high+late {
			return fmt.Sprintf("%s: kernel %v, law %v to %v", p.name, x, low, high)
		}
	}
	return ""
}

func show(t *testing.T, who string, lines []string) {
	t.Helper()
	for _, line := range lines {
		t.Logf("%-6s %s", who, line)
	}
}
