package netem

import (
	"math"
	"time"
)

// pulse is a stretch of time [from, to).
type pulse struct{ from, to time.Duration }

// pulses are stretches that come at random, so many in all a second:
// exponential gaps, lengths of their own law, the k-th of both drawn by k.
// Nothing that is sent moves them.
type pulses struct {
	key    Key
	gap    float64 // s, mean; 0: there are none
	length func(Key) time.Duration
	k      uint64
	now    pulse // that ends last among those begun, or begins next
}

// newPulses makes pulses of which perSecond begin a second; mean is that of
// their lengths, in s.
func newPulses(key Key, perSecond, mean float64, length func(Key) time.Duration) pulses {
	p := pulses{key: key, length: length, now: pulse{never, never}}
	if perSecond > 0 {
		p.gap = max(1/perSecond-mean, 0.1/perSecond)
		p.now = p.after(0)
	}
	return p
}

// after draws the pulse that follows a gap from t on.
func (p *pulses) after(t time.Duration) pulse {
	key := p.key.Of(p.k)
	p.k++
	from := t + seconds(key.Of(1).Exp()*p.gap)
	return pulse{from, from + max(p.length(key.Of(2)), 1)}
}

// at is the pulse that covers t, or else the next one. t must not run
// backwards.
func (p *pulses) at(t time.Duration) pulse {
	for p.gap > 0 && t >= p.now.to {
		p.now = p.after(p.now.to)
	}
	return p.now
}

// cycle is a grid of times at which a device listens, with a phase of its own.
type cycle struct{ period, phase time.Duration }

func newCycle(key Key, period time.Duration) cycle {
	if period <= 0 {
		return cycle{}
	}
	return cycle{period, key.Within(period)}
}

// next is the first time from t on at which the device listens.
func (c cycle) next(t time.Duration) time.Duration {
	if c.period == 0 {
		return t
	}
	k := math.Ceil(float64(t-c.phase) / float64(c.period))
	return c.phase + time.Duration(k)*c.period
}

// gap is the length of a handover.
func (h Handover) gap(key Key) time.Duration {
	if key.Of(1).Uniform() < h.FailProb {
		return ms(h.ReestablishMin + key.Of(2).Uniform()*(h.ReestablishMax-h.ReestablishMin))
	}
	return ms(key.Of(3).LogNormal(h.Median, h.Sigma))
}

func (h Handover) mean() float64 {
	whole := logNormalMean(h.Median, h.Sigma)
	return ((1-h.FailProb)*whole + h.FailProb*(h.ReestablishMin+h.ReestablishMax)/2) / 1000
}

func logNormalMean(median, sigma float64) float64 { return median * math.Exp(sigma*sigma/2) }

func (s Stall) mean() float64 { return logNormalMean(s.Median, s.Sigma) / 1000 }

func (o Outage) mean() float64 { return logNormalMean(o.MedianS, o.Sigma) }

func (s Stall) length(key Key) time.Duration { return ms(key.LogNormal(s.Median, s.Sigma)) }

func (o Outage) length(key Key) time.Duration {
	l := key.LogNormal(o.MedianS, o.Sigma)
	if o.MaxS > 0 {
		l = min(l, o.MaxS)
	}
	return seconds(l)
}
