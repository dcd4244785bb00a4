package stats

import (
	"fmt"
	"time"

	"xzfleet/results"
)

// Outcome of an expectation.
type Outcome string

const (
	Met       Outcome = "met"
	Missed    Outcome = "missed"
	Undecided Outcome = "undecided"
)

// Verdict is an expectation judged. Value, Low and High are the share that
// Measure names with its interval.
type Verdict struct {
	Text    string   `json:"text"`
	Outcome Outcome  `json:"verdict"`
	Measure string   `json:"measure"`
	Value   *float64 `json:"value"`
	Low     *float64 `json:"low"`
	High    *float64 `json:"high"`
	NeedsN  int      `json:"needs_n,omitempty"` // undecided: about how many attempts would decide, at the share seen
}

// Judge compares a run with the expectation: met when the whole interval is
// on the right side, missed when it is on the wrong one. A quantile is judged
// as the share connected in time, over all attempts; failures over first
// tries.
func (e Expectation) Judge(run results.Run) Verdict {
	channel, _ := byKind(run.Attempts)
	var all, first []*results.Attempt
	for _, a := range channel {
		if ours(a) {
			continue
		}
		all = append(all, a)
		if a.Try == 1 {
			first = append(first, a)
		}
	}
	v := Verdict{Text: e.Text, Outcome: Undecided, NeedsN: e.NeedsN()}
	units := newRoster()
	var in *incidence
	var steps int
	if e.Metric == MetricConnect {
		v.Measure = fmt.Sprintf("share connected within %s", e.Within)
		in = newIncidence(connectTimes(all, units))
		steps = in.count(float64(e.Within)/float64(time.Millisecond), e.OrEqual)
	} else {
		v.Measure = "share of first tries that failed"
		in = newIncidence(failureTimes(first, units, failed))
		steps = len(in.steps)
	}
	if in.n == in.cuts {
		return v
	}
	share := in.estimate(steps)
	v.Value, v.Low, v.High = share.Value, share.Low, share.High
	v.NeedsN = 0
	if v.Outcome = e.judge(*v.Low, *v.High); v.Outcome == Undecided {
		worth := in.spread(steps)
		v.NeedsN, _ = e.decidedFrom(*v.Value, float64(in.n)/worth.n, worth.quantile, Met, Missed)
	}
	return v
}
