package fleet_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"xzfleet/emulator/fleet"
	"xzfleet/results"
	"xzfleet/scenarios"
)

// shareScenario has two fleets of several cells on a loss-free link with a
// round trip of their own for each device.
func shareScenario(t *testing.T) *scenarios.Scenario {
	return load(t, "clean",
		"cell.size=5", "arrival.over=4s", "seed=7", "usage.think=500ms",
		"fleet.path.rtt_floor={min=20,median=40,sigma=0.5}", "fleet.path.jitter_sd=3")
}

// outcomes runs a share in virtual time and returns the attempts by device,
// without the name of the run.
func outcomes(t *testing.T, share func(*scenarios.Scenario) []scenarios.Range) map[string]results.Attempt {
	got := map[string]results.Attempt{}
	inMemory(t, func(t *testing.T, r fleet.Run) {
		var m memory
		r.Scenario, r.Sink = shareScenario(t), &m
		r.Share = share(r.Scenario)
		if _, err := r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, a := range m.attempts {
			a.SessionID = ""                      // the server's own draw
			a.Net.BytesUp, a.Net.BytesDown = 0, 0 // certificates differ in size by a byte or two
			a.TLS.BytesIn, a.TLS.BytesOut, a.TLS.ChainBytes = 0, 0, 0
			got[a.DeviceID] = a
		}
	})
	return got
}

func TestSharesGiveTheSameDevices(t *testing.T) {
	whole := outcomes(t, func(*scenarios.Scenario) []scenarios.Range { return nil })
	again := outcomes(t, func(*scenarios.Scenario) []scenarios.Range { return nil })
	if !reflect.DeepEqual(whole, again) {
		t.Error("two runs with one seed differ")
	}
	cut := map[string]results.Attempt{}
	for i := range 2 {
		part := outcomes(t, func(s *scenarios.Scenario) []scenarios.Range {
			ranges, err := s.Share(i, 2)
			if err != nil {
				t.Fatal(err)
			}
			return ranges
		})
		if len(part) == 0 || len(part) == len(whole) {
			t.Errorf("share %d has %d of %d devices", i, len(part), len(whole))
		}
		for id, a := range part {
			if _, twice := cut[id]; twice {
				t.Errorf("device %s runs in both shares", id)
			}
			cut[id] = a
		}
	}
	if len(cut) != len(whole) {
		t.Errorf("shares have %d devices, the run %d", len(cut), len(whole))
	}
	for id, a := range whole {
		if !reflect.DeepEqual(a, cut[id]) {
			t.Errorf("device %s: whole %+v\ncut in two %+v", id, a, cut[id])
		}
	}
	connects := map[float64]bool{}
	for _, a := range whole {
		connects[a.ConnectMs] = true
	}
	if len(connects) < len(whole)/2 {
		t.Errorf("%d different times for %d devices: nothing was drawn", len(connects), len(whole))
	}
}

func TestAnotherSeedIsAnotherRun(t *testing.T) {
	at := func(seed string) []string {
		var ids []string
		inMemory(t, func(t *testing.T, r fleet.Run) {
			var m memory
			r.Scenario, r.Sink = load(t, "clean", "seed="+seed, "arrival.over=1s", "length=3s"), &m
			if _, err := r.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, a := range m.attempts {
				ids = append(ids, a.DeviceID)
			}
		})
		slices.Sort(ids)
		return ids
	}
	if a, b := at("1"), at("2"); reflect.DeepEqual(a, b) || strings.Join(a, "") == "" {
		t.Error("seeds 1 and 2 have the same devices")
	}
}

// A run that ends early cuts what is under way, at the scenario's length.
func TestRunEndCuts(t *testing.T) {
	inMemory(t, func(t *testing.T, r fleet.Run) {
		var m memory
		r.Scenario, r.Sink = load(t, "clean", "arrival.over=4s", "length=3s"), &m
		out, err := r.Do(t.Context())
		if err != nil || !out.Cut {
			t.Fatalf("%v, cut %v", err, out.Cut)
		}
		cut, ended := 0, 0
		for _, a := range m.attempts {
			if err := a.Check(); err != nil {
				t.Error(err)
			}
			if a.Outcome == results.Cut {
				cut++
				if end := a.StartMs + a.ConnectMs; end < 2999.9 || end > 3000.1 {
					t.Errorf("cut at %v ms", end)
				}
			}
		}
		for _, s := range m.sessions {
			if s.ClosedBy == results.ByRunEnd {
				ended++
			}
		}
		if cut == 0 || ended == 0 || out.Duration > 3*time.Second+time.Second {
			t.Errorf("%d attempts cut, %d sessions ended by the run, after %v", cut, ended, out.Duration)
		}
	})
}
