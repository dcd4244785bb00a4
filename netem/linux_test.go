package netem

import (
	"slices"
	"testing"
	"time"
)

// packetID is the n-th packet that a side sends.
type packetID struct {
	side Side
	n    int
}

// lossScript says which packets of either side are lost, counted from 0.
type lossScript struct {
	lose [2]map[int]bool
	sent [2]int
}

func (s *lossScript) next(side Side) (lost bool) {
	lost = s.lose[side][s.sent[side]]
	s.sent[side]++
	return lost
}

func newLossScript(lose []packetID) *lossScript {
	s := &lossScript{lose: [2]map[int]bool{{}, {}}}
	for _, p := range lose {
		s.lose[p.side][p.n] = true
	}
	return s
}

// linuxPair is a connection between two Linux ends, open well before one
// second.
func linuxPair(t *testing.T, rtt time.Duration) *Law {
	t.Helper()
	return opened(t, fixed(rtt, 0, 1), StackLinux(), StackLinux())
}

// tcp_syn_linear_timeouts 4 and tcp_syn_retries 6: SYNs each second for five
// seconds, then after 2, 4, 8, 16, 32 s; the end at 131 s.
func TestLinuxSYNTimes(t *testing.T) {
	l := NewLaw(fixed(80*time.Millisecond, 1, 1), StackLinux(), StackLinux(), 1)
	sent := packets(l)
	l.Open(0)
	gaveUp := finish(l, time.Hour)
	if got, want := times(*sent, DeviceSide, "SYN"), inSeconds(0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67); !slices.Equal(got, want) {
		t.Errorf("SYNs at %v, want %v", got, want)
	}
	if gaveUp != 131*time.Second {
		t.Errorf("gave up at %v", gaveUp)
	}
}

// tcp_synack_retries 5, where the client has fallen silent: SYN-ACKs after 1,
// 2, 4, 8, 16 s, the end at 63 s.
func TestLinuxSYNACKTimes(t *testing.T) {
	path := fixed(0, 0, 1)
	l := NewLaw(path, StackLwIP(), StackLinux(), 1)
	sent := packets(l)
	l.Open(0)
	lossy(path.Down, true)
	drive(l, 0, func(Note) {})
	l.Abort(0, DeviceSide)
	gaveUp := finish(l, time.Hour)
	if got, want := times(*sent, ServerSide, "SYN-ACK"), inSeconds(0, 1, 3, 7, 15, 31); !slices.Equal(got, want) {
		t.Errorf("SYN-ACKs at %v, want %v", got, want)
	}
	if gaveUp != 63*time.Second {
		t.Errorf("gave up at %v", gaveUp)
	}
}

// Where SACK is agreed, a tail loss probe comes first and the time-out counts
// from it: 280 ms, then 280, 560, 1120 ms ...
func TestLinuxDataTimesWithSACK(t *testing.T) {
	l := linuxPair(t, 80*time.Millisecond)
	lossy(l.links[ServerSide], true)
	sent := packets(l)
	l.Write(time.Second, ServerSide, 100)
	gaveUp := finish(l, time.Hour)
	got := gaps(times(*sent, ServerSide, "data"))
	want := []time.Duration{280 * time.Millisecond}
	for d := 280 * time.Millisecond; len(want) < 16; d = min(2*d, 120*time.Second) {
		want = append(want, d)
	}
	if !slices.Equal(got, want) || l.Counts().RTOs != 15 || gaveUp == 0 {
		t.Errorf("waits %v, want %v; %d time-outs, gave up at %v", got, want, l.Counts().RTOs, gaveUp)
	}
}

