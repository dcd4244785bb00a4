package netem

import (
	"slices"
	"testing"
	"time"
)

// packets are what the law sends from now on.
func packets(l *Law) *[]PathEvent {
	var sent []PathEvent
	l.path.Watch = func(ev PathEvent) {
		if ev.Kind == Packet {
			sent = append(sent, ev)
		}
	}
	return &sent
}

// times are when a side sent packets of a name.
func times(sent []PathEvent, side Side, name string) (at []time.Duration) {
	for _, ev := range sent {
		if ev.Side == side && ev.Name == name {
			at = append(at, ev.At)
		}
	}
	return at
}

// seconds of a list, for what is expected.
func inSeconds(s ...float64) (d []time.Duration) {
	for _, x := range s {
		d = append(d, time.Duration(x*float64(time.Second)))
	}
	return d
}

// finish steps the law until it is over or limit, answering nothing, and
// returns when an end gave up.
func finish(l *Law, limit time.Duration) (gaveUp time.Duration) {
	for {
		due, ok := l.Due()
		if !ok || due > limit {
			return gaveUp
		}
		for _, n := range l.Step(due) {
			if n.Kind == GaveUp {
				gaveUp = n.At
			}
		}
	}
}

// onTick makes lwIP's slow timer strike at multiples of its period.
func onTick(l *Law) { l.ends[DeviceSide].tick0 = 0 }

// esp-lwip tcp.c, tcp_slowtmr, by hand: opened 100 ms after a tick, the SYN is
// repeated at the third tick and every third after it, twelve times; the tick
// after the last gives up.
func TestLwIPSYNTimes(t *testing.T) {
	l := NewLaw(fixed(80*time.Millisecond, 1, 1), StackLwIP(), StackLinux(), 1)
	onTick(l)
	sent := packets(l)
	l.Open(100 * time.Millisecond)
	gaveUp := finish(l, time.Minute)
	want := inSeconds(0.1, 1.5, 3, 4.5, 6, 7.5, 9, 10.5, 12, 13.5, 15, 16.5, 18)
	if got := times(*sent, DeviceSide, "SYN"); !slices.Equal(got, want) {
		t.Errorf("SYNs at %v, want %v", got, want)
	}
	if gaveUp != 18500*time.Millisecond {
		t.Errorf("gave up at %v", gaveUp)
	}
}

// With LWIP_TCP_HIGH_SPEED_RETRANSMISSION off: 3 s and 6 repeats, and the same
// end.
func TestLwIPSYNTimesOfTheSlowBuild(t *testing.T) {
	slow := StackLwIP()
	slow.SynRTO, slow.SynRetries = 3*time.Second, 6
	l := NewLaw(fixed(80*time.Millisecond, 1, 1), slow, StackLinux(), 1)
	onTick(l)
	sent := packets(l)
	l.Open(100 * time.Millisecond)
	gaveUp := finish(l, time.Minute)
	if got, want := times(*sent, DeviceSide, "SYN"), inSeconds(0.1, 3, 6, 9, 12, 15, 18); !slices.Equal(got, want) {
		t.Errorf("SYNs at %v, want %v", got, want)
	}
	if gaveUp != 18500*time.Millisecond {
		t.Errorf("gave up at %v", gaveUp)
	}
}

// The time-outs of data that never arrives, by hand: three ticks, then doubled
// seven times.
func TestLwIPDataTimes(t *testing.T) {
	path := fixed(0, 0, 1)
	l := NewLaw(path, StackLwIP(), StackLinux(), 1)
	onTick(l)
	l.Open(0)
	drive(l, time.Second, func(Note) {})
	lossy(path.Up, true)
	sent := packets(l)
	l.Write(1100*time.Millisecond, DeviceSide, 100)
	finish(l, time.Hour)
	want := inSeconds(1.1, 2.5, 5.5, 11.5, 23.5, 47.5, 95.5, 191.5, 383.5, 575.5, 767.5, 959.5, 1151.5)
	if got := times(*sent, DeviceSide, "data"); !slices.Equal(got, want) {
		t.Errorf("sent at %v, want %v", got, want)
	}
}

// The repeats of the SYN count among those of the data that follows (nrtx is
// left as it is when the SYN-ACK comes): after two, the first wait is three
// ticks as ever, the next not 3 s but 12 s.
func TestLwIPBacksOffFromTheSYNOn(t *testing.T) {
	path := fixed(0, 0, 1)
	l := NewLaw(path, StackLwIP(), StackLinux(), 1)
	onTick(l)
	lossy(path.Up, true)
	l.Open(100 * time.Millisecond)
	finish(l, 2*time.Second) // lost at 0.1 and 1.5 s
	lossy(path.Up, false)
	drive(l, 3100*time.Millisecond, func(Note) {})
	if l.ends[DeviceSide].state != established {
		t.Fatal("not open")
	}
	lossy(path.Up, true)
	sent := packets(l)
	l.Write(3100*time.Millisecond, DeviceSide, 100)
	finish(l, time.Minute)
	if got, want := times(*sent, DeviceSide, "data"), inSeconds(3.1, 4.5, 16.5, 40.5); !slices.Equal(got, want) {
		t.Errorf("sent at %v, want %v", got, want)
	}
}

// The round trip that lwIP times first is the SYN's, until the first ACK after
// the SYN-ACK (esp-lwip tcp_out.c, tcp_output_segment; tcp_in.c, tcp_receive).
func TestLwIPTimesTheSYN(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := NewLaw(path, StackLwIP(), StackLinux(), 1)
	onTick(l)
	l.Open(450 * time.Millisecond) // SYN before a tick, its ACK after
	drive(l, 600*time.Millisecond, func(Note) {})
	l.Write(600*time.Millisecond, DeviceSide, 100)
	drive(l, 700*time.Millisecond, func(Note) {})
	if e := &l.ends[DeviceSide]; e.sa != 1 || e.rto != 2*time.Second {
		t.Errorf("mean of %d ticks, RTO %v", e.sa, e.rto)
	}
}

