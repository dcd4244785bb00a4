package device

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"xzfleet/results"
)

// TestTwoTurns: the next listen/start once the answer is played out, then
// silence while the user thinks, then the next clip.
func TestTwoTurns(t *testing.T) {
	for _, name := range profileNames {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, name, func(c *Config) { c.Turns, c.Think = 2, 150*millisecond })
			w := newScript().world(cfg)
			w.run(t)
			w.attempts(t)
			sends := w.acts(Send)
			listens := indices(sends, func(a Action) bool { return string(a.Data) == listenBytes })
			if len(listens) != 2 {
				t.Fatalf("%d listen/start", len(listens))
			}
			u := uart{at: name != "wifi-s3"}
			second := listens[1]
			left, told := u.send(played(w, 0), frameWire(len(listenBytes)))
			if sends[second].At != left {
				t.Errorf("the second listen/start leaves at %v, want %v", sends[second].At, left)
			}
			for k, p := range slices.Concat([][]byte{silence, silence}, cfg.Clips[1], [][]byte{silence, silence, silence}) {
				a := sends[second+1+k]
				if left, _ := u.send(told+120*millisecond+time.Duration(k)*frameTime, frameWire(len(p))); a.At != left || !bytes.Equal(a.Data, p) || !a.Voice {
					t.Errorf("frame %d of the second turn: %x… at %v, want %v", k, a.Data[:1], a.At, left)
				}
			}
			s := w.sessions(t)[0]
			if s.Talk.Turns != 2 || len(s.Talk.FirstAudioMs) != 2 || s.Talk.FramesDown != 8 || s.Talk.LateFrames != 0 || s.ClosedBy != results.ByDevice {
				t.Errorf("%+v %+v", s, s.Talk)
			}
			if !endsAt(s, played(w, 1)) {
				t.Errorf("closed at %v ms, the answer is played out at %v", s.StartMs+s.HeldMs, played(w, 1))
			}
		})
	}
}

func indices(acts []Action, is func(Action) bool) (all []int) {
	for i, a := range acts {
		if is(a) {
			all = append(all, i)
		}
	}
	return all
}

// played is when the n-th answer of four frames is played out.
func played(w *world, n int) time.Duration {
	u := uart{at: w.m.cfg.Profile.Modem.exists()}
	var starts []time.Duration
	for _, l := range w.log {
		var up time.Duration
		switch {
		case l.Ev.Kind == Upgraded || l.Ev.Kind == TextIn || l.Ev.Kind == AudioIn:
			up = u.receive(l.Now, l.Ev.Wire)
		default:
			continue
		}
		if l.Ev.Kind == AudioIn {
			starts = append(starts, up)
		}
	}
	return starts[4*n] + 4*frameTime
}

// speaking is a wifi-s3 in its first turn, from when it has said all; the
// channel has just opened at the time returned.
func speaking(t *testing.T, changes ...func(*Config)) (*world, time.Duration) {
	t.Helper()
	s := newScript()
	s.quiet = 1 << 30
	w := s.world(testConfig(t, "wifi-s3", append(changes, straight)...))
	for w.m.talk.speechEnd == never && w.next() {
	}
	return w, w.m.now
}

// tell makes something happen at a time, after all that is due by then.
func (w *world) tell(now time.Duration, ev Event) {
	for w.m.Due() <= now || len(w.pending) > 0 && w.pending[0].at <= now {
		w.next()
	}
	ev.Gen = w.m.gen
	w.step(now, ev)
}

// endsAt compares a session's end with a law time, but for rounding.
func endsAt(s results.Session, at time.Duration) bool {
	return math.Abs(s.StartMs+s.HeldMs-millis(at)) < 1e-6
}

// TestFirstAudio: from the due time of the clip's last frame to the first
// frame that is taken in speaking.
func TestFirstAudio(t *testing.T) {
	w, spoken := speaking(t)
	w.tell(spoken+100*millisecond, Event{Kind: AudioIn}) // before tts start: dropped
	w.tell(spoken+200*millisecond, textIn(ttsStart))
	w.tell(spoken+300*millisecond, textIn(ttsStart))
	w.tell(spoken+330*millisecond, Event{Kind: AudioIn})
	w.tell(spoken+360*millisecond, Event{Kind: AudioIn})
	w.tell(spoken+370*millisecond, textIn(ttsStop))
	w.tell(spoken+380*millisecond, Event{Kind: AudioIn}) // after tts stop: dropped
	w.run(t)
	s := w.sessions(t)[0]
	if s.Talk.Turns != 1 || !slices.Equal(s.Talk.FirstAudioMs, []float64{330}) || s.Talk.FramesDown != 2 {
		t.Errorf("%+v", s.Talk)
	}
	if !endsAt(s, spoken+450*millisecond) {
		t.Errorf("closed at %v ms", s.StartMs+s.HeldMs)
	}
}

