package netem

import (
	"math"
	"testing"
	"time"
)

// fixed is a path without randomness: half of rtt each way, and independent
// loss per packet.
func fixed(rtt time.Duration, loss float64, key Key) *Path {
	p := Profile{RTTFloor: RTTFloor{Min: float64(rtt) / 1e6}, GE: GE{LossBad: loss, LossGood: loss}}
	return NewPath(p, key)
}

// drive steps a law until limit, answering the SYN at once, and calls on for
// every note.
func drive(l *Law, limit time.Duration, on func(Note)) {
	for {
		due, ok := l.Due()
		if !ok || due > limit {
			return
		}
		for _, n := range append([]Note(nil), l.Step(due)...) {
			if n.Kind == Arrived {
				l.Accept(n.At)
			}
			on(n)
		}
	}
}

func TestConnectTakesOneRoundTrip(t *testing.T) {
	l := NewLaw(fixed(80*time.Millisecond, 0, 1), StackLwIP(), StackLinux(), 1)
	l.Open(5 * time.Millisecond)
	var opened [2]time.Duration
	drive(l, time.Minute, func(n Note) {
		if n.Kind == Opened {
			opened[n.Side] = n.At
		}
	})
	if want := [2]time.Duration{85 * time.Millisecond, 125 * time.Millisecond}; opened != want {
		t.Errorf("opened at %v, want %v", opened, want)
	}
}

// A SYN or a SYN-ACK is lost in 1 − 0.97² = 5.91 % of connects.
func TestRepeatedSYNShare(t *testing.T) {
	const n = 100_000
	seed, repeated, delayed := Seed(1), 0, 0
	for i := range uint64(n) {
		key := seed.Of(i)
		l := NewLaw(fixed(80*time.Millisecond, 0.03, key), StackLwIP(), StackLinux(), key)
		l.Open(0)
		drive(l, 10*time.Second, func(n Note) {
			if n.Kind == Opened && n.Side == DeviceSide && n.At > 80*time.Millisecond {
				delayed++
			}
		})
		if l.Counts().Retransmits > 0 {
			repeated++
		}
	}
	share := 100 * float64(delayed) / n
	if math.Abs(share-5.91) > 0.3 {
		t.Errorf("%.2f %% of connects waited for a repeat, want 5.91 ± 0.3", share)
	}
	t.Logf("%.2f %% waited for a repeated SYN or SYN-ACK; %d of %d laws repeated something", share, repeated, n)
}

// esp-lwip: the first repeat after 1.0–1.5 s, then every 1.5 s without
// back-off, 12 repeats, abort at 18.0–18.5 s.
func TestLwIPSilence(t *testing.T) {
	for i := range uint64(200) {
		l := NewLaw(fixed(80*time.Millisecond, 1, Key(i)), StackLwIP(), StackLinux(), Key(i))
		l.Open(0)
		var syns []time.Duration
		var gaveUp time.Duration
		last := int64(0)
		for gaveUp == 0 {
			due, ok := l.Due()
			if !ok {
				t.Fatal("nothing due, and not given up")
			}
			for _, n := range l.Step(due) {
				if n.Kind == GaveUp {
					gaveUp = n.At
				}
			}
			if s := l.Counts().Retransmits; s > last {
				last = s
				syns = append(syns, due)
			}
		}
		if len(syns) != 12 || syns[0] <= time.Second || syns[0] > 1500*time.Millisecond {
			t.Fatalf("repeats at %v", syns)
		}
		for j := 1; j < len(syns); j++ {
			if syns[j]-syns[j-1] != 1500*time.Millisecond {
				t.Fatalf("repeats at %v", syns)
			}
		}
		if gaveUp <= 18*time.Second || gaveUp > 18500*time.Millisecond {
			t.Fatalf("gave up at %v", gaveUp)
		}
	}
}

// transfer sends n bytes from one side and returns when the other had them.
func transfer(l *Law, from Side, n int, limit time.Duration) (time.Duration, int) {
	left, got := n, 0
	var at time.Duration
	put := func(now time.Duration) {
		if left > 0 {
			left -= l.Write(now, from, left)
		}
	}
	l.Open(0)
	drive(l, limit, func(e Note) {
		switch {
		case e.Side == from && (e.Kind == Opened || e.Kind == Writable):
			put(e.At)
		case e.Side == from.other() && e.Kind == Readable:
			k := l.Readable(e.Side)
			got += k
			l.Read(e.At, e.Side, k)
			at = e.At
		}
	})
	return at, got
}

