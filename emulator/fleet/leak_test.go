package fleet_test

import (
	"testing"
	"time"

	"xzfleet/emulator/fleet"
	"xzfleet/results"
	"xzfleet/scenarios"
)

// TestHundredSessionsLeaveNothing: 100 devices with real TLS and WebSocket
// over lossy links with a radio, in a bubble that ends only when every
// goroutine has.
func TestHundredSessionsLeaveNothing(t *testing.T) {
	inMemory(t, func(t *testing.T, r fleet.Run) {
		s := load(t, "clean")
		edge, err := scenarios.LinkNamed("cat1-cell-edge")
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Fleets {
			s.Fleets[i].Count, s.Fleets[i].Link = 50, edge
		}
		s.Length = 5 * time.Minute
		var m memory
		r.Scenario, r.Sink = s, &m
		if _, err := r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		ended := map[results.Outcome]int{}
		for _, a := range m.attempts {
			if err := a.Check(); err != nil {
				t.Error(err)
			}
			ended[a.Outcome]++
		}
		t.Logf("%v, %d sessions", ended, len(m.sessions))
		if len(m.attempts) != 100 || ended[results.OK] < 80 || ended[results.OK] != len(m.sessions) {
			t.Errorf("%v, %d sessions", ended, len(m.sessions))
		}
	})
}