// The probe of a flight's tail comes two round trips and 2 ms after it (RFC
// 8985, 7.2), where one segment is out one delayed ACK later and no later than
// the time-out. It is the flight's last segment, and its loss cuts the window.
func TestTailLossProbe(t *testing.T) {
	for _, c := range []struct {
		segments, lost int // from the end
		probe          time.Duration
	}{
		{1, 1, 280 * time.Millisecond},
		{3, 3, 162 * time.Millisecond},
		// Two of three are acknowledged 80 ms on, which leaves one out.
		{3, 1, 80*time.Millisecond + 280*time.Millisecond},
	} {
		l := linuxPair(t, 80*time.Millisecond)
		sent := packets(l)
		for i := range c.segments {
			lossy(l.links[ServerSide], i >= c.segments-c.lost)
			l.Write(time.Second, ServerSide, 1448)
		}
		lossy(l.links[ServerSide], false)
		drive(l, time.Second+c.probe+79*time.Millisecond, func(Note) {})
		data := times(*sent, ServerSide, "data")
		if len(data) != c.segments+1 || data[c.segments] != time.Second+c.probe {
			t.Fatalf("%d of %d lost: sent at %v, want a probe after %v", c.lost, c.segments, data, c.probe)
		}
		if last := (*sent)[slices.IndexFunc(*sent, func(ev PathEvent) bool { return ev.Again })]; last.Seq != int64(1448*(c.segments-1)) {
			t.Errorf("the probe is of byte %d", last.Seq)
		}
		drive(l, 5*time.Second, func(Note) {})
		l.Write(5*time.Second, ServerSide, 100) // the next ACK tells
		drive(l, 10*time.Second, func(Note) {})
		e := &l.ends[ServerSide]
		if l.Counts().RTOs != 0 || e.una != int64(1448*c.segments+100) || e.cwnd != 7 {
			t.Errorf("%d of %d lost: %d time-outs, %d bytes acknowledged, window %d", c.lost, c.segments, l.Counts().RTOs, e.una, e.cwnd)
		}
	}
}

// A probe of what had arrived is told by a DSACK and costs nothing (RFC 8985,
// 7.4.2).
func TestNeedlessProbeCostsNothing(t *testing.T) {
	l := linuxPair(t, 80*time.Millisecond)
	lossy(l.links[DeviceSide], true)
	l.Write(time.Second, ServerSide, 1448)
	drive(l, 1200*time.Millisecond, func(Note) {}) // its ACK is lost
	lossy(l.links[DeviceSide], false)
	drive(l, 5*time.Second, func(Note) {})
	if e, c := &l.ends[ServerSide], l.Counts(); e.cwnd != 10 || c.Retransmits != 1 || c.RTOs != 0 {
		t.Errorf("window %d after %+v", e.cwnd, c)
	}
}

// RACK: what is missing is repeated once something sent later has arrived and a
// quarter of a round trip has passed; at once, if three segments have.
func TestRACK(t *testing.T) {
	for _, c := range []struct {
		after  int // segments behind the hole
		repeat time.Duration
	}{
		{1, 80*time.Millisecond + 22*time.Millisecond},
		{2, 80*time.Millisecond + 22*time.Millisecond},
		{3, 80 * time.Millisecond},
	} {
		l := linuxPair(t, 80*time.Millisecond)
		sent := packets(l)
		for i := range 1 + c.after {
			lossy(l.links[ServerSide], i == 0)
			l.Write(time.Second, ServerSide, 1448)
		}
		lossy(l.links[ServerSide], false)
		drive(l, 5*time.Second, func(Note) {})
		data := times(*sent, ServerSide, "data")
		if len(data) != 2+c.after || data[1+c.after] != time.Second+c.repeat {
			t.Errorf("%d behind the hole: sent at %v, want a repeat after %v", c.after, data, c.repeat)
		}
		if n := l.Counts(); n.RTOs != 0 || l.Readable(DeviceSide) != 1448*(1+c.after) {
			t.Errorf("%d behind the hole: %+v", c.after, n)
		}
	}
}

// The repeat of a hole that is lost again is repeated too, without a time-out.
func TestRACKRepeatsARepeat(t *testing.T) {
	l := linuxPair(t, 80*time.Millisecond)
	script := newLossScript([]packetID{{ServerSide, 0}, {ServerSide, 12}}) // the hole, and its repeat after two new ones
	var sent []PathEvent
	lossy(l.links[ServerSide], script.next(ServerSide))
	l.path.Watch = func(ev PathEvent) {
		sent = append(sent, ev)
		if ev.Kind == Packet && ev.Side == ServerSide {
			lossy(l.links[ServerSide], script.next(ServerSide))
		}
	}
	l.Write(time.Second, ServerSide, 20*1448)
	drive(l, 5*time.Second, func(n Note) {
		if n.Kind == Readable {
			l.Read(n.At, n.Side, l.Readable(n.Side))
		}
	})
	var again []time.Duration
	for _, ev := range sent {
		if ev.Again && ev.Seq == 0 {
			again = append(again, ev.At)
		}
	}
	if want := inSeconds(1.08, 1.16); !slices.Equal(again, want) || l.Counts().RTOs != 0 {
		t.Errorf("repeats at %v, want %v; %d time-outs", again, want, l.Counts().RTOs)
	}
}

