package stats

import (
	"strings"
	"testing"

	"xzfleet/results"
)

// even makes n attempts of a group that all take connectMs and are late by
// lateMs.
func even(n int, link string, connectMs, lateMs float64) []results.Attempt {
	var attempts []results.Attempt
	for i := range n {
		attempts = append(attempts, results.Attempt{
			Identity: results.Identity{
				Schema: results.Schema, Fleet: link, Device: i, Cell: i / 50, Profile: "wifi-s3", Link: link,
				Kind: results.KindChannel, Try: 1,
			},
			PhaseMs:   map[results.Phase]float64{results.PhaseHello: connectMs},
			ConnectMs: connectMs, Outcome: results.OK, LateMs: lateMs,
		})
	}
	return attempts
}

func failAll(attempts []results.Attempt, cause results.Cause) []results.Attempt {
	for i := range attempts {
		attempts[i].Outcome, attempts[i].FailedPhase, attempts[i].Cause = results.Failed, results.PhaseHello, cause
	}
	return attempts
}

type trustCase struct {
	attempts []results.Attempt
	health   Health
	reasons  []string // parts of them; none: trusted
}

func trustCases() map[string]trustCase {
	voice := func(ms float64) Health { return Health{VoiceLatenessP99Ms: &ms} }
	join := func(parts ...[]results.Attempt) (all []results.Attempt) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	return map[string]trustCase{
		"nothing ran":             {},
		"2 ms are always allowed": {attempts: even(100, "none", 10, 2)},
		"at the limit":            {attempts: even(100, "good", 1000, 20)},
		"p95 allows more than the median": {
			attempts: join(even(60, "good", 1000, 1), even(40, "good", 1000, 50)),
		},
		"late at the median": {
			attempts: even(100, "good", 1000, 20.5),
			reasons: []string{
				"the emulator's own lateness in connect attempts is 20.5 ms at the median (limit 20.0 ms; connect p50 is 1000 ms)",
			},
		},
		"late at p95": {
			attempts: join(even(60, "good", 1000, 1), even(40, "good", 1000, 51)),
			reasons:  []string{"51.0 ms at the p95 (limit 50.0 ms"},
		},
		"nothing connects: the times that attempts took": {
			attempts: failAll(even(100, "good", 10_000, 150), results.CauseTimeout),
		},
		"a small group is not judged": {
			attempts: join(even(500, "edge", 5000, 1), even(19, "none", 10, 90)),
		},
		"a group is judged by its own times": {
			attempts: join(even(500, "edge", 5000, 1), even(20, "none", 10, 90)),
			reasons: []string{
				"lateness of wifi-s3 on none in connect attempts is 90.0 ms at the median (limit 4.0 ms",
				"of wifi-s3 on none in connect attempts is 90.0 ms at the p95 (limit 10.0 ms",
			},
		},
		"voice in time": {health: voice(9.9)},
		"voice late":    {health: voice(10), reasons: []string{"1 % of the voice frames were sent at least 10.0 ms late (limit 10 ms)"}},
		"one in a thousand by our limits": {
			attempts: join(even(999, "good", 1000, 1), failAll(even(1, "good", 1, 1e6), results.CauseEmulatorLimit)),
		},
		"more by our limits": {
			attempts: join(even(998, "good", 1000, 1), failAll(even(2, "good", 1, 1e6), results.CauseEmulatorLimit)),
			reasons:  []string{"2 of 1000 attempts (0.20 %) failed by a limit of the emulator (limit 0.1 %)"},
		},
	}
}

func TestTrust(t *testing.T) {
	for name, c := range trustCases() {
		t.Run(name, func(t *testing.T) {
			h := Judge(results.Run{Attempts: c.attempts}, c.health)
			if h.Trusted != (len(c.reasons) == 0) || len(h.Reasons) != len(c.reasons) || h.Reasons == nil {
				t.Fatalf("trusted %v: %q", h.Trusted, h.Reasons)
			}
			for i, want := range c.reasons {
				if !strings.Contains(h.Reasons[i], want) {
					t.Errorf("%q, want %q", h.Reasons[i], want)
				}
			}
			if (h.LateMs == nil) != (len(c.attempts) == 0) {
				t.Errorf("lateness %+v", h.LateMs)
			}
		})
	}
}
