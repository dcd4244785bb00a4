package device

import (
	"bytes"
	"testing"
	"time"

	"xzfleet/results"
)

// player is the speaker, frame by frame: one is played, at most 40 wait.
type player struct {
	started       bool
	ends          time.Duration // of the frame that is played
	waiting       int
	late, dropped int
}

func (p *player) take(now time.Duration) {
	for p.waiting > 0 && p.ends <= now {
		p.waiting--
		p.ends += 60 * time.Millisecond
	}
	switch {
	case !p.started:
		p.started, p.ends = true, now+60*time.Millisecond
	case p.ends < now: // dry
		p.late++
		p.ends = now + 60*time.Millisecond
	case p.ends == now:
		p.ends += 60 * time.Millisecond
	case p.waiting == 40:
		p.dropped++
	default:
		p.waiting++
	}
}

// TestPlayQueue compares late and dropped frames, and the end of the answer,
// with a player that is turned frame by frame, over random arrivals: paced,
// bursty, and on the grid of the play times.
func TestPlayQueue(t *testing.T) {
	r := testRand(11)
	var late, dropped int
	for trial := range 400 {
		w, spoken := speaking(t)
		w.tell(spoken, textIn(ttsStart))
		var p player
		now := spoken
		for range 200 {
			switch trial % 4 {
			case 0: // paced, with jitter
				now += 40*millisecond + time.Duration(r.Int64N(int64(45*millisecond)))
			case 1: // bursts and pauses
				if r.IntN(70) == 0 {
					now += time.Duration(r.Int64N(int64(6 * second)))
				}
			case 2: // on the grid
				now += time.Duration(r.IntN(3)) * 30 * millisecond
			case 3: // too fast
				now += time.Duration(r.Int64N(int64(60 * millisecond)))
			}
			w.tell(now, Event{Kind: AudioIn})
			p.take(now)
		}
		w.tell(now, textIn(ttsStop))
		w.run(t)
		s := w.sessions(t)[0]
		if s.Talk.LateFrames != p.late || s.Talk.DroppedFrames != p.dropped || s.Talk.FramesDown != 200 {
			t.Fatalf("trial %d: %+v, a player has %d late, %d dropped", trial, s.Talk, p.late, p.dropped)
		}
		if end := p.ends + time.Duration(p.waiting)*frameTime; !endsAt(s, end) {
			t.Fatalf("trial %d: played out at %v ms, a player at %v", trial, s.StartMs+s.HeldMs, end)
		}
		late, dropped = late+p.late, dropped+p.dropped
	}
	if late < 1000 || dropped < 1000 {
		t.Errorf("only %d late and %d dropped frames were tried", late, dropped)
	}
}

// TestSendQueue: while the transport takes nothing, 40 live frames wait; each
// further one costs the oldest of them. The frame on its way and a Pong stay.
func TestSendQueue(t *testing.T) {
	for _, name := range profileNames {
		cfg := testConfig(t, name, straight, func(c *Config) { c.Clips = [][][]byte{packets(100, 100, 0)} })
		s := newScript()
		var stuck []Action
		s.change = func(w *world, a Action) bool {
			if a.Kind != Send || !a.Voice || len(stuck) > 0 {
				return false
			}
			stuck = append(stuck, a) // the first live frame is taken after 4 s
			if name != "ml307-3.6" {
				w.at(a.At+second, pingIn(a.Gen))
			}
			w.at(a.At+4*second+frameTime/2, Event{Kind: Sent, Gen: a.Gen})
			return true
		}
		w := s.world(cfg)
		w.run(t)
		var got [][]byte
		for _, a := range w.acts(Send) {
			if a.Voice {
				got = append(got, a.Data)
			}
		}
		if name != "ml307-3.6" && len(pongs(w)) != 1 {
			t.Errorf("%s: %d Pongs", name, len(pongs(w)))
		}
		// In 4.03 s 67 frames more fall due: 27 of them too many.
		if len(got) < 41 || !bytes.Equal(got[0], cfg.Clips[0][0]) || !bytes.Equal(got[1], cfg.Clips[0][28]) || !bytes.Equal(got[40], cfg.Clips[0][67]) {
			t.Errorf("%s: after the first frame comes %x…, 40 later %x…", name, got[1][0], got[40][0])
		}
		talk := w.sessions(t)[0].Talk
		if talk.DroppedFrames != 27 || talk.FramesUp != len(cfg.Wake)+len(got) {
			t.Errorf("%s: %+v, %d live frames went out", name, talk, len(got))
		}
	}
}

// TestSendTimeout: the transport must take data within 10 s of the hand-over.
func TestSendTimeout(t *testing.T) {
	for _, name := range profileNames {
		s := newScript()
		var at time.Duration
		s.change = func(_ *world, a Action) bool {
			if a.Voice {
				at = a.At
			}
			return a.Voice
		}
		w := s.world(testConfig(t, name, straight))
		w.run(t)
		got := w.sessions(t)[0]
		if got.Cause != results.CauseSendFailed || got.ClosedBy != results.ByNetwork || !endsAt(got, at+10*second) {
			t.Errorf("%s: %+v; handed over at %v", name, got, at)
		}
	}
}
