package netem

import (
	"math"
	"slices"
	"testing"
	"time"
)

// visits are when probes sent each 50 ms over a link are lost, or how late
// they arrive.
func visits(p *Path, length time.Duration) (lost []bool, late []time.Duration) {
	for now := time.Duration(0); now < length; now += 50 * millisecond {
		at, fate := p.Up.Send(now, 100, 0)
		lost = append(lost, fate == Lost)
		late = append(late, max(0, at-now))
	}
	return lost, late
}

// TestCellSharesItsOutagesAndStalls: devices of one cell meet them together,
// and no device of another does; handovers are a device's own.
func TestCellSharesItsOutagesAndStalls(t *testing.T) {
	const hour = time.Hour
	outage := Profile{Outage: Outage{PerHour: 6, MedianS: 5, Sigma: 1, MaxS: 120}}
	stall := Profile{Stall: Stall{PerMin: 3, Median: 600, Sigma: 0.7}}
	handover := Profile{Handover: Handover{PerMin: 3, Median: 500, Sigma: 0.7}}
	for _, c := range []struct {
		name    string
		profile Profile
		shared  bool
	}{{"outage", outage, true}, {"stall", stall, true}, {"handover", handover, false}} {
		cell := NewCell(seed(1))
		in := func(cell *Cell, key Key) ([]bool, []time.Duration) {
			return visits(cell.Path([]Class{{Profile: c.profile}}, key, 0), hour)
		}
		lostA, lateA := in(cell, seed(10))
		lostB, lateB := in(cell, seed(11))
		lostC, lateC := in(NewCell(seed(2)), seed(10))
		same := slices.Equal(lostA, lostB) && slices.Equal(lateA, lateB)
		if same != c.shared {
			t.Errorf("%s: two devices of a cell alike: %v", c.name, same)
		}
		other := slices.Equal(lostA, lostC) && slices.Equal(lateA, lateC)
		if other == c.shared {
			t.Errorf("%s: a device alike in another cell: %v", c.name, other)
		}
	}
}

// TestStallsWaitOutagesKill: in a stall packets wait and then arrive together,
// none lost and none out of order; in an outage they are lost.
func TestStallsWaitOutagesKill(t *testing.T) {
	lost, late := visits(NewPath(Profile{Stall: Stall{PerMin: 4, Median: 700, Sigma: 0.55}}, seed(3)), time.Hour)
	if slices.Contains(lost, true) {
		t.Error("a packet died in a stall")
	}
	stalls, waiting := 0, false
	for i, l := range late {
		if i > 0 && late[i-1] > l+50*millisecond {
			t.Fatalf("packet %d overtakes", i)
		}
		if l > 0 && !waiting {
			stalls++
		}
		waiting = l > 0
	}
	// 240 an hour, less those that fell between two probes.
	if stalls < 180 || stalls > 290 {
		t.Errorf("%d stalls in an hour", stalls)
	}
	lost, late = visits(NewPath(Profile{Outage: Outage{PerHour: 60, MedianS: 5, Sigma: 1, MaxS: 80}}, seed(3)), 4*time.Hour)
	if slices.ContainsFunc(late, func(d time.Duration) bool { return d > 0 }) {
		t.Error("a packet waited in an outage")
	}
	runs, out := 0, 0
	for i, l := range lost {
		if l && (i == 0 || !lost[i-1]) {
			runs++
		}
		if l {
			out++
		}
	}
	if runs < 180 || runs > 300 { // 240, sd 15
		t.Errorf("%d outages in 4 hours", runs)
	}
	// LN(5 s, 1) has mean 8.24 s; 240 of them, sd 10.8 s each.
	if mean := float64(out) * 0.05 / float64(runs); math.Abs(mean-8.2) > 2.8 {
		t.Errorf("mean outage %v s", mean)
	}
}

