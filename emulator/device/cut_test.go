package device

import (
	"testing"
	"time"

	"xzfleet/results"
)

// TestCut ends the run before every step of a life: an opening under way is
// recorded as cut in its phase, an open channel as closed by the end of the
// run, and a device that waits leaves no record.
func TestCut(t *testing.T) {
	for _, name := range profileNames {
		cfg := testConfig(t, name, func(c *Config) { c.Turns = 2 })
		s := newScript()
		failed := false
		s.change = func(w *world, a Action) bool { // the first OTA try fails
			if failed || a.Kind != Handshake {
				return false
			}
			failed = true
			w.at(a.At+second, Event{Kind: Secured, Gen: a.Gen, Cause: results.CauseReset})
			return true
		}
		w := s.world(cfg)
		w.run(t)
		m, seen := NewMachine(cfg), map[results.Phase]bool{}
		for i, l := range w.log {
			now := m.now + (min(l.Now, m.Due())-m.now)/2 // between the steps
			before, phase := m.state, m.open.phase
			cut := m.Clone()
			acts := cut.Step(now, Event{Kind: Cut})
			if due := cut.Due(); !cut.Done() || due != never {
				t.Fatalf("%s, step %d: done %v, due at %v", name, i, cut.Done(), due)
			}
			if more := cut.Step(now+time.Hour, textIn(helloText)); len(more) != 0 {
				t.Fatalf("%s, step %d: does %+v when cut", name, i, more)
			}
			checkCut(t, before, phase, now, acts)
			seen[phase] = true
			m.Step(l.Now, l.Ev)
		}
		if len(seen) != 8 { // seven phases, and none
			t.Errorf("%s: cut only in %v", name, seen)
		}
	}
}

func checkCut(t *testing.T, before state, phase results.Phase, now time.Duration, acts []Action) {
	t.Helper()
	want := map[state][]ActionKind{off: {Done}, opening: {RecordTry, Close, Done}, talking: {RecordEnd, Close, Done}}[before]
	if len(acts) != len(want) {
		t.Fatalf("in state %d: %+v", before, acts)
	}
	for i, kind := range want {
		if acts[i].Kind != kind {
			t.Fatalf("in state %d: %+v", before, acts)
		}
	}
	switch a := acts[0].Attempt; before {
	case opening:
		if _, entered := a.PhaseMs[phase]; a.Check() != nil || a.Outcome != results.Cut || !entered || a.LimitMs != 0 {
			t.Fatalf("in phase %s: %v, %+v", phase, a.Check(), a)
		}
		if end := a.StartMs + a.ConnectMs - millis(now); end > 1e-6 || end < -1e-6 {
			t.Fatalf("in phase %s: cut at %v, recorded until %v ms", phase, now, a.StartMs+a.ConnectMs)
		}
	case talking:
		if s := acts[0].Session; s.Check() != nil || s.ClosedBy != results.ByRunEnd || s.Cause != "" || !endsAt(*s, now) {
			t.Fatalf("talking: %v, %+v", s.Check(), s)
		}
	}
}