// A retried handshake, with timestamps: the client whose SYN-ACK was lost takes
// the echo of its first SYN for a round trip of more than a second; the server
// that sent twice begins with one segment.
func TestLinuxIsSlowAfterALostSYNACK(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := NewLaw(path, StackLinux(), StackLinux(), 1)
	l.Open(0)
	lossy(path.Down, true)
	drive(l, 50*time.Millisecond, func(Note) {}) // lost at 40 ms
	lossy(path.Down, false)
	drive(l, 3*time.Second, func(Note) {})
	// The SYN comes again at 1 s and is answered at 1.04 s, when the server's
	// own timer strikes too.
	d, s := &l.ends[DeviceSide], &l.ends[ServerSide]
	if d.srtt != 1080*time.Millisecond || d.rto != 3*1080*time.Millisecond {
		t.Errorf("client: round trip %v, RTO %v", d.srtt, d.rto)
	}
	if s.synRepeats < 1 || s.srtt != 80*time.Millisecond {
		t.Errorf("server: %d repeats, round trip %v", s.synRepeats, s.srtt)
	}

	path = fixed(80*time.Millisecond, 0, 1)
	l = NewLaw(path, StackLwIP(), StackLinux(), 1)
	l.Open(0)
	lossy(path.Down, true)
	drive(l, 2*time.Second, func(Note) {})
	lossy(path.Down, false)
	drive(l, 5*time.Second, func(Note) {})
	sent := packets(l)
	l.Write(6*time.Second, ServerSide, 3*1440)
	drive(l, 10*time.Second, func(Note) {})
	if got, want := times(*sent, ServerSide, "data"), inSeconds(6, 6.08, 6.08); len(got) != 3 || got[0] != want[0] || got[1] < want[1] {
		t.Errorf("after %d SYN-ACKs, a flight of three at %v", 1+l.ends[ServerSide].synRepeats, got)
	}
}

// A time-out that only a stall brought about is undone: the ACK echoes a
// timestamp from before the repeat (RFC 4015; net/ipv4/tcp_input.c,
// tcp_try_undo_loss).
func TestSpuriousTimeoutIsUndone(t *testing.T) {
	l := linuxPair(t, 80*time.Millisecond)
	l.Write(time.Second, ServerSide, 8*1448)
	for i := range l.flight[ServerSide] { // the link stalls
		l.flight[ServerSide][i].at += time.Second
	}
	l.links[ServerSide].arrival += time.Second
	drive(l, 5*time.Second, func(n Note) {
		if n.Kind == Readable {
			l.Read(n.At, n.Side, l.Readable(n.Side))
		}
	})
	e := &l.ends[ServerSide]
	if l.Counts().RTOs == 0 || e.cwnd < 10 || e.ca != caOpen {
		t.Errorf("%d time-outs, window %d, state %d", l.Counts().RTOs, e.cwnd, e.ca)
	}
}

// Small segments that were lost together are repeated together
// (net/ipv4/tcp_output.c, tcp_retrans_try_collapse).
func TestRepeatsAreJoined(t *testing.T) {
	l := opened(t, fixed(80*time.Millisecond, 0, 1), StackLwIP(), StackLinux())
	lossy(l.links[ServerSide], true)
	for i := range time.Duration(5) {
		l.Write(time.Second+i*20*time.Millisecond, ServerSide, 200)
	}
	lossy(l.links[ServerSide], false)
	drive(l, 5*time.Second, func(Note) {})
	if got := l.Readable(DeviceSide); got != 1000 || l.Counts().Retransmits != 1 {
		t.Errorf("%d bytes after %d repeats", got, l.Counts().Retransmits)
	}
}

