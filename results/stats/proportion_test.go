package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3.
func TestWilsonGivesNewcombesExamples(t *testing.T) {
	for _, c := range []struct {
		events, n int
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0.0000, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		low, high := wilson(float64(c.events)/float64(c.n), float64(c.n), normalQuantile())
		if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.events, c.n, low, high, c.low, c.high)
		}
	}
}

func TestWilsonHoldsItsProportion(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		p, n := rng.Float64(), 1+1e5*rng.Float64()*rng.Float64()
		low, high := wilson(p, n, normalQuantile())
		if !(0 <= low && low <= p && p <= high && high <= 1) {
			t.Fatalf("p %v, n %v: %v to %v", p, n, low, high)
		}
		if l, h := wilson(1-p, n, normalQuantile()); math.Abs(l-(1-high)) > 1e-9 || math.Abs(h-(1-low)) > 1e-9 {
			t.Fatalf("p %v, n %v: not symmetric", p, n)
		}
		if l, h := wilson(p, 2*n, normalQuantile()); h-l >= high-low {
			t.Fatalf("p %v, n %v: twice the trials and not narrower", p, n)
		}
	}
}

// Nothing failed in 10,000 attempts of 100 devices: each device counts once.
func TestNothingFailedCountsDevices(t *testing.T) {
	var s sample
	for d := range 100 {
		s.add(unit{cell: d / 50, device: d}, 100, 0)
	}
	e := s.proportion()
	if *e.Value != 0 || *e.Low != 0 || math.Abs(*e.High-0.0370) > 5e-5 {
		t.Errorf("%v %v %v", *e.Value, *e.Low, *e.High)
	}
}

// Clusters that are all or nothing: every trial beyond the first of a cluster
// repeats it, so the design effect is the cluster's size (times k/(k−1)).
func TestDesignEffectOfWholeClusters(t *testing.T) {
	var s sample
	const cells, size = 40, 25
	for c := range cells {
		for i := range size {
			s.add(unit{cell: c, device: c*size + i}, 1, c%2)
		}
	}
	got := s.spread(cells * size)
	if want := float64(cells-1) / cells * cells; math.Abs(got.n-want) > 1e-9 {
		t.Errorf("%v effective trials, want %v", got.n, want)
	}
	if math.Abs(got.quantile-1.959964) > 1e-6 {
		t.Errorf("40 cells: quantile %v", got.quantile)
	}
}

// Student's quantile with few clusters: t(0.975, 9) = 2.262 and
// t(0.975, 19) = 2.093 in every table.
func TestFewClustersUseStudentsQuantile(t *testing.T) {
	var cells, devices sample
	for d := range 20 {
		cells.add(unit{cell: d / 2, device: d}, 1, d%2)
		devices.add(unit{device: d}, 1, d%2) // one cell: the devices are the clusters
	}
	if q := cells.spread(20).quantile; math.Abs(q-2.262) > 5e-4 {
		t.Errorf("10 cells: %v", q)
	}
	if q := devices.spread(20).quantile; math.Abs(q-2.093) > 5e-4 {
		t.Errorf("20 devices: %v", q)
	}
	var one sample
	one.add(unit{}, 10, 5)
	if n := one.spread(10).n; n != 1 {
		t.Errorf("one device is worth %v trials", n)
	}
}

// Two fleets on different links: that they differ says nothing about other
// draws of the same run.
func TestFleetsAreStrata(t *testing.T) {
	var s sample
	for fleet := range 2 {
		for i := range 400 {
			event := 0
			if i%20 < 19*fleet { // none of the one, 95 % of the other, the same in each cell
				event = 1
			}
			device := 400*fleet + i
			s.add(unit{fleet: fleet, cell: device / 40, device: device}, 1, event)
		}
	}
	if got := s.spread(800); got.n != 800 {
		t.Errorf("%+v", got)
	}
}

// Failures that cluster by cell: 5 % of the cells are bad. The interval that
// takes attempts as independent covers about half of the time.
func TestFailureRateCoversWithBadCells(t *testing.T) {
	model := fleetModel{devices: 2000, cellSize: 20, episodes: 1, failure: 0.01, badCells: 0.1, badFailure: 0.3, medianMs: 100}
	truth := 0.9*model.failure + 0.1*model.badFailure
	rng := rand.New(rand.NewPCG(7, 11))
	const runs = 400
	covered, naive := 0, 0
	for range runs {
		attempts, _ := byKind(model.run(rng).Attempts)
		rate := failing(attempts, newRoster(), failed)
		if *rate.Low <= truth && truth <= *rate.High {
			covered++
		}
		if low, high := wilson(*rate.Value, 2000, normalQuantile()); low <= truth && truth <= high {
			naive++
		}
	}
	t.Logf("covers %d of %d; taking attempts as independent %d", covered, runs, naive)
	if covered < 361 { // 95 % ± 2.5 points, and 2.4σ of 400 runs
		t.Errorf("covers the truth in %d of %d runs", covered, runs)
	}
	if naive > 300 {
		t.Errorf("the model does not cluster: even independent intervals cover %d", naive)
	}
}