// TestPulsesKeepTheirRate: so many a minute in all, however long they are;
// gaps exponential, lengths of their law.
func TestPulsesKeepTheirRate(t *testing.T) {
	s := Stall{PerMin: 5.6, Median: 617, Sigma: 0.9}
	p := newPulses(seed(7), s.PerMin/60, s.mean(), s.length)
	var gaps, lengths []float64
	var end time.Duration
	for range sampleSize() {
		q := p.at(end)
		gaps = append(gaps, (q.from-end).Seconds()/p.gap)
		lengths = append(lengths, (q.to-q.from).Seconds()*1000)
		end = q.to
	}
	perMin := float64(len(gaps)) / end.Minutes()
	t.Logf("%.3f a minute", perMin)
	if math.Abs(perMin/5.6-1) > 4/math.Sqrt(float64(len(gaps))) {
		t.Errorf("%v a minute, want 5.6", perMin)
	}
	kolmogorov(t, "gaps", gaps, func(x float64) (float64, float64) { f := 1 - math.Exp(-max(x, 0)); return f, f })
	kolmogorov(t, "lengths", lengths, func(x float64) (float64, float64) {
		f := phi(math.Log(x/617) / 0.9)
		return f, f
	})
}

// TestCrowdSlowsPromotion: with n others under way the median grows by n/10
// and the failures by n/5.
func TestCrowdSlowsPromotion(t *testing.T) {
	rrc := RRC{InactivityS: 10, Promotion: LogNormal{Median: 300}, FailProb: 0.02}
	const others = 20
	n, failed := sampleSize()/5, 0
	for i := range n {
		cell := NewCell(seed(uint64(i)))
		for range others {
			cell.promote(0, time.Second)
		}
		cell.promote(-time.Second, 0)                  // over
		cell.promote(500*millisecond, 700*millisecond) // not yet
		p := cell.Path([]Class{{Profile: Profile{RRC: rrc}}}, seed(uint64(i)), 0)
		at, ok := p.Wake(100*millisecond, seed(uint64(i)).Text("try"))
		if !ok {
			failed++
		} else if at != 1000*millisecond {
			t.Fatalf("connected at %v, want 100 ms + 3 times 300 ms", at)
		}
	}
	proportion(t, "failures in a crowd", failed, n, 0.1, zLimit)
	// What is over is forgotten.
	cell := NewCell(0)
	for i := range 1000 {
		cell.promote(time.Duration(i)*time.Second, time.Duration(i)*time.Second+1)
		cell.crowd(time.Duration(i) * time.Second)
	}
	if len(cell.promoting) > 3 {
		t.Errorf("%d promotions kept", len(cell.promoting))
	}
}

// TestCrossTrafficIsAQueue: the wait before a packet has the law of an M/M/1
// queue of this load, is the cell's, and counts against the byte limit.
func TestCrossTrafficIsAQueue(t *testing.T) {
	const rate, load = 600e3, 0.85
	c := newCrossTraffic(seed(5), load, rate)
	service := 1500 * 8 / rate
	var waits []float64
	for i := range sampleSize() {
		waits = append(waits, c.wait(time.Duration(i)*20*c.noise.grid).Seconds())
	}
	kolmogorov(t, "wait", waits, func(x float64) (float64, float64) {
		if x < 0 {
			return 0, 0
		}
		f := 1 - load*math.Exp(-x*(1-load)/service)
		if x == 0 {
			return 0, 1 - load
		}
		return f, f
	})
	profile := Profile{Rate: Rate{Down: rate / 1000}, CrossLoad: Load{Down: load}, QueueBytes: UpDown{Down: 16384}}
	cell := NewCell(seed(5))
	dropped, waited := 0, 0
	for i := range 2000 {
		a := cell.Path([]Class{{Profile: profile}}, seed(uint64(2*i)), 0)
		b := cell.Path([]Class{{Profile: profile}}, seed(uint64(2*i+1)), 0)
		now := time.Duration(i) * time.Minute
		at, fate := a.Down.Send(now, 1500, 0)
		if other, too := b.Down.Send(now, 1500, 0); other != at || too != fate {
			t.Fatalf("two devices of a cell wait %v and %v", at-now, other-now)
		}
		wait := a.Down.cross.wait(now)
		if full := a.Down.cross.bytes(wait)+1500 > 16384; full != (fate == Dropped) {
			t.Fatalf("wait %v: %v", wait, fate)
		}
		switch {
		case fate == Dropped:
			dropped++
		case at-now != wait+seconds(service):
			t.Fatalf("arrives after %v, behind %v", at-now, wait)
		case wait > 0:
			waited++
		}
	}
	if dropped == 0 || waited == 0 {
		t.Errorf("%d dropped, %d waited", dropped, waited)
	}
}

