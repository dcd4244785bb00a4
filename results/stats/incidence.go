package stats

import (
	"cmp"
	"math"
	"slices"

	"xzfleet/results"
)

// fate is how one observation of a waiting time ended.
type fate int8

const (
	cut   fate = iota // still waiting when the run ended: censored
	event             // what is asked for happened
	other             // something happened that rules it out for ever
)

// unit is who was observed: observations of one device, and of devices in one
// cell, are alike.
type unit struct{ fleet, cell, device int }

// observation is one waiting time, in ms.
type observation struct {
	ms   float64
	fate fate
	unit unit
}

// step is a time at which observations ended.
type step struct {
	ms            float64
	atRisk        int     // waiting just before
	events        int     // ended as asked for
	others        int     // ended otherwise
	waitingBefore float64 // probability to be waiting just before
	share         float64 // probability of the event by ms
}

// incidence is the cumulative incidence of an event among observations that
// may end otherwise or be cut: the estimator of Aalen and Johansen, Scand. J.
// Statist. 5 (1978) 141. Where nothing was cut it is the plain proportion.
type incidence struct {
	n, events, others, cuts int
	steps                   []step
	sorted                  []observation
	waiting                 float64 // probability to be waiting after the last step
}

// slack absorbs the rounding of sums when shares are compared.
const slack = 1e-12

// newIncidence takes the observations over and sorts them.
func newIncidence(obs []observation) *incidence {
	slices.SortFunc(obs, func(a, b observation) int { return cmp.Compare(a.ms, b.ms) })
	in := &incidence{n: len(obs), sorted: obs, waiting: 1}
	for _, o := range obs {
		switch o.fate {
		case event:
			in.events++
		case other:
			in.others++
		default:
			in.cuts++
		}
	}
	share, done, doneEvents := 0.0, 0, 0
	for i := 0; i < len(obs); {
		s := step{ms: obs[i].ms, atRisk: len(obs) - i, waitingBefore: in.waiting}
		for ; i < len(obs) && obs[i].ms == s.ms; i++ {
			switch obs[i].fate {
			case event:
				s.events++
			case other:
				s.others++
			}
		}
		ended := s.events + s.others
		if ended == 0 {
			continue
		}
		done, doneEvents = done+ended, doneEvents+s.events
		if in.cuts == 0 { // exact, without rounding
			share = float64(doneEvents) / float64(in.n)
			in.waiting = float64(in.n-done) / float64(in.n)
		} else {
			share += in.waiting * float64(s.events) / float64(s.atRisk)
			in.waiting *= float64(s.atRisk-ended) / float64(s.atRisk)
		}
		s.share = share
		in.steps = append(in.steps, s)
	}
	return in
}

// last is the share that the event reaches at all.
func (in *incidence) last() float64 {
	if len(in.steps) == 0 {
		return 0
	}
	return in.steps[len(in.steps)-1].share
}

// count is how many steps lie at or before ms; without ties, before it.
func (in *incidence) count(ms float64, ties bool) int {
	i, found := slices.BinarySearchFunc(in.steps, ms, func(s step, ms float64) int { return cmp.Compare(s.ms, ms) })
	if found && ties {
		i++
	}
	return i
}

// quantile is the smallest time at which the share reaches q.
func (in *incidence) quantile(q float64) (ms float64, exists bool) {
	i, _ := slices.BinarySearchFunc(in.steps, q-slack, func(s step, q float64) int { return cmp.Compare(s.share, q) })
	if i == len(in.steps) {
		return 0, false
	}
	return in.steps[i].ms, true
}

// variance of the share after the first k steps, for independent
// observations: the delta method of Marubini and Valsecchi, Analysing
// Survival Data from Clinical Trials and Observational Studies (1995), ch. 10.
func (in *incidence) variance(k int) float64 {
	if k == 0 {
		return 0
	}
	at := in.steps[k-1].share
	var sum float64
	for _, s := range in.steps[:k] {
		risk, d, e := float64(s.atRisk), float64(s.events+s.others), float64(s.events)
		later := at - s.share
		if risk > d {
			sum += later * later * d / (risk * (risk - d))
		}
		sum += s.waitingBefore * s.waitingBefore * e * (risk - e) / (risk * risk * risk)
		sum -= 2 * later * s.waitingBefore * e / (risk * risk)
	}
	return sum
}

// spread is what the observations are worth for the share after k steps.
func (in *incidence) spread(k int) spread {
	p, until := 0.0, math.Inf(-1)
	if k > 0 {
		p, until = in.steps[k-1].share, in.steps[k-1].ms
	}
	known := new(sample)
	for _, o := range in.sorted {
		happened := o.fate == event && o.ms <= until
		if o.fate == cut && o.ms < until {
			continue // it was not seen whether the event came by then
		}
		events := 0
		if happened {
			events = 1
		}
		known.add(o.unit, 1, events)
	}
	trials := float64(in.n)
	if in.cuts > 0 {
		trials = float64(known.trials)
		if v := in.variance(k); p > 0 && p < 1 && v > 0 {
			trials = min(float64(in.n), p*(1-p)/v)
		}
	}
	return known.spread(trials)
}

// estimate is the share after the first k steps with its interval.
func (in *incidence) estimate(k int) Estimate {
	if in.n == in.cuts {
		return absent("nothing was observed to its end")
	}
	p := 0.0
	if k > 0 {
		p = in.steps[k-1].share
	}
	return interval(p, in.spread(k))
}

// roster numbers fleets, cells and devices.
type roster struct {
	fleets         map[string]int
	cells, devices map[place]int
}

// place is a cell or a device within its fleet, in one run. Another run's is
// another observation, and shares of one run have no cell in common.
type place struct {
	run, fleet string
	index      int
}

func newRoster() *roster {
	return &roster{fleets: map[string]int{}, cells: map[place]int{}, devices: map[place]int{}}
}

func number[K comparable](of map[K]int, key K) int {
	n, known := of[key]
	if !known {
		n = len(of)
		of[key] = n
	}
	return n
}

func (r *roster) unit(id *results.Identity) unit {
	return unit{
		fleet:  number(r.fleets, id.Fleet),
		cell:   number(r.cells, place{id.Run, id.Fleet, id.Cell}),
		device: number(r.devices, place{id.Run, id.Fleet, id.Device}),
	}
}
