package stats

import (
	"testing"

	"xzfleet/results"
)

// Two runs of one scenario have the same fleets, cells and indices: their
// devices are other devices all the same.
func TestRunsDoNotMergeTheirDevices(t *testing.T) {
	attempt := func(run string, device int, o results.Outcome) results.Attempt {
		a := results.Attempt{
			Identity: results.Identity{Run: run, Fleet: "a", Device: device, Kind: results.KindChannel, Try: 1},
			PhaseMs:  map[results.Phase]float64{results.PhaseTCP: 5}, ConnectMs: 5, Outcome: o,
		}
		if o == results.Failed {
			a.FailedPhase, a.Cause = results.PhaseTCP, results.CauseRefused
		}
		return a
	}
	var run results.Run
	for i := range 20 {
		run.Attempts = append(run.Attempts, attempt("one", i, results.OK), attempt("two", i, results.Failed))
	}
	s := Summarize(run)
	if s.Devices.Arrived != 40 || s.Devices.Connected != 20 || s.Devices.Cells != 2 {
		t.Errorf("%+v", s.Devices)
	}
}
