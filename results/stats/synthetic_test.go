package stats

import (
	"fmt"
	"math/rand/v2"

	"xzfleet/results"
)

// fleetModel makes records whose law is known.
type fleetModel struct {
	devices, cellSize int
	episodes          int     // per device
	failure           float64 // probability of a first try to fail in tls
	badCells          float64 // share of cells …
	badFailure        float64 // … in which this is the probability instead
	cutAfterMs        float64 // the run ends so long after each start; 0 = never
	medianMs          float64 // of tls
}

func (m fleetModel) run(rng *rand.Rand) results.Run {
	var run results.Run
	bad := map[int]bool{}
	for c := range (m.devices + m.cellSize - 1) / m.cellSize {
		bad[c] = rng.Float64() < m.badCells
	}
	for d := range m.devices {
		failure := m.failure
		if bad[d/m.cellSize] {
			failure = m.badFailure
		}
		for e := range m.episodes {
			run.Attempts = append(run.Attempts, m.attempt(rng, d, e, failure))
		}
	}
	return run
}

func (m fleetModel) attempt(rng *rand.Rand, device, episode int, failure float64) results.Attempt {
	a := results.Attempt{
		Identity: results.Identity{
			Schema: results.Schema, Fleet: "f", Cell: device / m.cellSize, Device: device,
			DeviceID: fmt.Sprint(device), Profile: "wifi-s3", Link: "cat1-good",
			Kind: results.KindChannel, Episode: episode, Try: 1,
		},
		StartMs: 1000 * rng.Float64(),
		Outcome: results.OK,
		PhaseMs: map[results.Phase]float64{
			results.PhaseRadio: 0, results.PhaseDNS: 0, results.PhaseTCP: 50,
			results.PhaseTLS:     m.medianMs * (0.5 + rng.ExpFloat64()),
			results.PhaseUpgrade: 60, results.PhaseHello: 70,
		},
	}
	end := func(after ...results.Phase) {
		for _, p := range after {
			delete(a.PhaseMs, p)
		}
	}
	if rng.Float64() < failure {
		a.Outcome, a.FailedPhase, a.Cause = results.Failed, results.PhaseTLS, results.CauseTimeout
		a.PhaseMs[results.PhaseTLS] = 10000
		end(results.PhaseUpgrade, results.PhaseHello)
	}
	if m.cutAfterMs > 0 {
		if until := rng.Float64() * m.cutAfterMs; until < 50+a.PhaseMs[results.PhaseTLS] {
			a.Outcome, a.FailedPhase, a.Cause = results.Cut, "", ""
			end(results.PhaseUpgrade, results.PhaseHello)
			a.PhaseMs[results.PhaseTCP] = min(50, until)
			if a.PhaseMs[results.PhaseTLS] = until - 50; until <= 50 {
				end(results.PhaseTLS)
			}
		}
	}
	for _, p := range results.Phases() {
		a.ConnectMs += a.PhaseMs[p]
	}
	return a
}
