package netem

import (
	"math"
	"testing"
	"time"
)

// quiet is a radio without variation: promotion 250 ms, idle after 10 s, DRX
// 320 ms after 300 ms, paging 1280 ms, 80 ms round trip.
func quiet() Profile {
	return Profile{
		RTTFloor: RTTFloor{Min: 80},
		RRC:      RRC{InactivityS: 10, Promotion: LogNormal{Median: 250}},
		DRX:      DRX{InactivityMs: 300, CycleMs: 320, PagingMs: 1280},
	}
}

const millisecond = time.Millisecond

// TestPromotionIsPaidOnce: from idle the first packet waits for the promotion,
// those that follow within the inactivity time do not.
func TestPromotionIsPaidOnce(t *testing.T) {
	p := NewPath(quiet(), seed(1))
	for _, c := range []struct{ now, arrival time.Duration }{
		{time.Second, 1290 * millisecond},
		{1100 * millisecond, 1290 * millisecond}, // while it is under way
		{1300 * millisecond, 1340 * millisecond},
		{11 * time.Second, 11040 * millisecond},                       // 9.7 s later
		{21*time.Second - 1, 21040*millisecond - 1},                   // the last moment
		{31*time.Second - 1, 31040*millisecond + 250*millisecond - 1}, // and the first too late
	} {
		if at, fate := p.Up.Send(c.now, 100, 0); fate != Delivered || at != c.arrival {
			t.Errorf("sent at %v: %v at %v, want %v", c.now, fate, at, c.arrival)
		}
	}
}

// TestWakeIsThePromotion: a device that asks first finds the link open, and
// pays no second time.
func TestWakeIsThePromotion(t *testing.T) {
	p := NewPath(quiet(), seed(1))
	at, ok := p.Wake(5*time.Second, seed(2))
	if !ok || at != 5250*millisecond {
		t.Fatalf("connected at %v, %v", at, ok)
	}
	if again, _ := p.Wake(5100*millisecond, seed(3)); again != at {
		t.Errorf("asked again while under way: %v", again)
	}
	if arrival, _ := p.Up.Send(at, 100, 0); arrival != at+40*millisecond {
		t.Errorf("the first packet arrives at %v", arrival)
	}
	if now, _ := p.Wake(6*time.Second, seed(4)); now != 6*time.Second {
		t.Errorf("connected, asked at 6 s: %v", now)
	}
}

// TestDRXDelaysOnlyLateDownlink: within the inactivity time a packet for the
// device passes, later it waits for the cycle, once; one from it never does.
func TestDRXDelaysOnlyLateDownlink(t *testing.T) {
	p := NewPath(quiet(), seed(1))
	at, _ := p.Wake(0, 0)
	now := at + 40*millisecond
	waits := map[Side]time.Duration{}
	var late []float64
	for i := range 2000 {
		now += 259 * millisecond // 299 after the last was on the air
		if at, _ := p.Down.Send(now, 100, 0); at != now+40*millisecond {
			t.Fatalf("after 299 ms it waits %v", at-now-40*millisecond)
		}
		now += 1007 * millisecond
		at, _ := p.Up.Send(now, 100, 0)
		waits[DeviceSide] += at - now - 40*millisecond
		now += 1003*millisecond + seed(uint64(i)).Within(320*millisecond)
		at, _ = p.Down.Send(now, 100, 0)
		wait := at - now - 40*millisecond
		late = append(late, float64(wait)/float64(320*millisecond))
		if second, _ := p.Down.Send(now+10*millisecond, 100, 0); second != max(at, now+50*millisecond) {
			t.Fatalf("the packet behind it waits anew: %v after %v", second, at)
		}
		now = at
	}
	if waits[DeviceSide] != 0 {
		t.Errorf("uplink waited %v", waits[DeviceSide])
	}
	var mean float64
	for _, w := range late {
		if w < 0 || w > 1 {
			t.Fatalf("waited %v cycles", w)
		}
		mean += w / float64(len(late))
	}
	if math.Abs(mean-0.5) > 0.03 { // 4 standard errors are 0.026
		t.Errorf("mean wait %v cycles", mean)
	}
}

// TestPagingIsForDownlink: idle, a packet for the device waits for the paging
// occasion and the promotion.
func TestPagingIsForDownlink(t *testing.T) {
	var waits []float64
	for i := range sampleSize() / 10 {
		p := NewPath(quiet(), seed(uint64(i)))
		now := time.Duration(i) * millisecond
		at, _ := p.Down.Send(now, 100, 0)
		waits = append(waits, float64(at-now-40*millisecond-250*millisecond)/float64(1280*millisecond))
	}
	kolmogorov(t, "paging wait", waits, func(x float64) (float64, float64) {
		u := min(max(x, 0), 1)
		return u, u
	})
}

// TestPromotionLaw: log-normal, with the tail and the failures of its profile.
func TestPromotionLaw(t *testing.T) {
	profile := quiet()
	profile.RRC = RRC{InactivityS: 10, Promotion: LogNormal{450, 0.5}, Tail: Tail{0.01, 2000, 6000}, FailProb: 0.02}
	n, failed, tail := sampleSize(), 0, 0
	var took []float64
	for i := range n {
		p := NewPath(profile, seed(uint64(i)))
		at, ok := p.Wake(0, seed(uint64(i)).Text("try"))
		switch {
		case !ok && at != accessTimer:
			t.Fatalf("failed at %v", at)
		case !ok:
			failed++
			if at, fate := p.Up.Send(at/2, 100, 0); fate != Lost {
				t.Fatalf("no access, and yet: %v at %v", fate, at)
			}
		default:
			took = append(took, at.Seconds()*1000)
			// Beyond this a log-normal value comes once in 5e5.
			if at > 4800*millisecond {
				tail++
			}
		}
	}
	proportion(t, "failures", failed, n, 0.02, zLimit)
	kolmogorov(t, "promotion", took, func(x float64) (float64, float64) {
		body := phi(math.Log(x/450) / 0.5)
		// The sum with U(2000, 6000), by its mean over 64 points.
		var sum float64
		for k := range 64 {
			if y := x - 2000 - (float64(k)+0.5)/64*4000; y > 0 {
				sum += phi(math.Log(y/450)/0.5) / 64
			}
		}
		f := 0.99*body + 0.01*sum
		return f, f
	})
	if tail == 0 {
		t.Error("no tail")
	}
}

// TestAttach: at power-on, once, with its time-out; afterwards the device is
// connected.
func TestAttach(t *testing.T) {
	profile := quiet()
	profile.Attach = Attach{MedianS: 12, Sigma: 0.7, TimeoutS: 20}
	var took []float64
	n, late := sampleSize()/10, 0
	for i := range n {
		p := NewPath(profile, seed(uint64(i)))
		at, ok := p.Attach(0, seed(uint64(i)).Text("attach"))
		if !ok {
			late++
			if at != 20*time.Second {
				t.Fatalf("timed out at %v", at)
			}
			continue
		}
		took = append(took, at.Seconds())
		if up, _ := p.Wake(at, 0); up != at {
			t.Fatalf("attached at %v, connected at %v", at, up)
		}
	}
	in := phi(math.Log(20.0/12) / 0.7)
	proportion(t, "attach timed out", late, n, 1-in, zLimit)
	kolmogorov(t, "attach", took, func(x float64) (float64, float64) {
		f := min(1, phi(math.Log(x/12)/0.7)/in)
		return f, f
	})
	p := NewPath(Profile{}, seed(1))
	if at, ok := p.Attach(time.Second, 0); !ok || at != time.Second {
		t.Errorf("a link without attach took %v", at-time.Second)
	}
}
