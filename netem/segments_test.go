package netem

import (
	"slices"
	"testing"
	"time"
)

// lossy makes a link lose everything, or nothing.
func lossy(l *Link, all bool) {
	p := 0.0
	if all {
		p = 1
	}
	l.ge = GE{LossGood: p, LossBad: p}
}

// opened is a connection open at both ends since well before one second, with
// nothing under way.
func opened(t *testing.T, path *Path, device, server Stack) *Law {
	t.Helper()
	l := NewLaw(path, device, server, 1)
	l.Open(0)
	drive(l, time.Second, func(Note) {})
	if l.ends[0].state != established || l.ends[1].state != established {
		t.Fatal("not open after a second")
	}
	return l
}

// repeats are the times at which the law repeated something until nothing is
// due by limit, and when an end gave up. Both ends read what comes.
func repeats(l *Law, limit time.Duration) (at []time.Duration, gaveUp time.Duration) {
	last := l.Counts().Retransmits
	for {
		due, ok := l.Due()
		if !ok || due > limit {
			return at, gaveUp
		}
		for _, n := range l.Step(due) {
			switch n.Kind {
			case GaveUp:
				gaveUp = n.At
			case Readable:
				l.Read(n.At, n.Side, l.Readable(n.Side))
			}
		}
		if c := l.Counts().Retransmits; c > last {
			last = c
			at = append(at, due)
		}
	}
}

// gaps are the distances of times.
func gaps(at []time.Duration) []time.Duration {
	var d []time.Duration
	for i := 1; i < len(at); i++ {
		d = append(d, at[i]-at[i-1])
	}
	return d
}

// esp-lwip tcp.c, tcp_slowtmr: three ticks of 500 ms, the first of which may
// come at once; then doubled seven times; 12 repeats; the end one tick later.
func TestLwIPDataRepeats(t *testing.T) {
	s := func(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }
	want := []time.Duration{s(3), s(6), s(12), s(24), s(48), s(96), s(192), s(192), s(192), s(192), s(192)}
	var firsts []time.Duration
	for i := range uint64(200) {
		path := fixed(0, 0, Key(i))
		l := opened(t, path, StackLwIP(), StackLinux())
		lossy(path.Up, true)
		l.Write(time.Second, DeviceSide, 100)
		at, gaveUp := repeats(l, time.Hour)
		first := at[0] - time.Second
		firsts = append(firsts, first)
		if first <= s(1) || first > s(1.5) || !slices.Equal(gaps(at), want) {
			t.Fatalf("first repeat after %v, then %v", first, gaps(at))
		}
		if gaveUp-at[len(at)-1] != s(0.5) {
			t.Fatalf("last repeat at %v, gave up at %v", at[len(at)-1], gaveUp)
		}
		if c := l.Counts(); c.RTOs != 12 {
			t.Fatalf("%d RTOs", c.RTOs)
		}
	}
	if spread := slices.Max(firsts) - slices.Min(firsts); spread < s(0.45) {
		t.Errorf("tick phases spread over %v only", spread)
	}
}

// lwIP's estimate in whole ticks (esp-lwip tcp_in.c, tcp_receive), by hand.
func TestLwIPRoundTripsInTicks(t *testing.T) {
	for name, c := range map[string]struct{ rtt, want []int }{
		"within a tick": {[]int{0, 0, 0, 0}, []int{3, 3, 3, 3}},
		"one tick":      {[]int{1, 1, 1, 1}, []int{4, 4, 4, 4}},
		"now and then":  {[]int{1, 0, 0, 1}, []int{4, 3, 3, 4}},
		"two ticks":     {[]int{2, 2, 2, 2, 2}, []int{5, 6, 7, 9, 8}},
	} {
		e := newEndpoint(StackLwIP(), 0)
		var got []int
		for _, m := range c.rtt {
			e.time(100*time.Millisecond, 0)
			e.sampleTicks(100*time.Millisecond + time.Duration(m)*500*time.Millisecond)
			got = append(got, int(e.rto/(500*time.Millisecond)))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: time-outs of %v ticks, want %v", name, got, c.want)
		}
	}
}

// RFC 6298 with Linux's floor: the deviation counts 200 ms at least.
func TestLinuxDataRepeats(t *testing.T) {
	for _, c := range []struct{ rtt, rto time.Duration }{
		{0, 200 * time.Millisecond},
		{80 * time.Millisecond, 280 * time.Millisecond},
		{400 * time.Millisecond, 1200 * time.Millisecond}, // 3 RTT after the first sample
	} {
		path := fixed(c.rtt, 0, 1)
		l := opened(t, path, StackLwIP(), StackLinux())
		lossy(path.Down, true)
		l.Write(time.Second, ServerSide, 100)
		at, gaveUp := repeats(l, time.Hour)
		want := c.rto
		for i, g := range gaps(append([]time.Duration{time.Second}, at...)) {
			if g != want {
				t.Fatalf("rtt %v: wait %d is %v, want %v", c.rtt, i, g, want)
			}
			want = min(2*want, 120*time.Second)
		}
		if len(at) != 15 || gaveUp-at[14] != want {
			t.Errorf("rtt %v: %d repeats, gave up after %v", c.rtt, len(at), gaveUp-at[14])
		}
	}
}

