package fit

import (
	"math"
	"slices"
	"sort"
	"sync"
	"time"

	"xzfleet/netem"
)

// roundTripLaw is the emulator's own law of a round trip: how far it is off
// the floor for a jitter_sd of 1 in each direction, as a sorted sample drawn
// from emulated links.
var roundTripLaw = sync.OnceValue(func() []float64 {
	const n, floor, sd = 100_000, 2000.0, 20.0 // ms
	path := netem.NewPath(netem.Profile{RTTFloor: netem.RTTFloor{Min: floor}, JitterSD: sd}, netem.Seed(1))
	law := make([]float64, n)
	for i := range law {
		now := time.Duration(i) * 157_300 * time.Microsecond // past the correlation of jitter
		up, _ := path.Up.Send(now, 84, 0)
		down, _ := path.Down.Send(now, 84, 0)
		law[i] = (milliseconds(up-now) + milliseconds(down-now) - floor) / sd
	}
	slices.Sort(law)
	return law
})

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// lawCDF is its distribution function.
func lawCDF(x float64) float64 {
	law := roundTripLaw()
	return (float64(sort.SearchFloat64s(law, x)) + 0.5) / float64(len(law))
}

// delay is a fit of round trips, in ms: their law is moved to at and scaled
// by sd, the jitter of one direction. The jitter of the emulator has mean 0,
// so at is the mean, not the least; reach is how much later jitter may be.
type delay struct {
	at, sd, reach float64
	ks            float64
	n, late       int // within reach, beyond
}

// fitDelay fits the law to samples of round trips, each of a time or a device
// with a floor of its own: at is the median of the floors, the jitter is what
// is left within the samples. What is later than jitter explains counts for
// neither.
func fitDelay(samples [][]float64) (d delay, floors []float64) {
	law := roundTripLaw()
	middles := make([]float64, len(samples))
	var off []float64
	for i, s := range samples {
		middles[i] = median(s)
		for _, x := range s {
			off = append(off, x-middles[i])
		}
	}
	slices.Sort(off)
	d.sd = (quantile(off, 0.75) - quantile(off, 0.25)) / (quantile(law, 0.75) - quantile(law, 0.25))
	for range 50 {
		before := d.sd
		d.reach = max(d.sd*law[len(law)-1], 1) // ping prints to 1 ms at worst
		d.sd, floors = within(samples, middles, d.reach)
		if d.sd == before {
			break
		}
	}
	d.at = median(floors)
	off = off[:0]
	for i, s := range samples {
		for _, x := range s {
			if x > middles[i]+d.reach {
				d.late++
			} else if d.sd > 0 {
				off = append(off, (x-floors[i])/d.sd)
			}
		}
		d.n += len(s)
	}
	d.n -= d.late
	if d.sd > 0 {
		slices.Sort(off)
		d.ks = kolmogorov(off, lawCDF)
	}
	return d, floors
}

// within gives the jitter of one direction from the samples' pooled variance,
// that of a round trip being the sum of both, and the samples' means, without
// what is more than reach above their middles.
func within(samples [][]float64, middles []float64, reach float64) (sd float64, means []float64) {
	square, freedom := 0.0, 0.0
	for i, s := range samples {
		kept := make([]float64, 0, len(s))
		for _, x := range s {
			if x <= middles[i]+reach {
				kept = append(kept, x)
			}
		}
		mean, sd := moments(kept)
		means = append(means, mean)
		square += sd * sd * float64(len(kept)-1)
		freedom += float64(len(kept) - 1)
	}
	if freedom > 0 {
		sd = math.Sqrt(square / freedom / 2)
	}
	return sd, means
}

// atInterval is that of the floor: from how the samples' differ where there
// are enough of them, else from the scatter within.
func (d delay) atInterval(floors []float64) interval {
	half := z * math.Sqrt2 * d.sd / math.Sqrt(float64(max(d.n, 1)))
	if n := len(floors); n >= 6 {
		_, sd := moments(floors)
		half = max(half, z*1.2533*sd/math.Sqrt(float64(n)))
	}
	return interval{d.at - half, d.at + half}
}

// lawKurtosis is the fourth moment of the law in units of its variance, held
// against it by a test.
const lawKurtosis = 5.8

// sdInterval is that of the jitter. The law has a heavier tail than a normal
// one, and so a wider interval.
func (d delay) sdInterval() interval {
	if d.n < 2 {
		return interval{}
	}
	half := z * math.Sqrt((lawKurtosis-1)/4/float64(d.n))
	return interval{d.sd * max(0, 1-half), d.sd * (1 + half)}
}
