package scenarios

import (
	"cmp"
	"fmt"
	"slices"
)

// WithDevices is the scenario with n devices in all: each count scaled by
// n/total with the largest remainders rounded up, at least 1 in each fleet,
// and the arrival rate with it, so that the run keeps its length. Devices keep
// their index and with it their draws.
func (s *Scenario) WithDevices(n int) (*Scenario, error) {
	if n < 1 || n > most {
		return nil, fmt.Errorf("devices: want a number from 1 to %d, found %d", most, n)
	}
	c := s.clone()
	total := s.Devices()
	counts := make([]int, len(s.Fleets))
	for i, f := range s.Fleets {
		counts[i] = f.Count
	}
	for i, count := range scale(counts, n) {
		c.Fleets[i].Count = count
	}
	if c.Arrival.Rate > 0 {
		c.Arrival.Rate *= float64(c.Devices()) / float64(total)
	}
	return c, nil
}

// scale apportions n by counts (largest remainder, ties to the earlier), at
// least 1 each: the sum is n, or the number of counts where that is larger.
func scale(counts []int, n int) []int {
	total := 0
	for _, c := range counts {
		total += c
	}
	scaled := make([]int, len(counts))
	order := make([]int, len(counts))
	left := n
	for i, c := range counts {
		scaled[i] = c * n / total
		left -= scaled[i]
		order[i] = i
	}
	remainder := func(i int) int { return counts[i] * n % total }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainder(b), remainder(a)) })
	for _, i := range order[:left] {
		scaled[i]++
	}
	for i, c := range scaled {
		if c > 0 {
			continue
		}
		scaled[i] = 1
		if largest := slices.Max(scaled); largest > 1 {
			scaled[slices.Index(scaled, largest)]--
		}
	}
	return scaled
}

// Range is the devices [From, To) of one fleet, by index from 0; empty where
// both are equal.
type Range struct{ From, To int }

// Share is part i (from 0) of n: for each fleet the devices that belong to it.
// Shares are ranges of whole cells in fleet order, so that every cut covers
// each device once and no cell is split.
func (s *Scenario) Share(i, n int) ([]Range, error) {
	if n < 1 || n > most || i < 0 || i >= n {
		return nil, fmt.Errorf("-share %d/%d: want i/n with i from 0 to n-1", i, n)
	}
	cells := 0
	for _, f := range s.Fleets {
		cells += f.Cells(s.Cell.Size)
	}
	from, to := cells*i/n, cells*(i+1)/n
	ranges := make([]Range, len(s.Fleets))
	first := 0 // the fleet's first cell among all
	for k, f := range s.Fleets {
		device := func(cell int) int { return min(max(cell-first, 0)*s.Cell.Size, f.Count) }
		ranges[k] = Range{device(from), device(to)}
		first += f.Cells(s.Cell.Size)
	}
	return ranges, nil
}

// Cells is the number of cells that a fleet fills, the last one perhaps in
// part.
func (f Fleet) Cells(size int) int { return (f.Count + size - 1) / size }
