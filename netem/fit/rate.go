package fit

import (
	"math"
	"slices"
	"time"

	"xzfleet/netem"
)

// What an LTE Cat.1 modem gets at most, bit/s: transport blocks of 10,296 and
// 5,160 bits a millisecond (3GPP TS 36.306, table 4.1-1 and 4.1-2).
const (
	fastestUp   = 5.16e6
	fastestDown = 10.296e6
)

func fastest(side netem.Side) float64 {
	if side == netem.ServerSide {
		return fastestDown
	}
	return fastestUp
}

// opportunityBits is what a delivery opportunity carries.
const opportunityBits = 1500 * 8

// process is a rate as a process: its seconds, without stalls.
type process struct {
	rates   []float64 // bit/s; NaN: a second that stood still, or the seam of two traces
	stalls  []float64 // ms
	span    time.Duration
	clipped int
	slow    bool // opportunities so far apart that a gap may be none
}

// take adds a trace. A gap is a stall, and the rate is that of the time
// outside of stalls, so that a profile with both has the trace's throughput.
func (p *process) take(t trace) {
	gaps := make([]float64, len(t.times))
	before := time.Duration(0)
	for i, at := range t.times {
		gaps[i], before = float64(at-before), at
	}
	usual := time.Duration(median(gaps))
	p.slow = p.slow || usual > stallFrom/10
	p.span += before
	bits, still := make([]float64, before/time.Second), make([]time.Duration, before/time.Second)
	before = 0
	for _, at := range t.times {
		if gap := at - before; gap >= max(stallFrom, 3*usual) {
			p.stalls = append(p.stalls, milliseconds(gap))
			spread(still, before, at)
		}
		if i := int(at / time.Second); i < len(bits) {
			bits[i] += opportunityBits
		}
		before = at
	}
	for i := range bits {
		open := time.Second - still[i]
		rate := bits[i] / open.Seconds()
		if open < time.Second/2 || rate == 0 {
			rate = math.NaN()
		}
		if rate > fastest(t.side) {
			rate = fastest(t.side)
			p.clipped++
		}
		p.rates = append(p.rates, rate)
	}
	p.rates = append(p.rates, math.NaN())
}

// spread adds a time to the seconds that it covers.
func spread(seconds []time.Duration, from, to time.Duration) {
	for from < to {
		i := int(from / time.Second)
		end := min(to, time.Duration(i+1)*time.Second)
		if i < len(seconds) {
			seconds[i] += end - from
		}
		from = end
	}
}

// known are the rates of the seconds that have one.
func (p *process) known() []float64 {
	return slices.DeleteFunc(slices.Clone(p.rates), math.IsNaN)
}

// The emulator's rate is a normal process interpolated between grid points
// corr_s apart (netem: noise.at). Its autocorrelation falls to 1/e after 0.900
// of a grid, and sums up to 1.55 grids.
const (
	gridToFall = 0.900
	gridToSum  = 1.55
)

// longestLag is how far the autocorrelation is looked at, s.
const longestLag = 60

// corr is the correlation time of the logarithm in s.
func (p *process) corr() float64 {
	logs := make([]float64, len(p.rates))
	for i, r := range p.rates {
		logs[i] = math.Log(r)
	}
	mean, sd := moments(slices.DeleteFunc(slices.Clone(logs), math.IsNaN))
	if sd < 1e-9 {
		return 1
	}
	before := 1.0
	for lag := 1; lag <= min(longestLag, len(logs)/4); lag++ {
		sum, n := 0.0, 0
		for i := lag; i < len(logs); i++ {
			if v := (logs[i] - mean) * (logs[i-lag] - mean); !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		now := sum / float64(max(n, 1)) / (sd * sd)
		if now < 1/math.E {
			return (float64(lag-1) + (before-1/math.E)/(before-now)) / gridToFall
		}
		before = now
	}
	return float64(max(1, min(longestLag, len(logs)/4))) / gridToFall
}

// fromTraces fits rate and stalls.
func (f *Fit) fromTraces(ms []Measurement) {
	if len(ms) == 0 {
		return
	}
	var sides [2]process
	for _, m := range ms {
		sides[m.trace.side].take(m.trace)
	}
	var sigmas, corrs, stalls []float64
	var span time.Duration
	names := [2]string{"up", "down"}
	keys := [2]*float64{&f.Profile.Rate.Up, &f.Profile.Rate.Down}
	for side := range sides {
		p := &sides[side]
		s := f.source(ms, len(p.known()))
		if s.n == 0 {
			if p.span == 0 {
				f.warn("Mahimahi: no trace of the direction %s, which stays without a limit", names[side])
			}
			continue
		}
		corr := p.corr()
		l := fitLogNormal(p.known(), max(1, float64(s.n)/(gridToSum*max(corr, 0.65))))
		s.set("rate_kbps."+names[side], keys[side], l.median/1000, "kbit/s", interval{l.medianIn.low / 1000, l.medianIn.high / 1000}, l.ks)
		sigmas, corrs = append(sigmas, l.sigma*l.sigma), append(corrs, corr)
		stalls, span = append(stalls, p.stalls...), span+p.span
		f.warnOfRate(p, names[side], fastest(netem.Side(side)))
	}
	s := f.source(ms, len(sides[0].known())+len(sides[1].known()))
	if s.n > 0 {
		variance, _ := moments(sigmas)
		corr, _ := moments(corrs)
		l := logNormal{sigma: math.Sqrt(variance)}
		worth := max(1, float64(s.n)/(gridToSum*max(corr, 0.65)))
		s.set("rate_kbps.sigma", &f.Profile.Rate.Sigma, l.sigma, "", l.sigmaInterval(worth), 0)
		s.set("rate_kbps.corr_s", &f.Profile.Rate.CorrS, corr, "s", interval{}, 0)
	}
	if span > 0 {
		f.stalls(s, stalls, span)
	}
}

func (f *Fit) warnOfRate(p *process, name string, limit float64) {
	if p.clipped > 0 {
		f.warn("Mahimahi: %d of %d seconds %s above %.4g Mbit/s, the most that Cat.1 gets: clipped in rate_kbps, not in a replay of the file", p.clipped, len(p.known()), name, limit/1e6)
	}
	if p.slow {
		f.warn("Mahimahi: opportunities %s are so far apart that gaps of %v may be a low rate and no stall; only those of three times the usual count", name, stallFrom)
	}
}
