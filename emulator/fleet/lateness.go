package fleet

import (
	"sync/atomic"
	"time"
)

// lateBin is the resolution of Lateness; the last bin holds all that is later.
const (
	lateBin  = 100 * time.Microsecond
	lateBins = 10000
)

// Lateness is a distribution in bins of 0.1 ms, filled from many goroutines.
type Lateness struct {
	bins [lateBins]atomic.Int64
	n    atomic.Int64
}

// Add takes one value.
func (l *Lateness) Add(d time.Duration) {
	l.bins[min(max(d/lateBin, 0), lateBins-1)].Add(1)
	l.n.Add(1)
}

// Count is how many values there are.
func (l *Lateness) Count() int { return int(l.n.Load()) }

// Quantile is the upper edge of the bin in which the share p is reached.
func (l *Lateness) Quantile(p float64) time.Duration {
	want := p * float64(l.n.Load())
	sum := 0.0
	for i := range l.bins {
		sum += float64(l.bins[i].Load())
		if sum >= want && sum > 0 {
			return time.Duration(i+1) * lateBin
		}
	}
	return 0
}
