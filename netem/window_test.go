package netem

import (
	"slices"
	"testing"
	"time"
)

// fill closes the device's window: the server writes more than it holds.
func fill(t *testing.T, path *Path, extra int) *Law {
	t.Helper()
	l := opened(t, path, StackLwIP(), StackLinux())
	l.Write(time.Second, ServerSide, StackLwIP().Window+extra)
	drive(l, 1500*time.Millisecond, func(Note) {})
	if l.Readable(DeviceSide) != StackLwIP().Window || l.ends[ServerSide].persistAt == never {
		t.Fatalf("%d bytes wait, probe at %v", l.Readable(DeviceSide), l.ends[ServerSide].persistAt)
	}
	return l
}

// arrives is when the device has n bytes more.
func arrives(l *Law, n int, limit time.Duration) time.Duration {
	var at time.Duration
	drive(l, limit, func(e Note) {
		if e.Side == DeviceSide && e.Kind == Readable && at == 0 && l.Readable(DeviceSide) >= n {
			at = e.At
		}
	})
	return at
}

// A window update crosses the link and what it lets through comes back: one
// round trip, no probe.
func TestWindowUpdate(t *testing.T) {
	l := fill(t, fixed(80*time.Millisecond, 0, 1), 1000)
	l.Read(1500*time.Millisecond, DeviceSide, 5760)
	if at := arrives(l, 1000, time.Minute); at != 1580*time.Millisecond {
		t.Errorf("the rest came at %v", at)
	}
	// lwIP tells of a quarter of its window, not of less.
	l = fill(t, fixed(80*time.Millisecond, 0, 1), 1000)
	before := l.Counts().Segments
	l.Read(1500*time.Millisecond, DeviceSide, 1439)
	if l.Counts().Segments != before {
		t.Error("a window update for 1439 bytes")
	}
	l.Read(1500*time.Millisecond, DeviceSide, 1)
	if l.Counts().Segments != before+1 {
		t.Error("no window update for 1440 bytes")
	}
}

// The window update is lost: the probe finds the window open.
func TestProbeRepairsALostWindowUpdate(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := fill(t, path, 1000)
	probe := l.ends[ServerSide].persistAt
	lossy(path.Up, true)
	l.Read(1500*time.Millisecond, DeviceSide, 5760)
	lossy(path.Up, false)
	if at := arrives(l, 1000, time.Minute); at != probe+120*time.Millisecond {
		t.Errorf("the rest came at %v; probe at %v", at, probe)
	}
}

// The back-off of the probes is not that of the data which the open window
// lets through.
func TestOpenWindowForgetsTheProbes(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := fill(t, path, 1000)
	drive(l, time.Minute, func(Note) {})
	lossy(path.Down, true)
	want := time.Minute + 40*time.Millisecond + l.ends[ServerSide].rto
	l.Read(time.Minute, DeviceSide, 5760)
	at, _ := repeats(l, 70*time.Second)
	if len(at) == 0 || at[0] != want {
		t.Errorf("repeats at %v, want the first at %v", at, want)
	}
}

// As long as the peer answers, a closed window is probed for ever, ever more
// seldom; once it falls silent, 15 times (RFC 9293, 3.8.6.1; tcp_retries2).
func TestProbesOfAClosedWindow(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := fill(t, path, 1000)
	var at []time.Duration
	step := func(limit time.Duration) (gaveUp time.Duration) {
		for {
			due, ok := l.Due()
			if !ok || due > limit {
				return gaveUp
			}
			sent := l.Counts().Bytes[ServerSide]
			for _, n := range l.Step(due) {
				if n.Kind == GaveUp {
					gaveUp = n.At
				}
			}
			if l.Counts().Bytes[ServerSide] > sent {
				at = append(at, due)
			}
		}
	}
	if gaveUp := step(2 * time.Hour); gaveUp != 0 {
		t.Fatalf("gave up at %v though the peer answers", gaveUp)
	}
	g := gaps(at)
	for i := 1; i < len(g); i++ {
		if want := min(2*g[i-1], 120*time.Second); g[i] != want {
			t.Fatalf("probe %d after %v, want %v", i+1, g[i], want)
		}
	}
	if len(at) < 60 {
		t.Errorf("%d probes in two hours", len(at))
	}
	lossy(path.Up, true)
	silent := len(at)
	if gaveUp := step(4 * time.Hour); gaveUp == 0 || len(at)-silent != 15 {
		t.Errorf("gave up at %v after %d unanswered probes", gaveUp, len(at)-silent)
	}
}

// ackTimes are when the side's bare ACKs leave.
func ackTimes(l *Law, side Side, limit time.Duration) []time.Duration {
	var at []time.Duration
	for {
		due, ok := l.Due()
		if !ok || due > limit {
			return at
		}
		sent := l.Counts().Bytes[side]
		l.Step(due)
		if l.Counts().Bytes[side] > sent {
			at = append(at, due)
		}
	}
}

