package stats

import (
	"fmt"
	"math"
	"slices"

	"xzfleet/results"
)

// Limits of trust: beyond them the emulator's own lateness could be read as
// the network's or the server's.
const (
	lateP50Share    = 0.02  // of connect p50 …
	lateP50Ms       = 2.0   // … or this, whichever is more
	lateP95Share    = 0.05  // of connect p95 …
	lateP95Ms       = 5.0   // … or this
	voiceLateMs     = 10.0  // p99 of uplink frames
	groupAttempts   = 20    // groups from this size on are judged by themselves …
	groupAllowance  = 2.0   // … against so many times the limit
	ownFailureShare = 0.001 // of attempts that ended by a limit of the emulator
)

// Judge completes the emulator's health with the lateness of the run's
// attempts and the verdict of Trust.
func Judge(run results.Run, h Health) Health {
	if late := lateness(counted(run.Attempts)); len(late) > 0 {
		h.LateMs = &Lateness{
			P50: roundTo(empirical(late, 0.50), stepMs),
			P95: roundTo(empirical(late, 0.95), stepMs),
		}
	}
	h.Trusted, h.Reasons = Trust(run, h)
	return h
}

// Trust reports whether the emulator kept its own lateness so small that the
// run says something about the system under test, and if not, why.
func Trust(run results.Run, h Health) (trusted bool, reasons []string) {
	reasons = []string{}
	reasons = append(reasons, lateReasons("", run.Attempts, 1)...)
	for _, g := range groups(run) {
		if len(g.attempts) >= groupAttempts {
			reasons = append(reasons, lateReasons(" of "+g.profile+" on "+g.link, g.attempts, groupAllowance)...)
		}
	}
	if v := h.VoiceLatenessP99Ms; v != nil && !(*v < voiceLateMs) {
		reasons = append(reasons, fmt.Sprintf(
			"1 %% of the voice frames were sent at least %.1f ms late (limit %.0f ms)", *v, voiceLateMs))
	}
	own := 0
	for i := range run.Attempts {
		if ours(&run.Attempts[i]) {
			own++
		}
	}
	if n := len(run.Attempts); float64(own) > ownFailureShare*float64(n) {
		reasons = append(reasons, fmt.Sprintf(
			"%d of %d attempts (%.2f %%) failed by a limit of the emulator (limit %.1f %%)",
			own, n, 100*float64(own)/float64(n), 100*ownFailureShare))
	}
	return len(reasons) == 0, reasons
}

// lateReasons compares the lateness of each kind of attempt with how long
// those attempts took.
func lateReasons(whose string, attempts []results.Attempt, allowance float64) []string {
	var reasons []string
	channel, ota := byKind(attempts)
	for _, kind := range []struct {
		name     string
		attempts []*results.Attempt
	}{{"connect", channel}, {"OTA", ota}} {
		of := slices.DeleteFunc(kind.attempts, ours)
		late := lateness(of)
		if len(late) == 0 {
			continue
		}
		for _, limit := range []struct {
			what            string
			q, share, least float64
		}{{"median", 0.50, lateP50Share, lateP50Ms}, {"p95", 0.95, lateP95Share, lateP95Ms}} {
			took := reference(of, limit.q)
			most := allowance * max(limit.share*took, limit.least)
			if ms := empirical(late, limit.q); !(ms <= most) {
				reasons = append(reasons, fmt.Sprintf(
					"the emulator's own lateness%s in %s attempts is %.1f ms at the %s (limit %.1f ms; %s p%.0f is %.0f ms)",
					whose, kind.name, ms, limit.what, most, kind.name, 100*limit.q, took))
			}
		}
	}
	return reasons
}

// reference is the quantile of the time to connect; where fewer than q ever
// connect, that of the time that attempts took however they ended.
func reference(attempts []*results.Attempt, q float64) float64 {
	in := newIncidence(connectTimes(attempts, newRoster()))
	if ms, exists := in.quantile(q); exists {
		return ms
	}
	took := make([]float64, 0, len(attempts))
	for _, a := range attempts {
		took = append(took, a.ConnectMs)
	}
	slices.Sort(took)
	return empirical(took, q)
}

func counted(attempts []results.Attempt) []*results.Attempt {
	var of []*results.Attempt
	for i := range attempts {
		if a := &attempts[i]; !ours(a) {
			of = append(of, a)
		}
	}
	return of
}

// lateness is late_ms of the attempts, sorted.
func lateness(attempts []*results.Attempt) []float64 {
	late := make([]float64, 0, len(attempts))
	for _, a := range attempts {
		late = append(late, a.LateMs)
	}
	slices.Sort(late)
	return late
}

// empirical is the smallest value that at least the share q of the sorted
// values do not exceed.
func empirical(sorted []float64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(sorted))-slack)) - 1
	return sorted[max(0, i)]
}
