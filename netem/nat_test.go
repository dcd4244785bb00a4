package netem

import (
	"slices"
	"testing"
	"time"
)

// idle is a connection, open well before one second, behind a NAT that forgets
// it after 60 s.
func idle(t *testing.T, onExpiry string) *Law {
	t.Helper()
	p := Profile{RTTFloor: RTTFloor{Min: 80}, NAT: NAT{TCPIdleS: 60, OnExpiry: onExpiry}}
	return opened(t, NewPath(p, 1), StackLwIP(), StackLinux())
}

// What comes from the device after the NAT's time vanishes, and nobody is told.
func TestNATForgetsSilently(t *testing.T) {
	l := idle(t, "silent-drop")
	l.Write(61*time.Second, DeviceSide, 100)
	notes := 0
	drive(l, 5*time.Minute, func(Note) { notes++ })
	if !l.NATExpired() || l.Readable(ServerSide) != 0 || notes != 0 || l.Counts().Lost != 0 {
		t.Errorf("expired %v, %d bytes at the server, %d notes, %+v", l.NATExpired(), l.Readable(ServerSide), notes, l.Counts())
	}
	// The device repeats it in vain until it gives up.
	if gaveUp := finish(l, time.Hour); gaveUp == 0 || l.Counts().RTOs != 12 {
		t.Errorf("gave up at %v after %d time-outs", gaveUp, l.Counts().RTOs)
	}
}

// Or it is answered by an RST, a round trip later.
func TestNATResets(t *testing.T) {
	l := idle(t, "rst")
	sent := packets(l)
	l.Write(61*time.Second, DeviceSide, 100)
	var reset time.Duration
	drive(l, 5*time.Minute, func(n Note) {
		if n.Side == DeviceSide && n.Kind == Reset {
			reset = n.At
		}
	})
	if want := 61*time.Second + 80*time.Millisecond; reset != want || !l.NATExpired() {
		t.Errorf("reset at %v, want %v", reset, want)
	}
	if got := times(*sent, ServerSide, "RST"); !slices.Equal(got, []time.Duration{61*time.Second + 40*time.Millisecond}) {
		t.Errorf("RSTs at %v", got)
	}
	// The server's end is not told.
	if l.ends[ServerSide].state != established {
		t.Error("the server's end is gone")
	}
}

// What comes from the server vanishes before it takes the link's time.
func TestNATStopsTheServer(t *testing.T) {
	l := idle(t, "rst")
	sent := packets(l)
	l.Write(62*time.Second, ServerSide, 100)
	drive(l, 63*time.Second, func(n Note) { t.Errorf("%+v", n) })
	if !l.NATExpired() || l.Readable(DeviceSide) != 0 || l.links[ServerSide].last > time.Second {
		t.Errorf("expired %v, %d bytes at the device", l.NATExpired(), l.Readable(DeviceSide))
	}
	if len(*sent) == 0 || (*sent)[0].Fate != Dropped {
		t.Errorf("sent %+v", *sent)
	}
}

// Any packet, either way, keeps it alive; a connection is as old as its last
// packet, however late the run is.
func TestTrafficKeepsTheNATAlive(t *testing.T) {
	l := idle(t, "rst")
	for i := range time.Duration(10) {
		side := Side(i % 2)
		at := time.Second + (i+1)*59*time.Second
		l.Write(at, side, 10)
		drive(l, at+time.Second, func(Note) {})
		if got := l.Readable(side.other()); l.NATExpired() || got != int(i/2+1)*10 {
			t.Fatalf("after %v: expired %v, %d bytes", at, l.NATExpired(), got)
		}
	}
	p := Profile{RTTFloor: RTTFloor{Min: 80}, NAT: NAT{TCPIdleS: 60}}
	l = NewLaw(NewPath(p, 1), StackLwIP(), StackLinux(), 1)
	l.Open(time.Hour)
	drive(l, time.Hour+time.Second, func(Note) {})
	if l.NATExpired() || l.ends[ServerSide].state != established {
		t.Error("a connection an hour into the run is not open")
	}
}

// Where the NAT forgets nothing, nothing is forgotten.
func TestNoNAT(t *testing.T) {
	l := opened(t, fixed(80*time.Millisecond, 0, 1), StackLwIP(), StackLinux())
	l.Write(24*time.Hour, DeviceSide, 10)
	drive(l, 25*time.Hour, func(Note) {})
	if l.NATExpired() || l.Readable(ServerSide) != 10 {
		t.Error("forgotten")
	}
}

// A trace has each packet: what it is, when it left and came, how large it is.
func TestTrace(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := NewLaw(path, StackLwIP(), StackLinux(), 1)
	sent := packets(l)
	l.Open(0)
	drive(l, 500*time.Millisecond, func(Note) {})
	lossy(path.Up, true)
	l.Write(time.Second, DeviceSide, 100)
	lossy(path.Up, false)
	drive(l, 10*time.Second, func(Note) {})
	again := (*sent)[len(*sent)-2].At
	l.CloseWrite(10*time.Second, DeviceSide)
	l.Abort(10*time.Second, ServerSide)
	ms := time.Millisecond
	want := []PathEvent{
		{Side: DeviceSide, At: 0, Until: 40 * ms, Name: "SYN", Bytes: 44},
		{Side: ServerSide, At: 40 * ms, Until: 80 * ms, Name: "SYN-ACK", Bytes: 44},
		{Side: DeviceSide, At: 80 * ms, Until: 120 * ms, Name: "ACK", Bytes: 40},
		{Side: DeviceSide, At: time.Second, Name: "data", Bytes: 140, Fate: Lost},
		{Side: DeviceSide, At: again, Until: again + 40*ms, Name: "data", Bytes: 140, Again: true},
		{Side: ServerSide, At: again + 40*ms, Until: again + 80*ms, Name: "ACK", Bytes: 40},
		{Side: DeviceSide, At: 10 * time.Second, Until: 10*time.Second + 40*ms, Name: "FIN", Bytes: 40, Seq: 100},
		{Side: ServerSide, At: 10 * time.Second, Until: 10*time.Second + 40*ms, Name: "RST", Bytes: 40},
	}
	if !slices.Equal(*sent, want) {
		for i, ev := range *sent {
			t.Logf("%d: %+v", i, ev)
		}
		t.Error("not what was sent")
	}
}

// A connection that opens late in a run is as new to the NAT as any.
func TestNATCountsFromTheOpening(t *testing.T) {
	p := NewPath(Profile{RTTFloor: RTTFloor{Min: 80}, NAT: NAT{TCPIdleS: 60, OnExpiry: "silent-drop"}}, 1)
	l := NewLaw(p, StackLwIP(), StackLinux(), 1)
	l.Open(time.Hour)
	drive(l, time.Hour+time.Second, func(n Note) {
		if n.Kind == Arrived {
			l.Accept(n.At)
		}
	})
	if l.ends[DeviceSide].state != established || l.NATExpired() {
		t.Errorf("after a second: state %d, expired %v", l.ends[DeviceSide].state, l.NATExpired())
	}
}
