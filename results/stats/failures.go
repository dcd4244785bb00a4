package stats

import (
	"cmp"
	"slices"

	"xzfleet/results"
)

// reason is why an attempt failed.
type reason struct {
	phase results.Phase
	cause results.Cause
}

// newFailures gives the probability that the first try of an episode fails,
// and of what. Retries are kept out of it: a device that fails often would
// vote more often.
func newFailures(all, first []*results.Attempt, units *roster) Failures {
	f := Failures{Rate: failing(first, units, failed), By: []Failure{}}
	index := map[reason]int{}
	for _, a := range all {
		if !failed(a) {
			continue
		}
		r := reason{a.FailedPhase, a.Cause}
		i, known := index[r]
		if !known {
			i = len(f.By)
			index[r] = i
			f.By = append(f.By, Failure{Phase: r.phase, Cause: r.cause})
		}
		f.By[i].AllTries++
		if a.Try == 1 {
			f.By[i].Count++
		}
	}
	for i := range f.By {
		row := &f.By[i]
		row.Rate = failing(first, units, func(a *results.Attempt) bool {
			return failed(a) && a.FailedPhase == row.Phase && a.Cause == row.Cause
		})
	}
	slices.SortFunc(f.By, compareFailures)
	return f
}

// compareFailures puts the most frequent first, then follows the opening.
func compareFailures(a, b Failure) int {
	order := results.Phases()
	return cmp.Or(
		cmp.Compare(b.Count, a.Count),
		cmp.Compare(b.AllTries, a.AllTries),
		cmp.Compare(slices.Index(order, a.Phase), slices.Index(order, b.Phase)),
		cmp.Compare(a.Cause, b.Cause),
	)
}

func failed(a *results.Attempt) bool { return a.Outcome == results.Failed }

// failing is the probability to fail in the way that is asked for.
func failing(attempts []*results.Attempt, units *roster, so func(*results.Attempt) bool) Estimate {
	in := newIncidence(failureTimes(attempts, units, so))
	return in.estimate(len(in.steps))
}

// failureTimes are the times until attempts failed in the way that is asked
// for; other ends rule it out, and attempts that were cut are censored.
func failureTimes(attempts []*results.Attempt, units *roster, so func(*results.Attempt) bool) []observation {
	obs := make([]observation, 0, len(attempts))
	for _, a := range attempts {
		f := other
		switch {
		case a.Outcome == results.Cut:
			f = cut
		case so(a):
			f = event
		}
		obs = append(obs, observation{a.ConnectMs, f, units.unit(&a.Identity)})
	}
	return obs
}
