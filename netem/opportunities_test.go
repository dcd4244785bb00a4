package netem

import (
	"strings"
	"testing"
	"time"
)

// mahimahi replays a recording step by step in whole milliseconds, as its
// link emulator does: every opportunity in turn is spent on the packets that
// arrived before it, or lost.
type mahimahi struct {
	times  []int
	base   int
	i      int
	queue  [][2]int // bytes left, number of the packet
	out    map[int]int
	offers int
}

// until spends the opportunities up to and with now.
func (m *mahimahi) until(now int) {
	for m.base+m.times[m.i] <= now {
		at := m.base + m.times[m.i]
		if m.i++; m.i == len(m.times) {
			m.i, m.base = 0, m.base+m.times[len(m.times)-1]
		}
		for left := 1500; left > 0 && len(m.queue) > 0; {
			head := &m.queue[0]
			used := min(left, head[0])
			left, head[0] = left-used, head[0]-used
			if head[0] == 0 {
				m.out[head[1]] = at
				m.queue = m.queue[1:]
			}
		}
	}
}

func (m *mahimahi) offer(now, size int) {
	m.until(now)
	m.queue = append(m.queue, [2]int{size, m.offers})
	m.offers++
}

func millis(times []int) []time.Duration {
	all := make([]time.Duration, len(times))
	for i, t := range times {
		all[i] = time.Duration(t) * time.Millisecond
	}
	return all
}

// recordings to replay: bursts within a millisecond, gaps, one at 0, a single
// one.
func recordings() [][]int {
	var long []int
	at := 0
	for i := range uint64(2000) {
		at += int(Seed(3).Of(i).Exp() * 4)
		if i%300 == 299 {
			at += 700
		}
		long = append(long, at)
	}
	return [][]int{{0, 0, 7, 7, 7, 40}, {5}, {1, 2, 3, 1000}, {0, 10}, long}
}

func TestOpportunitiesMatchMahimahiStepByStep(t *testing.T) {
	for r, times := range recordings() {
		o, err := NewOpportunities(millis(times))
		if err != nil {
			t.Fatal(err)
		}
		slow := mahimahi{times: times, out: map[int]int{}}
		perMs := float64(len(times)) / float64(times[len(times)-1])
		var c opportunityCursor
		var got []time.Duration
		now := 0
		for i := range uint64(20_000) {
			key := Seed(7).Of(uint64(r), i)
			if i%500 < 250 { // now a queue, now a packet alone
				now += int(key.Of(1).Exp() / perMs * 0.4)
			} else {
				now += int(key.Of(1).Exp() / perMs * 3)
			}
			size := 1 + int(key.Of(2).Uniform()*1500)
			slow.offer(now, size)
			got = append(got, o.deliver(time.Duration(now)*time.Millisecond, size, &c))
		}
		for now = now + 1; len(slow.out) < len(got); now += 1000 {
			slow.until(now)
		}
		for i, at := range got {
			if want := time.Duration(slow.out[i]) * time.Millisecond; at != want {
				t.Fatalf("recording %d, packet %d leaves at %v, step by step at %v", r, i, at, want)
			}
		}
	}
}

// A recording of one opportunity every 4 ms is 3 Mbit/s, whatever the size of
// the packets, as long as some wait.
func TestConstantOpportunitiesAreAConstantRate(t *testing.T) {
	o, err := NewOpportunities(millis([]int{4, 8, 12, 16, 20}))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{40, 100, 1499, 1500, 1501, 64_000} {
		var c opportunityCursor
		for sent := size; sent < 30_000_000; sent += size {
			at := o.deliver(0, size, &c)
			if want := time.Duration((sent+1499)/1500) * 4 * time.Millisecond; at != want {
				t.Fatalf("%d bytes in packets of %d are through at %v, not %v", sent, size, at, want)
			}
		}
	}
}

// An opportunity serves what waited before it, not what comes as it passes.
func TestOpportunityPassesUnused(t *testing.T) {
	o, err := NewOpportunities(millis([]int{10, 20}))
	if err != nil {
		t.Fatal(err)
	}
	const tick = 10 * time.Millisecond
	var c opportunityCursor
	for i, step := range []struct {
		from time.Duration
		size int
		want time.Duration
	}{
		{0, 700, tick},
		{5, 700, tick},            // in the same opportunity
		{tick - 1, 200, 2 * tick}, // 100 bytes in it, 100 in the next
		{tick, 1400, 2 * tick},    // the rest of that
		{2 * tick, 1, 3 * tick},   // it has passed
		{9*tick + 1, 1500, 10 * tick},
		{1000 * tick, 3001, 1003 * tick},
	} {
		if got := o.deliver(step.from, step.size, &c); got != step.want {
			t.Fatalf("packet %d, %d bytes at %v: %v, not %v", i, step.size, step.from, got, step.want)
		}
	}
}

func TestOpportunitiesRefused(t *testing.T) {
	for want, times := range map[string][]time.Duration{
		"no delivery opportunity":                {},
		"every delivery opportunity is at 0":     {0, 0},
		"opportunity 3 is at 4ns, before the la": {1, 5, 4, 6},
		"opportunity 1 is at -1ns":               {-1, 5},
	} {
		if _, err := NewOpportunities(times); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, not %q", times, err, want)
		}
	}
}

func BenchmarkOpportunities(b *testing.B) {
	var times []time.Duration
	for i := range 30_000 {
		times = append(times, time.Duration(i*2)*time.Millisecond)
	}
	o, err := NewOpportunities(times)
	if err != nil {
		b.Fatal(err)
	}
	var c opportunityCursor
	for i := 0; b.Loop(); i++ {
		o.deliver(time.Duration(i)*5*time.Millisecond, 1400, &c)
	}
}