// TestBargedIn: a server that answers while the user speaks ends the clip; it
// is heard without a wait.
func TestBargedIn(t *testing.T) {
	s := newScript()
	s.quiet = 1 << 30
	w := s.world(testConfig(t, "wifi-s3", straight))
	for len(indices(w.acts(Send), func(a Action) bool { return a.Voice })) < 2 && w.next() {
	}
	now := w.m.now
	w.tell(now+10*millisecond, textIn(ttsStart))
	w.tell(now+20*millisecond, Event{Kind: AudioIn})
	w.tell(now+30*millisecond, textIn(ttsStop))
	w.run(t)
	talk := w.sessions(t)[0].Talk
	if !slices.Equal(talk.FirstAudioMs, []float64{0}) || talk.FramesUp != 33+2 {
		t.Errorf("%+v", talk)
	}
}

// TestAnsweredBeforeListening: a server that answers the wake word itself,
// while the listen/start still waits, finds no microphone open.
func TestAnsweredBeforeListening(t *testing.T) {
	s := newScript()
	s.change = func(w *world, a Action) bool {
		if string(a.Data) != listenBytes {
			return false
		}
		for _, h := range []happening{
			{0, textIn(ttsStart)}, {0, Event{Kind: AudioIn}}, {second, Event{Kind: Sent}}, {2 * second, textIn(ttsStop)},
		} {
			h.ev.Gen = a.Gen
			w.at(a.At+h.at, h.ev)
		}
		return true
	}
	w := s.world(testConfig(t, "wifi-s3", straight))
	w.run(t)
	if talk := w.sessions(t)[0].Talk; talk.FramesUp != 33 || talk.FramesDown != 1 || talk.Turns != 1 {
		t.Errorf("%+v", talk)
	}
}

// TestUnanswered: a turn counts from when it is asked for, so that one
// without an answer is seen; the channel is given up 120 s after the last
// data, which a ping is not.
func TestUnanswered(t *testing.T) {
	w, spoken := speaking(t)
	w.tell(spoken+50*second, textIn(`{"type":"stt","text":"x"}`))
	w.tell(spoken+70*second, Event{Kind: AudioIn}) // dropped, and heard
	w.tell(spoken+100*second, Event{Kind: PingIn})
	w.run(t)
	s := w.sessions(t)[0]
	if s.Talk.Turns != 1 || len(s.Talk.FirstAudioMs) != 0 || s.ClosedBy != results.ByDevice || s.Cause != results.CauseTimeout {
		t.Errorf("%+v %+v", s, s.Talk)
	}
	if !endsAt(s, spoken+190*second) {
		t.Errorf("given up at %v ms, the last data came at %v", s.StartMs+s.HeldMs, spoken+70*second)
	}
}

// TestAnswerGoesOn: a server that speaks again before its answer is played
// out is heard to the end.
func TestAnswerGoesOn(t *testing.T) {
	w, spoken := speaking(t)
	for i := range 2 {
		at := spoken + second + time.Duration(i)*100*millisecond
		w.tell(at, textIn(ttsStart))
		w.tell(at, Event{Kind: AudioIn})
		w.tell(at, Event{Kind: AudioIn})
		w.tell(at+90*millisecond, textIn(ttsStop))
	}
	w.run(t)
	s := w.sessions(t)[0]
	if !endsAt(s, spoken+second+4*frameTime) || s.Talk.Turns != 1 || s.Talk.LateFrames != 0 {
		t.Errorf("closed at %v ms, %+v", s.StartMs+s.HeldMs, s.Talk)
	}
}

// TestClosedByServer: who ended an open channel, and why.
func TestClosedByServer(t *testing.T) {
	for _, name := range profileNames {
		for cause, by := range map[results.Cause]results.ClosedBy{
			results.CauseEOF: results.ByServer, results.CauseReset: results.ByNetwork, results.CauseServerClosed: results.ByServer,
		} {
			s := newScript()
			s.change = func(w *world, a Action) bool {
				if !a.Voice {
					return false
				}
				ev := Event{Kind: Ended, Gen: a.Gen, Cause: cause}
				if cause == results.CauseServerClosed {
					ev = Event{Kind: CloseIn, Gen: a.Gen, Code: 1011, Wire: 4}
				}
				w.at(a.At, Event{Kind: Sent, Gen: a.Gen})
				w.at(a.At, ev)
				return true
			}
			w := s.world(testConfig(t, name, straight))
			w.run(t)
			if got := w.sessions(t)[0]; got.ClosedBy != by || got.Cause != cause || cause == results.CauseServerClosed && got.Detail.CloseCode != 1011 {
				t.Errorf("%s, %s: closed by %s, %s, %+v", name, cause, got.ClosedBy, got.Cause, got.Detail)
			}
		}
	}
}
