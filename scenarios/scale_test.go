package scenarios

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func TestWithDevices(t *testing.T) {
	s := mustLoad(t, "quickstart")
	got, err := s.WithDevices(100)
	if err != nil {
		t.Fatal(err)
	}
	var counts []int
	for _, f := range got.Fleets {
		counts = append(counts, f.Count)
	}
	if want := []int{18, 18, 9, 10, 10, 5, 12, 12, 6}; !reflect.DeepEqual(counts, want) {
		t.Errorf("counts = %v, want %v", counts, want)
	}
	if got.Arrival.Over != time.Minute || s.Devices() != 2000 {
		t.Errorf("arrival %+v, original has %d devices", got.Arrival, s.Devices())
	}
	for _, n := range []int{0, -1, most + 1} {
		if _, err := s.WithDevices(n); err == nil {
			t.Errorf("%d devices were accepted", n)
		}
	}
}

func TestWithDevicesKeepsTheLength(t *testing.T) {
	for _, pattern := range []string{"ramp", "poisson"} {
		s := mustLoad(t, "smoke", "arrival={ pattern = '"+pattern+"', rate = 4 }")
		for _, n := range []int{1, 7, 20, 3000} {
			got, err := s.WithDevices(n)
			if err != nil {
				t.Fatal(err)
			}
			before := float64(s.Devices()) / s.Arrival.Rate
			if after := float64(got.Devices()) / got.Arrival.Rate; math.Abs(after-before) > 1e-9 {
				t.Errorf("%s, %d devices: last arrival at %g s, was %g s", pattern, n, after, before)
			}
		}
	}
}

// TestScaleProperties: the sum is what was asked for where every fleet can
// have a device, and no count is further than 1 from its exact share but for
// fleets lifted to 1 and those that pay for them.
func TestScaleProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		counts := make([]int, 1+rng.IntN(8))
		total := 0
		for i := range counts {
			counts[i] = 1 + int(math.Exp(rng.Float64()*10))
			total += counts[i]
		}
		n := 1 + int(math.Exp(rng.Float64()*12))
		sum, lifted := 0, 0
		scaled := scale(counts, n)
		for i, c := range scaled {
			if c < 1 {
				t.Fatalf("%v to %d: %v", counts, n, scaled)
			}
			if counts[i]*n < total {
				lifted++
			}
			sum += c
		}
		if sum != max(n, len(counts)) {
			t.Fatalf("%v to %d: %v sums to %d", counts, n, scaled, sum)
		}
		for i, c := range scaled {
			exact := float64(counts[i]) * float64(n) / float64(total)
			if d := float64(c) - exact; d >= 1 || d <= -1-float64(lifted) {
				t.Fatalf("%v to %d: %v, want about %g at %d", counts, n, scaled, exact, i)
			}
		}
	}
}

// TestSharesCoverEveryDeviceOnce for any cut, and split no cell.
func TestSharesCoverEveryDeviceOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		s := &Scenario{Cell: Cell{Size: 1 + rng.IntN(60)}}
		for range 1 + rng.IntN(5) {
			s.Fleets = append(s.Fleets, Fleet{Count: 1 + rng.IntN(300)})
		}
		n := 1 + rng.IntN(40)
		next := make([]int, len(s.Fleets)) // first device not yet given away
		for i := range n {
			ranges, err := s.Share(i, n)
			if err != nil {
				t.Fatal(err)
			}
			for k, r := range ranges {
				if r.From != next[k] || r.To < r.From {
					t.Fatalf("share %d/%d of fleet %d: %v after %d", i, n, k, r, next[k])
				}
				if r.To < s.Fleets[k].Count && r.To%s.Cell.Size != 0 {
					t.Fatalf("share %d/%d of fleet %d: %v splits a cell of %d", i, n, k, r, s.Cell.Size)
				}
				next[k] = r.To
			}
		}
		for k, f := range s.Fleets {
			if next[k] != f.Count {
				t.Fatalf("%d shares: fleet %d covered up to %d of %d", n, k, next[k], f.Count)
			}
		}
	}
}

func TestBadShares(t *testing.T) {
	s := mustLoad(t, "smoke")
	for _, cut := range [][2]int{{0, 0}, {-1, 2}, {2, 2}, {0, -1}} {
		if r, err := s.Share(cut[0], cut[1]); err == nil {
			t.Errorf("share %v gave %v", cut, r)
		}
	}
}

func TestCheckExpectations(t *testing.T) {
	s := mustLoad(t, "smoke", `expect=["connect p95 < 3s", "failures < 1%"]`)
	err := s.CheckExpectations(20)
	want := "connect p95 < 3s needs 73 attempts, this run has 20\nfailures < 1% needs 381 attempts, this run has 20"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := s.CheckExpectations(381); err != nil {
		t.Error(err)
	}
	s = mustLoad(t, "smoke", `expect=["failures < 0.0000001%"]`)
	if err := s.CheckExpectations(most); err == nil {
		t.Error("an expectation that no run can meet was accepted")
	}
}