// RFC 6298, 5.7, and Linux's initial window after two repeats.
func TestLinuxIsSlowAfterARepeatedSYNACK(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 3)
	l := NewLaw(path, StackLwIP(), StackLinux(), 1)
	l.Open(0)
	lossy(path.Down, true)
	drive(l, 500*time.Millisecond, func(Note) {})
	lossy(path.Down, false)
	var open time.Duration
	drive(l, 4*time.Second, func(n Note) {
		if n.Side == DeviceSide && n.Kind == Opened {
			open = n.At
		}
	})
	// The server's timer (1 s after its SYN-ACK) or the device's third tick.
	device := l.ends[DeviceSide].tick0
	for device <= 0 {
		device += 500 * time.Millisecond
	}
	device += time.Second + 80*time.Millisecond // SYN repeated, a round trip
	if want := min(40*time.Millisecond+time.Second+40*time.Millisecond, device); open != want {
		t.Errorf("open at %v, want %v", open, want)
	}
	if e := &l.ends[ServerSide]; e.rto != 3*time.Second {
		t.Errorf("the server's RTO is %v, want 3 s", e.rto)
	}

	path = fixed(80*time.Millisecond, 0, 3)
	l = NewLaw(path, StackLwIP(), StackLinux(), 1)
	l.Open(0)
	lossy(path.Down, true)
	drive(l, 2*time.Second, func(Note) {})
	lossy(path.Down, false)
	drive(l, 8*time.Second, func(Note) {})
	if e := &l.ends[ServerSide]; e.synRepeats < 2 || e.cwnd != 1 {
		t.Errorf("after %d repeats the window is %v", e.synRepeats, e.cwnd)
	}
}

// Each SYN that comes again puts the server's own timer off (net/ipv4/
// tcp_minisocks.c, tcp_check_req): it strikes once, before the first of them,
// then after the last, and from there on at its own pace.
func TestRepeatedSYNPutsTheServersTimerOff(t *testing.T) {
	path := fixed(0, 0, 1)
	l := NewLaw(path, StackLwIP(), StackLinux(), 1)
	l.Open(0)
	lossy(path.Down, true)
	var strikes, syns []time.Duration
	for before, seen := 0, 0; ; {
		due, ok := l.Due()
		if !ok {
			break
		}
		for _, n := range l.Step(due) {
			if n.Kind == Arrived {
				l.Accept(n.At)
			}
		}
		if k := l.ends[ServerSide].synTimeouts; k > before {
			before = k
			strikes = append(strikes, due)
		}
		if k := l.ends[DeviceSide].synRepeats; k > seen {
			seen = k
			syns = append(syns, due)
		}
	}
	last := syns[len(syns)-1]
	want := []time.Duration{time.Second, last + 2*time.Second, last + 6*time.Second, last + 14*time.Second, last + 30*time.Second}
	if len(syns) != 12 || !slices.Equal(strikes, want) {
		t.Errorf("SYNs again at %v; SYN-ACKs by timer at %v, want %v", syns, strikes, want)
	}
}

// Three duplicate ACKs repeat the hole without waiting for the timer.
func TestFastRetransmit(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := opened(t, path, StackModem(), StackLinux())
	lossy(path.Down, true)
	l.Write(time.Second, ServerSide, 1440)
	lossy(path.Down, false)
	drive(l, 1180*time.Millisecond, func(Note) {})
	l.Write(1180*time.Millisecond, ServerSide, 3*1440)
	// The repeat leaves 20 ms before the first time-out would strike, and has
	// one of its own.
	at, _ := repeats(l, time.Minute)
	if c := l.Counts(); len(at) != 1 || at[0] != 1260*time.Millisecond || c.RTOs != 0 {
		t.Errorf("repeats at %v, %d RTOs", at, c.RTOs)
	}
	if got := l.ends[DeviceSide].read; got != 4*1440 {
		t.Errorf("%d bytes arrived", got)
	}
	// With two duplicates only, the timer does it.
	l = opened(t, fixed(80*time.Millisecond, 0, 1), StackModem(), StackLinux())
	lossy(l.links[ServerSide], true)
	l.Write(time.Second, ServerSide, 1440)
	lossy(l.links[ServerSide], false)
	l.Write(time.Second, ServerSide, 2*1440)
	at, _ = repeats(l, time.Minute)
	if len(at) != 1 || at[0] != 1280*time.Millisecond || l.Counts().RTOs != 1 {
		t.Errorf("two duplicates: repeats at %v", at)
	}
}

// An ACK that a repair had to wait for is no measure of the path (Karn): the
// time-out stays backed off until one is (RFC 6298, 5.7; net/ipv4/tcp_input.c,
// tcp_ack_update_rtt).
func TestRepairIsNoRoundTrip(t *testing.T) {
	l := opened(t, fixed(80*time.Millisecond, 0, 1), StackModem(), StackLinux())
	before := l.ends[ServerSide].rto
	lossy(l.links[ServerSide], true)
	l.Write(time.Second, ServerSide, 1440)
	lossy(l.links[ServerSide], false)
	l.Write(time.Second, ServerSide, 1440) // there, but its ACK waits for the first
	drive(l, time.Minute, func(Note) {})
	if got := l.ends[ServerSide].rto; got != 2*before {
		t.Errorf("RTO %v, was %v", got, before)
	}
	l.Write(2*time.Minute, ServerSide, 2*1440) // acknowledged at once
	drive(l, 3*time.Minute, func(Note) {})
	if got := l.ends[ServerSide].rto; got != before {
		t.Errorf("after a round trip, RTO %v, want %v", got, before)
	}
}
