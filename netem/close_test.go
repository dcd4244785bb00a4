package netem

import (
	"slices"
	"testing"
	"time"
)

func TestFINIsRepeated(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := opened(t, path, StackLwIP(), StackLinux())
	lossy(path.Down, true)
	l.CloseWrite(time.Second, ServerSide)
	drive(l, 2*time.Second, func(Note) {})
	lossy(path.Down, false)
	var eof time.Duration
	drive(l, time.Minute, func(n Note) {
		if n.Side == DeviceSide && n.Kind == EOF {
			eof = n.At
		}
	})
	// 280 ms, 560 ms: lost; the third repeat comes after 1120 ms more.
	if want := 1*time.Second + (280+560+1120+40)*time.Millisecond; eof != want {
		t.Errorf("EOF at %v, want %v", eof, want)
	}
	if l.ends[ServerSide].una != 1 {
		t.Error("the FIN is not acknowledged")
	}
}

func TestRefusalIsRepeated(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := NewLaw(path, StackLwIP(), StackLinux(), 1)
	l.Open(0)
	lossy(path.Down, true)
	var refused time.Duration
	for {
		due, ok := l.Due()
		if !ok {
			break
		}
		for _, n := range slices.Clone(l.Step(due)) {
			switch n.Kind {
			case Arrived:
				l.Refuse(n.At)
				lossy(path.Down, false)
			case Refused:
				refused = n.At
			}
		}
	}
	if refused <= 1080*time.Millisecond || refused > 1580*time.Millisecond || !l.Done() {
		t.Errorf("refused at %v", refused)
	}
}

// A peer that is gone answers with an RST.
func TestGoneEndResets(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := opened(t, path, StackLwIP(), StackLinux())
	lossy(path.Up, true)
	l.Abort(time.Second, DeviceSide)
	lossy(path.Up, false)
	var reset time.Duration
	drive(l, 2*time.Second, func(n Note) { t.Errorf("%+v before the server spoke", n) })
	l.Write(2*time.Second, ServerSide, 10)
	drive(l, time.Minute, func(n Note) {
		if n.Side == ServerSide && n.Kind == Reset {
			reset = n.At
		}
	})
	if reset != 2080*time.Millisecond || !l.Done() {
		t.Errorf("reset at %v, done %v", reset, l.Done())
	}
}

// A repeat of bytes that a closed end has long had is no reason for an RST.
func TestClosedEndForgivesARepeat(t *testing.T) {
	path := fixed(80*time.Millisecond, 0, 1)
	l := opened(t, path, StackLwIP(), StackLinux())
	l.Write(time.Second, ServerSide, 1440)
	drive(l, 1040*time.Millisecond, func(Note) {})
	lossy(path.Up, true) // the ACK and the first FIN are lost
	l.Read(1040*time.Millisecond, DeviceSide, 1440)
	l.Close(1100*time.Millisecond, DeviceSide)
	lossy(path.Up, false)
	var kinds []NoteKind
	drive(l, time.Minute, func(n Note) {
		if n.Side == ServerSide {
			kinds = append(kinds, n.Kind)
		}
		if n.Kind == EOF {
			l.Close(n.At, n.Side)
		}
	})
	if !slices.Equal(kinds, []NoteKind{EOF}) || l.Counts().RTOs == 0 {
		t.Errorf("the server's end saw %v", kinds)
	}
	// Bytes that are new are one.
	l = opened(t, fixed(80*time.Millisecond, 0, 1), StackLwIP(), StackLinux())
	l.Close(time.Second, DeviceSide)
	drive(l, 2*time.Second, func(Note) {})
	l.Write(2*time.Second, ServerSide, 1)
	var reset time.Duration
	drive(l, time.Minute, func(n Note) {
		if n.Side == ServerSide && n.Kind == Reset {
			reset = n.At
		}
	})
	if reset != 2080*time.Millisecond {
		t.Errorf("reset at %v", reset)
	}
}
