package stats

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// The 95 % interval of the median of 10 observations runs from the 2nd to the
// 9th (W. J. Conover, Practical Nonparametric Statistics, 3rd ed., sec. 3.2).
// Exact coverages of the equal-tailed interval: 97.9 % there, 98.3 % for p95 at
// n = 100, 98.0 % for p99 at n = 500.
func TestRanksCoverAsTheBinomialSays(t *testing.T) {
	for _, c := range []struct {
		n         int
		q         float64
		low, high int
		coverage  float64
	}{
		{10, 0.50, 2, 9, 0.979},
		{100, 0.95, 90, 100, 0.983},
		{500, 0.99, 490, 500, 0.980},
	} {
		low, high := ranks(c.n, c.q, 0.025)
		coverage := binomialCDF(high-1, c.n, c.q) - binomialCDF(low-1, c.n, c.q)
		if math.Abs(coverage-c.coverage) > 5e-4 {
			t.Errorf("n %d, q %v: ranks %d and %d cover %.4f, want %.3f", c.n, c.q, low, high, coverage, c.coverage)
		}
		if c.q == 0.5 && (low != c.low || high != c.high) {
			t.Errorf("n %d, q %v: ranks %d and %d", c.n, c.q, low, high)
		}
	}
}

func TestAnIntervalExistsFromTheNeededNumberOn(t *testing.T) {
	for q, want := range map[float64]int{0.50: 6, 0.90: 36, 0.95: 72, 0.99: 368} {
		n := quantileNeeds(q)
		if n != want {
			t.Errorf("q %v needs %d, want %d", q, n, want)
		}
		low, high := ranks(n, q, 0.025)
		if low == 0 || high == 0 {
			t.Errorf("q %v, n %d: ranks %d and %d", q, n, low, high)
		}
		if _, high := ranks(n-1, q, 0.025); high != 0 {
			t.Errorf("q %v, n %d: there is an upper end", q, n-1)
		}
	}
}

func waits(n int, fates func(i int) (float64, fate)) *incidence {
	var obs []observation
	for i := range n {
		ms, f := fates(i)
		obs = append(obs, observation{ms, f, unit{cell: i, device: i}})
	}
	return newIncidence(obs)
}

func TestQuantilesCountFailuresAsNever(t *testing.T) {
	failing := func(every int) *incidence {
		return waits(1000, func(i int) (float64, fate) {
			if i%1000 < every {
				return 10_000, other
			}
			return float64(i + 1), event
		})
	}
	if e := failing(68).quantileEstimate(0.95, "connect"); e.Value != nil || e.Reason != "only 93.2 % connect" {
		t.Errorf("%+v", e)
	}
	if e := failing(51).quantileEstimate(0.95, "connect"); e.Value != nil || e.Reason != "only 94.9 % connect" {
		t.Errorf("%+v", e)
	}
	// 40 failures: the 950th of 1,000 is the 950th success; its interval ends among the failures.
	e := failing(40).quantileEstimate(0.95, "connect")
	if e.Value == nil || *e.Value != 40+950 || e.Low == nil || e.High != nil {
		t.Errorf("%+v", e)
	}
	e = failing(20).quantileEstimate(0.95, "connect")
	if e.Value == nil || *e.Value != 20+950 || !(*e.Low < *e.Value && *e.Value < *e.High) {
		t.Errorf("%+v", e)
	}
	few := waits(71, func(i int) (float64, fate) { return float64(i), event }).quantileEstimate(0.95, "connect")
	if few.Value != nil || few.Reason != "not enough attempts: 71, needs 72" {
		t.Errorf("%+v", few)
	}
	open := waits(100, func(i int) (float64, fate) {
		if i >= 80 {
			return 200, cut
		}
		return float64(i), event
	}).quantileEstimate(0.95, "connect")
	if open.Value != nil || !strings.Contains(open.Reason, "open when the run ended: 20 of 100 were cut") {
		t.Errorf("%+v", open)
	}
}

// Waiting times of a known law, one in ten failing, a quarter cut at random,
// devices independent: the interval covers the true quantile as often as it
// says. 1,500 runs: the share has a standard deviation of 0.56 points.
func TestQuantileCovers(t *testing.T) {
	const failure, runs, n = 0.1, 1500, 200
	rng := rand.New(rand.NewPCG(9, 2))
	for _, q := range []float64{0.5, 0.8} {
		truth := -1000 * math.Log(1-q/(1-failure))
		for _, censored := range []bool{false, true} {
			covered := 0
			for range runs {
				in := waits(n, func(int) (float64, fate) {
					ms, f := 1000*rng.ExpFloat64(), event
					if rng.Float64() < failure {
						f = other
					}
					if end := 3000 * rng.Float64() * 2; censored && end < ms {
						return end, cut
					}
					return ms, f
				})
				e := in.quantileEstimate(q, "connect")
				if (e.Low == nil || *e.Low <= truth) && (e.High == nil || truth <= *e.High) {
					covered++
				}
			}
			share := 100 * float64(covered) / runs
			t.Logf("q %.2f, cut %v: covers %.1f %%", q, censored, share)
			if share < 93 || share > 98.5 {
				t.Errorf("q %.2f, cut %v: covers %.1f %%", q, censored, share)
			}
		}
	}
}