// The first segments of a connection are acknowledged at once, a conversation's
// with its answers (net/ipv4/tcp_input.c, tcp_enter_quickack_mode;
// net/ipv4/tcp_output.c, tcp_event_data_sent).
func TestQuickACKs(t *testing.T) {
	l := opened(t, fixed(0, 0, 1), StackLwIP(), StackLinux())
	for i := range time.Duration(20) {
		at := time.Second + i*100*time.Millisecond
		l.Write(at, DeviceSide, 100)
		got := ackTimes(l, ServerSide, at+99*time.Millisecond)
		if len(got) != 1 || (i < 16) != (got[0] == at) {
			t.Errorf("segment %d, sent at %v: acknowledged at %v", i+1, at, got)
		}
	}
	l = opened(t, fixed(0, 0, 1), StackLwIP(), StackLinux())
	for i := range time.Duration(5) {
		at := time.Second + i*time.Second
		l.Write(at, DeviceSide, 100)
		l.Step(at)
		acks := l.ends[ServerSide].acks
		l.Write(at, ServerSide, 100)
		drive(l, at+500*time.Millisecond, func(Note) {})
		if got := l.ends[ServerSide].acks - acks; got != 0 {
			t.Errorf("answer %d: %d ACKs without data", i+1, got)
		}
	}
}

// Whoever reads at once what trickles in one way acknowledges at once
// (net/ipv4/tcp.c, __tcp_cleanup_rbuf).
func TestReadingAcknowledges(t *testing.T) {
	l := opened(t, fixed(0, 0, 1), StackLwIP(), StackLinux())
	l.ends[ServerSide].patience = 40 * time.Millisecond // past its start
	l.Write(time.Second, DeviceSide, 100)
	l.Step(time.Second)
	l.Read(time.Second, ServerSide, 100)
	if e := &l.ends[ServerSide]; e.unacked || e.ackAt != never {
		t.Error("not acknowledged")
	}
}

// Linux's timer wheel (kernel/time/timer.c) at HZ = 250: the next jiffy, and
// from 63 jiffies on the next multiple of eight.
func TestTimerWheel(t *testing.T) {
	s := StackLinux()
	s.Jiffy = 4 * time.Millisecond
	e := newEndpoint(s, 1)
	e.tick0 = 0
	ms := time.Millisecond
	for _, c := range []struct{ now, d, want time.Duration }{
		{0, 4 * ms, 8 * ms},
		{3 * ms, 4 * ms, 8 * ms},
		{4 * ms, 200 * ms, 208 * ms},
		{0, 280 * ms, 288 * ms},                 // 70 jiffies: slot 9 of eight
		{0, 1000 * ms, 1024 * ms},               // 250: slot 32
		{20 * ms, 1000 * ms, 1024 * ms},         // 255: the same
		{24 * ms, 1000 * ms, 1056 * ms},         // 256: the next
		{0, 3000 * ms, 3072 * ms},               // 750: slot 12 of 64
		{0, 20 * time.Second, 10 * 2048 * ms},   // 5000: slot 10 of 512
		{100 * ms, time.Microsecond, 108 * ms},  // rounded up to a jiffy
		{2048 * ms, 280 * ms, 2048*ms + 288*ms}, // slots do not move
		{2048*ms + 4*ms, 280 * ms, 2048*ms + 288*ms},
	} {
		if got := e.after(c.now, c.d); got != c.want {
			t.Errorf("%v at %v strikes at %v, want %v", c.d, c.now, got, c.want)
		}
	}
}

// Sizes at IP level: options of both ends, and IPv6 (RFC 8200).
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		name             string
		device           Stack
		v6               bool
		syn, synack, ack int
		mss              int
	}{
		{"lwIP", StackLwIP(), false, 44, 44, 40, 1440},
		{"lwIP over IPv6", StackLwIP(), true, 64, 64, 60, 1440}, // which is why it is 1440
		{"Linux", StackLinux(), false, 60, 60, 52, 1448},
		{"Linux over IPv6", StackLinux(), true, 80, 80, 72, 1428},
	} {
		l := NewLaw(fixed(0, 0, 1), c.device, StackLinux(), 1)
		if c.v6 {
			l.IPv6()
		}
		sent := packets(l)
		l.Open(0)
		drive(l, time.Second, func(Note) {})
		l.Write(time.Second, ServerSide, 5000)
		drive(l, 2*time.Second, func(Note) {})
		size := map[string]int{}
		for _, ev := range *sent {
			size[ev.Name] = max(size[ev.Name], ev.Bytes)
		}
		if size["SYN"] != c.syn || size["SYN-ACK"] != c.synack || size["ACK"] != c.ack || size["data"] != c.ack+c.mss {
			t.Errorf("%s: %v", c.name, size)
		}
	}
}
