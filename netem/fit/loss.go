package fit

import (
	"math"
	"slices"
	"time"
)

// outageFrom is the least loss of everything that is an outage: mixed into one
// chain with the short bursts of a radio it would fit neither.
const outageFrom = 3 * time.Second

// lossRuns are the transitions of probes in a row, and what was lost whole.
type lossRuns struct {
	steps, lost, after [2]int // [1]: after a lost probe. steps: probes; lost: of those
	outages            []float64
	span, spacing      time.Duration
}

// take goes through a run of ping.
func (l *lossRuns) take(run pingRun) {
	l.span += time.Duration(len(run.probes)) * run.spacing
	l.spacing = max(l.spacing, run.spacing)
	state := -1 // unknown, at the start and behind an outage
	for i := 0; i < len(run.probes); {
		n := 0
		for i+n < len(run.probes) && !run.probes[i+n].answered {
			n++
		}
		if length := time.Duration(n) * run.spacing; n > 1 && length >= outageFrom {
			l.outages = append(l.outages, length.Seconds())
			i, state = i+n, -1
			continue
		}
		for range n {
			l.step(state, 1)
			state = 1
		}
		if i += n; i < len(run.probes) {
			l.step(state, 0)
			state = 0
			i++
		}
	}
}

// step counts a probe, lost (1) or not, by what became of the one before.
func (l *lossRuns) step(before, lost int) {
	l.after[lost]++
	if before >= 0 {
		l.steps[before]++
		l.lost[before] += lost
	}
}

// losses fits the Gilbert chain: p is one over the mean run of answers, r one
// over the mean run of losses, per spacing of the probes. Both directions lose
// independently, so that a direction's p is about half of it.
func (f *Fit) losses(s source, ms []Measurement) {
	var l lossRuns
	for _, m := range ms {
		for _, run := range m.pings {
			l.take(run)
		}
	}
	n := l.after[0] + l.after[1]
	s.n = n
	p, r := share(l.lost[0], l.steps[0]), 1-share(l.lost[1], l.steps[1])
	loss := share(l.after[1], n)
	together := max(0, min(0.99, 1-p-r)) // correlation of a probe with the next
	s.tell("loss, there and back", 100*loss, "%", percent(wilson(loss, float64(n)*(1-together)/(1+together))))
	if p > 0 && loss < 1 {
		one := 1 - math.Sqrt(1-loss)        // direction
		r = max(r, 1/float64(l.steps[1]+1)) // a log that ends in a loss has seen no way back
		r = min(r, 0.999*(1-one))           // a chain in continuous time comes near independence, no further
		scale := r * one / (1 - one) / p
		ge := &f.Profile.GE
		in := wilson(p, float64(l.steps[0]))
		s.set("ge.p", &ge.P, scale*p, "", interval{scale * in.low, scale * in.high}, 0)
		s.n = l.steps[1]
		in = wilson(share(l.lost[1], l.steps[1]), float64(l.steps[1]))
		s.set("ge.r", &ge.R, r, "", interval{1 - in.high, 1 - in.low}, 0)
		s.n = n
		s.assume("ge.loss_bad", &ge.LossBad, 1, "")
		s.set("ge.step_ms", &ge.StepMs, milliseconds(l.spacing), "ms", interval{}, 0)
	}
	f.outages(s, l)
}

func share(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

func percent(in interval) interval { return interval{100 * in.low, 100 * in.high} }

// outages fits how often and how long nothing came through.
func (f *Fit) outages(s source, l lossRuns) {
	hours, n := l.span.Hours(), len(l.outages)
	s.n = n
	o := &f.Profile.Outage
	s.set("outage.per_hour", &o.PerHour, float64(n)/hours, "/h", poisson(n, hours), 0)
	if n == 0 {
		return
	}
	fitted := fitLogNormal(l.outages, float64(n))
	s.set("outage.median_s", &o.MedianS, fitted.median, "s", fitted.medianIn, 0)
	s.set("outage.sigma", &o.Sigma, min(fitted.sigma, widest), "", fitted.sigmaIn, fitted.ks)
	s.set("outage.max_s", &o.MaxS, math.Ceil(slices.Max(l.outages)), "s", interval{}, 0)
}