func TestDelayedACK(t *testing.T) {
	// One small segment in a conversation: after 40 ms, by Linux.
	l := opened(t, fixed(80*time.Millisecond, 0, 1), StackLwIP(), StackLinux())
	l.ends[ServerSide].bothWays, l.ends[ServerSide].patience = true, 40*time.Millisecond
	l.Write(time.Second, DeviceSide, 100)
	if got := ackTimes(l, ServerSide, time.Minute); !slices.Equal(got, []time.Duration{1080 * time.Millisecond}) {
		t.Errorf("one segment: %v", got)
	}
	// More than a full one releases it.
	l.ends[ServerSide].bothWays = true
	l.Write(70*time.Second, DeviceSide, 1440)
	l.Write(70*time.Second+10*time.Millisecond, DeviceSide, 100)
	if got := ackTimes(l, ServerSide, 2*time.Minute); !slices.Equal(got, []time.Duration{70*time.Second + 50*time.Millisecond}) {
		t.Errorf("two segments: %v", got)
	}
	// lwIP's are sent on its 250 ms timer, wherever that stands.
	var late []time.Duration
	for i := range uint64(300) {
		l := opened(t, fixed(0, 0, Key(i)), StackLwIP(), StackLinux())
		l.Write(time.Second, ServerSide, 100)
		got := ackTimes(l, DeviceSide, time.Minute)
		if len(got) != 1 || got[0] <= time.Second || got[0] > 1250*time.Millisecond {
			t.Fatalf("lwIP: %v", got)
		}
		late = append(late, got[0]-time.Second)
	}
	slices.Sort(late)
	if late[30] > 50*time.Millisecond || late[270] < 200*time.Millisecond {
		t.Errorf("lwIP: p10 %v, p90 %v of 0 to 250 ms", late[30], late[270])
	}
	// Data on the way back takes it along.
	l = opened(t, fixed(80*time.Millisecond, 0, 1), StackLwIP(), StackLinux())
	l.ends[ServerSide].bothWays, l.ends[ServerSide].patience = true, 40*time.Millisecond
	l.Write(time.Second, DeviceSide, 100)
	drive(l, 1040*time.Millisecond, func(Note) {})
	before := l.Counts().Segments
	l.Write(1050*time.Millisecond, ServerSide, 10)
	if got := ackTimes(l, ServerSide, 1300*time.Millisecond); got != nil || l.Counts().Segments != before+1 {
		t.Errorf("acknowledged apart from the data: %v", got)
	}
}

// ACKs of a download stand in the uplink's queue before what the device says.
func TestACKsOccupyTheReverseLink(t *testing.T) {
	p := Profile{RTTFloor: RTTFloor{Min: 80}, Rate: Rate{Up: 8}} // 1 byte a ms
	path := NewPath(p, 1)
	l := NewLaw(path, StackModem(), StackLinux(), 1)
	l.Open(0)
	drive(l, 5*time.Second, func(Note) {})
	l.Write(5*time.Second, ServerSide, 10*1440)
	drive(l, 5040*time.Millisecond, func(Note) {})
	// Ten segments came at once: five ACKs of 40 bytes, 40 ms each.
	if want := 5240 * time.Millisecond; path.Up.free != want {
		t.Fatalf("the uplink is busy until %v, want %v", path.Up.free, want)
	}
	l.Write(5040*time.Millisecond, DeviceSide, 100)
	var there time.Duration
	drive(l, time.Minute, func(n Note) {
		if n.Side == ServerSide && n.Kind == Readable {
			there = n.At
		}
	})
	if want := 5420 * time.Millisecond; there != want { // + 140 ms on the air + 40 ms
		t.Errorf("100 bytes arrived at %v, want %v", there, want)
	}
}

// Bytes and segments are counted as IP sees them.
func TestCountsAtIPLevel(t *testing.T) {
	l := opened(t, fixed(80*time.Millisecond, 0, 1), StackLwIP(), StackLinux())
	want := Counts{Bytes: [2]int64{44 + 40, 44}, Segments: 3}
	if got := l.Counts(); got != want {
		t.Errorf("handshake: %+v, want %+v", got, want)
	}
	l.Write(time.Second, DeviceSide, 2000) // two segments, each acknowledged at the start
	drive(l, 2*time.Second, func(Note) {})
	want.Bytes[0] += 2000 + 2*40
	want.Bytes[1] += 2 * 40
	want.Segments += 4
	if got := l.Counts(); got != want {
		t.Errorf("2000 bytes up: %+v, want %+v", got, want)
	}
	lossy(l.links[ServerSide], true)
	l.Write(2*time.Second, ServerSide, 100)
	lossy(l.links[ServerSide], false)
	drive(l, 10*time.Second, func(Note) {}) // lost, RTO, repeat, ACK
	want.Bytes[0] += 40
	want.Bytes[1] += 2 * 140
	want.Segments += 3
	want.Lost, want.Retransmits, want.RTOs = 1, 1, 1
	if got := l.Counts(); got != want {
		t.Errorf("a repeat: %+v, want %+v", got, want)
	}
}

// Beyond the initial window the server waits for ACKs: ten segments, then
// twice as many a round trip.
func TestSlowStart(t *testing.T) {
	l := opened(t, fixed(80*time.Millisecond, 0, 1), StackModem(), StackLinux())
	l.Write(time.Second, ServerSide, 30*1440)
	arrived := map[time.Duration]int{}
	drive(l, time.Minute, func(n Note) {
		if n.Side == DeviceSide && n.Kind == Readable {
			k := l.Readable(DeviceSide)
			l.Read(n.At, DeviceSide, k)
			arrived[n.At] += k / 1440
		}
	})
	if arrived[1040*time.Millisecond] != 10 || arrived[1120*time.Millisecond] != 20 {
		t.Errorf("segments by arrival: %v", arrived)
	}
	// The device starts with three (RFC 6928 is not lwIP's).
	l = opened(t, fixed(80*time.Millisecond, 0, 1), StackLwIP(), StackLinux())
	l.Write(time.Second, DeviceSide, 5760)
	drive(l, 1040*time.Millisecond, func(Note) {})
	if got := l.Readable(ServerSide); got != 3*1440 {
		t.Errorf("%d bytes in the device's first flight", got)
	}
}