// After a time-out lwIP goes back to the first segment and repeats what
// follows as the window opens, one segment, then two (esp-lwip tcp_out.c,
// tcp_rexmit_rto_prepare).
func TestLwIPGoesBack(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := opened(t, path, StackLwIP(), StackLinux())
	onTick(l)
	lossy(path.Up, true)
	sent := packets(l)
	l.Write(1100*time.Millisecond, DeviceSide, 3*1440)
	lossy(path.Up, false)
	drive(l, 10*time.Second, func(n Note) {
		if n.Kind == Readable {
			l.Read(n.At, n.Side, l.Readable(n.Side))
		}
	})
	type packet struct {
		at    time.Duration
		seq   int64
		again bool
	}
	var got []packet
	for _, ev := range *sent {
		if ev.Name == "data" {
			got = append(got, packet{ev.At, ev.Seq, ev.Again})
		}
	}
	want := []packet{
		{1100 * time.Millisecond, 0, false},
		{1100 * time.Millisecond, 1440, false},
		{1100 * time.Millisecond, 2880, false},
		{2500 * time.Millisecond, 0, true},
		{2580 * time.Millisecond, 1440, true},
		{2580 * time.Millisecond, 2880, true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

// Three duplicates repeat the first segment; the first new ACK ends lwIP's fast
// recovery, and what else is lost waits for its time-out.
func TestLwIPFastRetransmit(t *testing.T) {
	device := StackModem()
	device.SendBuffer, device.InitCwnd = 64<<10, 10
	path := fixed(80*time.Millisecond, 0, 1)
	l := opened(t, path, device, StackLinux())
	onTick(l)
	l.ends[DeviceSide].timedAt = never // or it would have timed the SYN until now
	sent := packets(l)
	for i := range 6 { // the first and the second are lost
		lossy(path.Up, i < 2)
		l.Write(1100*time.Millisecond, DeviceSide, 1440)
	}
	lossy(path.Up, false)
	drive(l, 10*time.Second, func(n Note) {
		if n.Kind == Readable {
			l.Read(n.At, n.Side, l.Readable(n.Side))
		}
	})
	var got []time.Duration
	for _, ev := range *sent {
		if ev.Name == "data" && ev.Again {
			got = append(got, ev.At)
		}
	}
	// The fourth segment's ACK is the third duplicate; the time-out counts from
	// the ACK of the repeat, at 1.26 s.
	if want := []time.Duration{1180 * time.Millisecond, 2500 * time.Millisecond}; !slices.Equal(got, want) {
		t.Errorf("repeats at %v, want %v", got, want)
	}
	if c := l.Counts(); c.RTOs != 1 {
		t.Errorf("%d time-outs", c.RTOs)
	}
}

// lwIP keeps four segments ahead of a gap (TCP_OOSEQ_MAX_PBUFS), and drops the
// rest.
func TestLwIPKeepsFourSegmentsAhead(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := opened(t, path, StackLwIP(), StackLinux())
	for i := range 6 {
		lossy(path.Down, i == 0)
		l.Write(time.Second, ServerSide, 100)
	}
	lossy(path.Down, false)
	drive(l, 1040*time.Millisecond, func(Note) {})
	if got := len(l.ends[DeviceSide].stray); got != 4 {
		t.Fatalf("%d segments ahead", got)
	}
	drive(l, time.Minute, func(Note) {})
	if got := l.Readable(DeviceSide); got != 600 {
		t.Errorf("%d bytes in the end", got)
	}
}

// lwIP probes a closed window after 1.5, 3, 6, 12, 24, 48 s and then each
// minute (esp-lwip tcp.c, tcp_persist_backoff).
func TestLwIPProbes(t *testing.T) {
	server := StackLinux()
	server.Window = 4096
	path := fixed(0, 0, 1)
	l := NewLaw(path, StackLwIP(), server, 1)
	onTick(l)
	l.Open(0)
	drive(l, time.Second, func(Note) {})
	l.Write(1100*time.Millisecond, DeviceSide, 5000)
	drive(l, 1200*time.Millisecond, func(Note) {})
	l.Write(1200*time.Millisecond, DeviceSide, 1000)
	drive(l, 2*time.Second, func(Note) {})
	sent := packets(l)
	finish(l, 5*time.Minute)
	probes := times(*sent, DeviceSide, "probe")
	if got, want := gaps(probes), inSeconds(3, 6, 12, 24, 48, 60, 60); len(got) < 7 || !slices.Equal(got[:7], want) {
		t.Errorf("probes at %v", probes)
	}
}

// esp-lwip dns.c: queries at 0, 1, 2, 4 s, gives up at 7 s.
func TestDNSTimes(t *testing.T) {
	path := fixed(80*time.Millisecond, 1, 1)
	var at []time.Duration
	path.Watch = func(ev PathEvent) { at = append(at, ev.At) }
	l := NewLookup(3*time.Second, path, 1)
	for {
		when, found, over := l.Step(l.Due())
		if !over {
			continue
		}
		if found || when != 10*time.Second {
			t.Errorf("found %v at %v", found, when)
		}
		break
	}
	if want := inSeconds(3, 4, 5, 7); !slices.Equal(at, want) {
		t.Errorf("queries at %v, want %v", at, want)
	}
}
