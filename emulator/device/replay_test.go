package device

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// Logged is one step of a machine.
type Logged struct {
	Now  time.Duration
	Ev   Event
	Acts []Action
}

// Replay tells a new machine what another one was told, and returns what it
// did at each step. It is exported for the live test of package device_test.
func Replay(cfg *Config, log []Logged) (acts [][]Action) {
	m := NewMachine(cfg)
	for _, l := range log {
		acts = append(acts, slices.Clone(m.Step(l.Now, l.Ev)))
	}
	return acts
}

// TestReplay: what a machine does follows from what it is told.
func TestReplay(t *testing.T) {
	for _, name := range profileNames {
		cfg := testConfig(t, name, func(c *Config) { c.Turns = 2 })
		w := newScript().world(cfg)
		w.run(t)
		for i, acts := range Replay(cfg, w.log) {
			if !sameActs(acts, w.log[i].Acts) {
				t.Fatalf("%s, step %d: %+v, was %+v", name, i, acts, w.log[i].Acts)
			}
		}
	}
}

// same compares machines but for what they answered last.
func same(a, b *Machine) bool { return reflect.DeepEqual(a.Clone(), b.Clone()) }

func sameActs(a, b []Action) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(slices.Clone(a), slices.Clone(b))
}

// TestClone clones the machine before every step of a conversation: stepping
// the clone changes nothing in the original, and the same steps give the same
// machine.
func TestClone(t *testing.T) {
	for _, name := range profileNames {
		cfg := testConfig(t, name, func(c *Config) { c.Turns = 4 })
		w := newScript().world(cfg)
		w.run(t)

		m := NewMachine(cfg)
		for i, l := range w.log {
			twin, stray := m.Clone(), m.Clone()
			astray(stray)
			if !same(m, twin) {
				t.Fatalf("%s, step %d: stepping a clone changed the original", name, i)
			}
			stray = m.Clone()
			acts := slices.Clone(m.Step(l.Now, l.Ev))
			if got := twin.Step(l.Now, l.Ev); !sameActs(acts, got) || !same(m, twin) {
				t.Fatalf("%s, step %d: the twin differs", name, i)
			}
			astray(stray) // last, so that nothing mends what it may have broken
			if !sameActs(acts, l.Acts) {
				t.Fatalf("%s, step %d: clones changed what the original does", name, i)
			}
		}
	}
}

// astray leads a machine elsewhere: an answer at once, a few timers, the end
// of the run.
func astray(m *Machine) {
	for _, ev := range []Event{textIn(ttsStart), {Kind: AudioIn}, textIn(ttsStop), {Kind: Sent}} {
		ev.Gen = m.gen
		m.Step(m.now+millisecond, ev)
	}
	for range 3 {
		if due := m.Due(); due != never {
			m.Step(due, Event{Kind: Tick})
		}
	}
	m.Step(m.now, Event{Kind: Cut})
}

// TestStaleEvents strews answers to questions of the past, and of no question
// at all, over a conversation: its actions stay as they are.
func TestStaleEvents(t *testing.T) {
	for _, name := range profileNames {
		cfg := testConfig(t, name)
		w := newScript().world(cfg)
		w.run(t)
		r := testRand(7)
		for range 20 {
			m := NewMachine(cfg)
			for i, l := range w.log {
				for range r.IntN(3) {
					ev := anyEvent(r.Uint32(), 0)
					if ev.Gen = m.gen - 1 - r.IntN(3); r.IntN(4) == 0 {
						ev.Gen = m.gen + 1 + r.IntN(3)
					}
					at := m.now + time.Duration(r.Int64N(int64(l.Now-m.now+1)))
					if at >= m.Due() || at == l.Now {
						continue // a timer's actions would come with this event
					}
					if got := m.Step(at, ev); len(got) > 0 {
						t.Fatalf("%s, step %d: %+v is answered by %+v", name, i, ev, got)
					}
				}
				if got := m.Step(l.Now, l.Ev); !sameActs(got, l.Acts) {
					t.Fatalf("%s, step %d: %+v, without stale events %+v", name, i, got, l.Acts)
				}
			}
		}
	}
}
