package fit

import (
	"math"
	"slices"
	"time"
)

// floorWindow is how long a floor is taken to stay.
const floorWindow = 5 * time.Minute

// fewInWindow is the least that a window must hold to speak for itself.
const fewInWindow = 20

// fromPing fits round trips, loss, outages and, where wanted, stalls.
func (f *Fit) fromPing(ms []Measurement, stalls bool) {
	if len(ms) == 0 {
		return
	}
	var all []float64
	for _, m := range ms {
		for _, run := range m.pings {
			for _, p := range run.probes {
				if p.answered {
					all = append(all, milliseconds(p.rtt))
				}
			}
		}
	}
	first, _ := fitDelay([][]float64{all})
	var seen waits
	for _, m := range ms {
		for _, run := range m.pings {
			seen.look(run, first)
		}
	}
	s := f.source(ms, len(all))
	f.roundTrips(s, seen)
	f.losses(s, ms)
	f.warnOfSpacing(ms)
	if stalls {
		f.stalls(s, seen.stalls, seen.span)
		if seen.spacing > stallFrom/2 {
			f.warn("ping: probes %v apart miss stalls that are shorter", seen.spacing.Round(time.Millisecond))
		}
	}
}

// roundTrips fits floor and jitter, by windows of time.
func (f *Fit) roundTrips(s source, seen waits) {
	samples := seen.windows()
	d, floors := fitDelay(samples)
	s.n = d.n
	s.set("rtt_floor.min", &f.Profile.RTTFloor.Min, d.at, "ms", d.atInterval(floors), 0)
	var lowest []float64
	for _, w := range samples {
		lowest = append(lowest, slices.Min(w))
	}
	s.tell("lowest RTT, by 5 min", median(lowest), "ms", interval{slices.Min(lowest), slices.Max(lowest)})
	s.set("jitter_sd", &f.Profile.JitterSD, d.sd, "ms", d.sdInterval(), d.ks)
	if late := seen.overtaken + d.late; late > 0 {
		f.warn("ping: %d answers later than jitter explains and not part of a stall (the first of a silent device, or overtaken): left out of floor and jitter", late)
	}
}

func (f *Fit) warnOfSpacing(ms []Measurement) {
	for _, m := range ms {
		for _, run := range m.pings {
			if run.spacing >= inactivity/2 {
				f.warn("%s: probes %v apart may each find the radio idle: its promotion then counts as floor", m.base(), run.spacing.Round(time.Millisecond))
				return
			}
		}
	}
}

// stallFrom is the least wait that is a stall.
const stallFrom = 300 * time.Millisecond

// waits are the stalls that pings met, and the round trips outside of them.
type waits struct {
	stalls    []float64 // lengths, ms
	span      time.Duration
	spacing   time.Duration // the largest of the runs
	overtaken int
	samples   [][]float64 // round trips in ms, by window
}

// look goes through a run. In a stall everything waits and then arrives
// together: the first that waited is the latest by nearly the stall's length,
// those sent behind it by less and less. One that is overtaken by a probe sent
// later did not wait in a queue.
func (w *waits) look(run pingRun, d delay) {
	floor := fromMilliseconds(d.at)
	from := max(stallFrom, fromMilliseconds(d.reach))
	over := time.Duration(math.MinInt64) // when the latest stall was
	window, at := []float64(nil), time.Duration(0)
	probes := answered(run.probes)
	for i, p := range probes {
		wait := p.rtt - floor
		opened := p.sent + wait // when it was through, as far as it tells
		switch {
		case p.sent < over: // sent while it lasted
			if opened >= over+from { // and into the next one
				w.stalls = append(w.stalls, milliseconds(opened-over))
			}
			over = max(over, opened)
			continue
		case wait >= from && i+1 < len(probes) && probes[i+1].sent+probes[i+1].rtt < p.sent+p.rtt-overtaking:
			w.overtaken++
			continue
		case wait >= from:
			// The stall began up to a spacing before: half of one, on average.
			w.stalls = append(w.stalls, milliseconds(wait+run.spacing/2))
			over = opened
			continue
		case over > 0 && p.sent < over+floor: // may have met its end on the way back
			continue
		}
		if p.sent >= at+floorWindow {
			w.close(window)
			window, at = nil, p.sent
		}
		window = append(window, milliseconds(p.rtt))
	}
	w.close(window)
	w.span += time.Duration(len(run.probes)) * run.spacing
	w.spacing = max(w.spacing, run.spacing)
}

// overtaking is by how much an answer must be earlier than the one before it:
// more than ping's own rounding.
const overtaking = 2 * time.Millisecond

func (w *waits) close(window []float64) {
	if len(window) > 0 {
		w.samples = append(w.samples, window)
	}
}

// windows are those that hold enough, or else all in one.
func (w *waits) windows() [][]float64 {
	var full [][]float64
	for _, s := range w.samples {
		if len(s) >= fewInWindow {
			full = append(full, s)
		}
	}
	if len(full) == 0 {
		full = [][]float64{slices.Concat(w.samples...)}
	}
	return full
}

func answered(probes []probe) []probe {
	var got []probe
	for _, p := range probes {
		if p.answered {
			got = append(got, p)
		}
	}
	return got
}

func fromMilliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// widest is the largest sigma that a profile takes for a length: beyond it, a
// draw may overflow a time.
const widest = 3

// stalls fits how often and how long (ms) the link stood still.
func (f *Fit) stalls(s source, lengths []float64, span time.Duration) {
	minutes := span.Minutes()
	s.n = len(lengths)
	s.set("stall.per_min", &f.Profile.Stall.PerMin, float64(len(lengths))/minutes, "/min", poisson(len(lengths), minutes), 0)
	if len(lengths) == 0 {
		return
	}
	l := fitLogNormal(lengths, float64(len(lengths)))
	s.set("stall.median", &f.Profile.Stall.Median, l.median, "ms", l.medianIn, 0)
	s.set("stall.sigma", &f.Profile.Stall.Sigma, min(l.sigma, widest), "", l.sigmaIn, l.ks)
}
