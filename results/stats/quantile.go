package stats

import (
	"fmt"
	"math"
	"sort"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// ranks are the order statistics that enclose the q-quantile of n independent
// observations, each side missed with probability tail at most; 0 where no
// such observation exists. Distribution-free: W. J. Conover, Practical
// Nonparametric Statistics, 3rd ed., sec. 3.2.
func ranks(n int, q, tail float64) (low, high int) {
	low = sort.Search(n, func(k int) bool { return binomialCDF(k, n, q) > tail }) // P(B < low) ≤ tail
	high = 1 + sort.Search(n, func(k int) bool { return 1-binomialCDF(k, n, q) <= tail })
	if high > n {
		high = 0
	}
	return low, high
}

// binomialCDF is P(B ≤ k) of B events in n trials of probability q.
func binomialCDF(k, n int, q float64) float64 {
	if k >= n {
		return 1
	}
	return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-q)
}

// quantileNeeds is the least number of observations from which both ends of
// the q-quantile's interval exist: 6 for the median, 72 for p95, 368 for p99.
func quantileNeeds(q float64) int {
	tail := (1 - confidence) / 2
	return int(math.Ceil(math.Log(tail) / math.Log(max(q, 1-q))))
}

// quantileEstimate is the smallest time by which the share q of the
// observations had its event, and the interval of that time: the shares at
// the enclosing ranks of as many independent observations as these are worth.
// passed says in a word what the event is ("connect").
func (in *incidence) quantileEstimate(q float64, passed string) Estimate {
	if needs := quantileNeeds(q); in.n < needs {
		return absent(fmt.Sprintf("not enough attempts: %d, needs %d", in.n, needs))
	}
	ms, exists := in.quantile(q)
	if !exists {
		if in.last()+in.waiting < q-slack {
			// Rounded down, so that it never reads as the share asked for.
			return absent(fmt.Sprintf("only %.1f %% %s", math.Floor(in.last()*1000+slack)/10, passed))
		}
		return absent(fmt.Sprintf("open when the run ended: %d of %d were cut", in.cuts, in.n))
	}
	worth := in.spread(in.count(ms, true))
	n := int(worth.n)
	low, high := ranks(n, q, 1-distuv.UnitNormal.CDF(worth.quantile))
	e := Estimate{Value: &ms}
	if low > 0 {
		if lowMs, exists := in.quantile(float64(low) / float64(n)); exists {
			e.Low = &lowMs
		}
	}
	if high > 0 {
		if highMs, exists := in.quantile(float64(high) / float64(n)); exists {
			e.High = &highMs
		}
	}
	return e.rounded(stepMs)
}
