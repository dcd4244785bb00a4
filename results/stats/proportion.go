package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// confidence of every interval, two-sided.
const confidence = 0.95

// fewClusters is the number below which the between-cluster variance is so
// uncertain itself that Student's quantile replaces the normal one.
const fewClusters = 30

// FewestCells is how many cells of a fleet it takes to tell how much cells
// differ; a fleet with fewer is judged by how its devices differ.
const FewestCells = 3

// normalQuantile is z of the confidence, 1.96.
func normalQuantile() float64 { return distuv.UnitNormal.Quantile((1 + confidence) / 2) }

// wilson is the score interval of a proportion p seen in n (effective,
// possibly fractional) trials: E. B. Wilson, JASA 22 (1927) 209.
func wilson(p, n, z float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	z2 := z * z
	mid := (p + z2/(2*n)) / (1 + z2/n)
	half := z / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	low, high = max(0, mid-half), min(1, mid+half)
	if p <= 0 {
		low = 0 // exactly, whatever the rounding
	}
	if p >= 1 {
		high = 1
	}
	return low, high
}

// spread says how much a sample of trials is worth that share devices and
// cells.
type spread struct {
	n        float64 // effective number of trials, ≥ 0
	quantile float64 // of the interval: normal, or Student's for few clusters
}

// tally is the trials and events of one cluster of a fleet.
type tally struct{ fleet, trials, events int }

// sample counts trials and events by cell and by device.
type sample struct {
	trials, events int
	cells, devices []tally // by the number of the unit
}

func (s *sample) add(u unit, trials, events int) {
	s.trials += trials
	s.events += events
	s.cells = addTo(s.cells, u.cell, tally{u.fleet, trials, events})
	s.devices = addTo(s.devices, u.device, tally{u.fleet, trials, events})
}

func addTo(of []tally, i int, t tally) []tally {
	if i >= len(of) {
		of = append(of, make([]tally, i+1-len(of))...)
	}
	of[i] = tally{t.fleet, of[i].trials + t.trials, of[i].events + t.events}
	return of
}

// byFleet are the tallies with trials of each fleet.
func byFleet(of []tally) map[int][]tally {
	fleets := map[int][]tally{}
	for _, t := range of {
		if t.trials > 0 {
			fleets[t.fleet] = append(fleets[t.fleet], t)
		}
	}
	return fleets
}

// clusters are the tallies that vary independently within each fleet: its
// cells, or where it has too few, its devices.
func (s *sample) clusters() (fleets map[int][]tally, devices int) {
	fleets = byFleet(s.cells)
	for fleet, of := range byFleet(s.devices) {
		devices += len(of)
		if len(fleets[fleet]) < FewestCells {
			fleets[fleet] = of
		}
	}
	return fleets, devices
}

// spread finds for how many independent trials the sample stands; trials is
// the number without regard to clusters, below s.trials where some were cut.
// With events in none or all of the trials the variance between clusters
// cannot be estimated; then each device counts once.
func (s *sample) spread(trials float64) spread {
	z := normalQuantile()
	fleets, devices := s.clusters()
	if s.events == 0 || s.events == s.trials {
		return spread{min(trials, float64(devices)), z}
	}
	freedom := 0 // degrees of freedom of the variance
	for _, of := range fleets {
		freedom += len(of) - 1
	}
	if freedom == 0 { // one device a fleet: each speaks for itself alone
		return spread{min(trials, float64(devices)), z}
	}
	if freedom < fewClusters-1 {
		t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(freedom)}
		z = t.Quantile((1 + confidence) / 2)
	}
	return spread{trials / s.designEffect(fleets), z}
}

// designEffect is the variance of the proportion as a ratio estimator over
// clusters, relative to that of independent trials, and at least 1. Fleets
// are strata: another draw of the run has the same ones. Cochran, Sampling
// Techniques, 3rd ed., secs. 3.12 and 6.11 (combined ratio estimate).
func (s *sample) designEffect(fleets map[int][]tally) float64 {
	n := float64(s.trials)
	p := float64(s.events) / n
	var parts []float64
	for _, of := range fleets {
		if k := float64(len(of)); k > 1 {
			residuals := make([]float64, len(of))
			for i, t := range of {
				residuals[i] = float64(t.events) - p*float64(t.trials)
			}
			slices.Sort(residuals) // sums must not depend on the order of records
			parts = append(parts, k*stat.Variance(residuals, nil))
		}
	}
	slices.Sort(parts)
	return max(1, floats.Sum(parts)/(n*p*(1-p)))
}

// proportion is the share of events among trials with its interval.
func (s *sample) proportion() Estimate {
	if s.trials == 0 {
		return absent("nothing was observed")
	}
	p := float64(s.events) / float64(s.trials)
	return interval(p, s.spread(float64(s.trials)))
}

func interval(p float64, s spread) Estimate {
	low, high := wilson(p, s.n, s.quantile)
	return Estimate{Value: &p, Low: &low, High: &high}.rounded(stepRate)
}