// TestClassesFollowTheSchedule: from its time on a path has the numbers of
// the class; a device keeps its place in each floor's distribution.
func TestClassesFollowTheSchedule(t *testing.T) {
	classes := []Class{
		{Profile: Profile{RTTFloor: RTTFloor{Min: 40}}},
		{From: 10 * time.Second, Profile: Profile{RTTFloor: RTTFloor{Min: 100}, Outage: Outage{PerHour: 3600000, MedianS: 1000}}},
		{From: 20 * time.Second, Profile: Profile{RTTFloor: RTTFloor{Min: 200}}},
	}
	p := NewCell(0).Path(classes, seed(1), 10*millisecond)
	for _, c := range []struct{ now, delay time.Duration }{
		{0, 15 * millisecond}, {10*time.Second - 1, 15 * millisecond}, {20 * time.Second, 95 * millisecond}, {time.Hour, 95 * millisecond},
	} {
		if c.now == 20*time.Second {
			if _, fate := p.Up.Send(15*time.Second, 100, 0); fate != Lost {
				t.Errorf("in the class of outages: %v", fate)
			}
		}
		if at, fate := p.Up.Send(c.now, 100, 0); fate != Delivered || at-c.now != c.delay {
			t.Errorf("at %v: %v after %v, want %v", c.now, fate, at-c.now, c.delay)
		}
	}
	for i := range 100 {
		floor := func(median float64) time.Duration {
			return NewPath(Profile{RTTFloor: RTTFloor{Median: median, Sigma: 0.5}}, seed(uint64(i))).RTT()
		}
		if a, b := floor(50), floor(100); math.Abs(float64(b)/float64(a)-2) > 1e-6 {
			t.Fatalf("floors %v and %v", a, b)
		}
	}
}

// TestRealPathIsTakenOff: as far as the floor goes.
func TestRealPathIsTakenOff(t *testing.T) {
	for behind, want := range map[time.Duration]time.Duration{0: 80 * millisecond, 30 * millisecond: 50 * millisecond, 90 * millisecond: 0} {
		p := NewCell(0).Path([]Class{{Profile: Profile{RTTFloor: RTTFloor{Min: 80}, UpShare: 0.6}}}, 0, behind)
		up, _ := p.Up.Send(0, 100, 0)
		down, _ := p.Down.Send(0, 100, 0)
		if up+down != want || p.RTT() != want {
			t.Errorf("%v behind: %v + %v, want %v", behind, up, down, want)
		}
	}
}

// TestLookupWithARealPathBehind: what was taken off the link for the real
// path, a lookup does not go; its resolver is that much further away.
func TestLookupWithARealPathBehind(t *testing.T) {
	for _, behind := range []time.Duration{0, 30 * millisecond, 200 * millisecond} {
		p := NewCell(0).Path([]Class{{Profile: Profile{RTTFloor: RTTFloor{Min: 80}}}}, 0, behind)
		l := NewLookup(time.Second, p, 0)
		if at, found, over := l.Step(time.Minute); !found || !over || at != 1080*millisecond {
			t.Errorf("%v behind: %v, %v", behind, at, found)
		}
	}
}
