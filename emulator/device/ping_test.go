package device

import (
	"fmt"
	"testing"
	"time"

	"xzfleet/results"
)

// pinged is a conversation in which the server pings once the device listens,
// at the time returned.
func pinged(t *testing.T, profile string, changes ...func(*Config)) (*world, time.Duration) {
	t.Helper()
	s := newScript()
	var at time.Duration
	s.change = func(w *world, a Action) bool {
		if a.Voice && at == 0 {
			at = a.At + 30*millisecond
			w.at(at, pingIn(a.Gen))
		}
		return false
	}
	w := s.world(testConfig(t, profile, append(changes, straight)...))
	w.run(t)
	w.attempts(t)
	return w, at
}

func pingIn(gen int) Event {
	return Event{Kind: PingIn, Gen: gen, Data: []byte("\x12\x34\x56\x78"), Wire: 6}
}

func pongs(w *world) (all []Action) {
	for _, a := range w.acts(Send) {
		if a.Message == Pong {
			all = append(all, a)
		}
	}
	return all
}

// TestPingDies: the Pong leaves, nobody reads its OK, and 100 ms later the
// connection is given up; nothing is heard or said in between.
func TestPingDies(t *testing.T) {
	w, at := pinged(t, "ml307-3.6")
	u := uart{at: true}
	up := u.receive(at, 6)
	left, _ := u.send(up, frameWire(4))
	pong := pongs(w)
	if len(pong) != 1 || pong[0].At != left || string(pong[0].Data) != "\x12\x34\x56\x78" {
		t.Fatalf("pongs %+v, want one at %v", pong, left)
	}
	if mask := pong[0].Rand.mask(); fmt.Sprintf("%x", mask) != "2dcf4629" {
		t.Errorf("the Pong's mask is %x: it is of the task's own stream", mask)
	}
	s := w.sessions(t)[0]
	if s.Cause != results.CausePingDeadlock || s.ClosedBy != results.ByNetwork || !endsAt(s, left+100*millisecond) {
		t.Errorf("%+v, want an end at %v", s, left+100*millisecond)
	}
	if sends := w.acts(Send); sends[len(sends)-1].Message != Pong {
		t.Errorf("something is sent after the Pong")
	}
}

// TestPingDiesUnsent: that the transport breaks under the Pong is news that
// nobody reads.
func TestPingDiesUnsent(t *testing.T) {
	s := newScript()
	s.change = func(w *world, a Action) bool {
		switch {
		case a.Message == Pong && a.Kind == Send:
			w.at(a.At, Event{Kind: Sent, Gen: a.Gen, Cause: results.CauseReset})
			w.at(a.At, Event{Kind: Ended, Gen: a.Gen, Cause: results.CauseReset})
			return true
		case a.Voice:
			w.at(a.At+30*millisecond, pingIn(a.Gen))
		}
		return false
	}
	w := s.world(testConfig(t, "ml307-3.6", straight))
	w.run(t)
	if got := w.sessions(t)[0]; got.Cause != results.CausePingDeadlock || !endsAt(got, pongs(w)[0].At+100*millisecond) {
		t.Errorf("%+v", got)
	}
}

// TestPingDuringSend: the Pong goes out next, before what waits; so does a
// deadly one, and its 100 ms begin there.
func TestPingDuringSend(t *testing.T) {
	for _, name := range profileNames {
		s := newScript()
		var first Action
		s.change = func(w *world, a Action) bool {
			if a.Kind == Send && a.Message == Audio && first.Data == nil {
				first = a
				w.at(a.At, pingIn(a.Gen)) // while 32 packets of the wake word wait
			}
			return false
		}
		cfg := testConfig(t, name, straight)
		w := s.world(cfg)
		w.run(t)
		pong := pongs(w)
		if len(pong) != 1 {
			t.Fatalf("%s: %d Pongs", name, len(pong))
		}
		var between int
		for _, a := range w.acts(Send) {
			if a.Message == Audio && a.At >= first.At && a.At < pong[0].At {
				between++
			}
		}
		if between > 2 {
			t.Errorf("%s: the Pong leaves after %d of the packets", name, between)
		}
		if got := w.sessions(t)[0]; name == "ml307-3.6" {
			if sends := w.acts(Send); sends[len(sends)-1].Message != Pong {
				t.Errorf("%s: more is sent after the Pong", name)
			}
			if got.Cause != results.CausePingDeadlock || !endsAt(got, pong[0].At+100*millisecond) {
				t.Errorf("%s: %+v, the Pong left at %v", name, got, pong[0].At)
			}
		} else if got.Cause != "" || got.Talk.FramesUp != 33+8 {
			t.Errorf("%s: %s, %+v", name, got.Cause, got.Talk)
		}
	}
}

// TestPingAnswered: a Pong from a fresh thread (its mask is that of a fresh
// stream each time) on a modem, from the receiving task on Wi-Fi.
func TestPingAnswered(t *testing.T) {
	for _, name := range []string{"ml307-3.3", "wifi-s3"} {
		s := newScript()
		pings := 0
		s.change = func(w *world, a Action) bool {
			if a.Voice && pings < 2 {
				pings++
				w.at(a.At+30*millisecond, pingIn(a.Gen))
			}
			return false
		}
		w := s.world(testConfig(t, name, straight))
		w.run(t)
		fresh := newlib()
		for i, p := range pongs(w) {
			want := fresh(4)
			if name == "ml307-3.3" {
				want = newlib()(4)
			}
			if mask := p.Rand.mask(); string(mask[:]) != string(want) || string(p.Data) != "\x12\x34\x56\x78" {
				t.Errorf("%s: Pong %d: %x masked by %x, want %x", name, i, p.Data, mask, want)
			}
		}
		if n := len(pongs(w)); n != 2 || w.sessions(t)[0].Cause != "" {
			t.Errorf("%s: %d Pongs, %+v", name, n, w.sessions(t))
		}
	}
}

func TestPingIgnored(t *testing.T) {
	for _, name := range profileNames {
		w, _ := pinged(t, name, func(c *Config) { c.Profile.Modem.Ping = PingIgnore })
		if len(pongs(w)) != 0 || w.sessions(t)[0].Cause != "" {
			t.Errorf("%s: %d Pongs, %+v", name, len(pongs(w)), w.sessions(t))
		}
	}
}

// TestPingBeforeHello: the deadlock kills the opening too, and the main task
// finds out when it has waited for the hello.
func TestPingBeforeHello(t *testing.T) {
	s := newScript()
	s.change = func(w *world, a Action) bool {
		if a.Kind == Send && a.Message == Text && a.Phase == results.PhaseHello {
			w.at(a.At+millisecond, pingIn(a.Gen))
		}
		return false // the hello comes 25 ms later, and nobody reads it
	}
	w := s.world(testConfig(t, "ml307-3.6", straight))
	w.run(t)
	checkFailure(t, w.attempts(t)[0], failure{
		phase: results.PhaseHello, cause: results.CausePingDeadlock, from: results.PhaseHello,
		over: 10*second + sendTime(frameWire(len(helloBytes))), note: "got no OK",
	})
}