func TestBytesArriveWhateverIsLost(t *testing.T) {
	for _, loss := range []float64{0, 0.01, 0.1, 0.3} {
		for side := DeviceSide; side <= ServerSide; side++ {
			for i := range uint64(50) {
				key := Seed(7).Of(i)
				l := NewLaw(fixed(60*time.Millisecond, loss, key), StackLwIP(), StackLinux(), key)
				if _, got := transfer(l, side, 24_000, 30*time.Minute); got != 24_000 && !l.Done() && l.ends[side].state != gone && l.ends[0].state != gone {
					t.Fatalf("loss %v side %d key %d: %d of 24000 bytes arrived", loss, side, i, got)
				}
			}
		}
	}
}

// A receiver that does not read closes the window: no more than it is sent.
func TestWindowCloses(t *testing.T) {
	dev := StackLwIP()
	l := NewLaw(fixed(60*time.Millisecond, 0, 1), dev, StackLinux(), 1)
	l.Open(0)
	drive(l, time.Minute, func(e Note) {
		if e.Side == ServerSide && e.Kind == Opened {
			l.Write(e.At, ServerSide, 100_000)
		}
	})
	if got := l.Readable(DeviceSide); got != dev.Window {
		t.Fatalf("%d bytes wait, window %d", got, dev.Window)
	}
	// Reading reopens it, by update or by probe.
	l.Read(time.Minute, DeviceSide, dev.Window)
	drive(l, 2*time.Minute, func(Note) {})
	if got := l.Readable(DeviceSide); got != dev.Window {
		t.Fatalf("after reading, %d bytes wait", got)
	}
}

func TestSendBufferBlocks(t *testing.T) {
	dev := StackLwIP()
	l := NewLaw(fixed(60*time.Millisecond, 0, 1), dev, StackLinux(), 1)
	l.Open(0)
	var took int
	var writable time.Duration
	drive(l, time.Minute, func(e Note) {
		switch {
		case e.Side == DeviceSide && e.Kind == Opened:
			took = l.Write(e.At, DeviceSide, 10_000)
		case e.Kind == Writable && writable == 0:
			writable = e.At
		case e.Side == ServerSide && e.Kind == Readable:
			l.Read(e.At, ServerSide, l.Readable(ServerSide))
		}
	})
	if took != dev.SendBuffer {
		t.Errorf("took %d bytes, want %d", took, dev.SendBuffer)
	}
	if writable != 120*time.Millisecond {
		t.Errorf("writable at %v, want a round trip after the write", writable)
	}
}

func TestCloseEndsBoth(t *testing.T) {
	l := NewLaw(fixed(60*time.Millisecond, 0, 1), StackLwIP(), StackLinux(), 1)
	l.Open(0)
	var log []Note
	drive(l, time.Minute, func(e Note) {
		log = append(log, e)
		switch {
		case e.Side == DeviceSide && e.Kind == Opened:
			l.Close(e.At, DeviceSide)
		case e.Side == ServerSide && e.Kind == EOF:
			l.Close(e.At, ServerSide)
		}
	})
	if !l.Done() || log[len(log)-1].Kind != Closed {
		t.Fatalf("not closed: %+v", log)
	}
}

func TestResetCrossesTheLink(t *testing.T) {
	l := NewLaw(fixed(60*time.Millisecond, 0, 1), StackLwIP(), StackLinux(), 1)
	l.Open(0)
	var reset time.Duration
	drive(l, time.Minute, func(e Note) {
		switch {
		case e.Side == ServerSide && e.Kind == Opened:
			l.Abort(e.At, ServerSide)
		case e.Side == DeviceSide && e.Kind == Reset:
			reset = e.At
		}
	})
	if reset != 120*time.Millisecond || !l.Done() {
		t.Fatalf("reset at %v, done %v", reset, l.Done())
	}
}

// One more segment in a phase changes no draw of a later phase.
func TestExtraSegmentMovesNoLaterDraw(t *testing.T) {
	keys := func(extra bool) []Key {
		l := NewLaw(fixed(0, 0, 1), StackLwIP(), StackLinux(), 9)
		l.Phase(1)
		for range 3 {
			l.ackKey(DeviceSide)
		}
		if extra {
			l.ackKey(DeviceSide)
			l.ends[DeviceSide].segments++
		}
		l.Phase(2)
		e := &l.ends[DeviceSide]
		return []Key{l.ackKey(DeviceSide), l.key.Of(drawData, l.phase, 0, e.segments, 0)}
	}
	a, b := keys(false), keys(true)
	if a[0] != b[0] || a[1] != b[1] {
		t.Errorf("keys of phase 2 moved: %v, %v", a, b)
	}
}
