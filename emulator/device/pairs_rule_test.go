package device

import (
	"math"
	"math/rand/v2"
	"testing"
)

// pairLook is a number of pairs after which a ratio may be decided, and the
// quantile of Student's t by which it is: three looks at a one-sided level of
// 0.017 each are 5 % together.
type pairLook struct {
	n int
	t float64 // quantile 1 − pairAlpha, n − 1 degrees of freedom
}

const pairAlpha = 0.017

var pairLooks = [...]pairLook{{10, 2.49752}, {20, 2.28471}, {40, 2.19737}}

// pairVerdict is the geometric mean of paired ratios against a target.
type pairVerdict struct {
	ratio, low, high float64
	sd               float64 // of the logarithm of one ratio
	n                int
	word             string // met, missed or undecided
}

// judgePairs looks at all ratios so far and reports whether there is anything
// to wait for. Between the looks there is no verdict.
func judgePairs(ratios []float64, target float64) (v pairVerdict, over bool) {
	for i, look := range pairLooks {
		if look.n != len(ratios) {
			continue
		}
		v = pairBounds(ratios, look.t)
		switch {
		case v.high <= target:
			v.word = "met"
		case v.low > target:
			v.word = "missed"
		default:
			v.word = "undecided"
		}
		return v, v.word != "undecided" || i == len(pairLooks)-1
	}
	return pairVerdict{}, false
}

// pairBounds is the geometric mean and what t deviations make of it.
func pairBounds(ratios []float64, t float64) pairVerdict {
	n := float64(len(ratios))
	var mean, squares float64
	for _, r := range ratios {
		mean += math.Log(r) / n
	}
	for _, r := range ratios {
		squares += math.Pow(math.Log(r)-mean, 2)
	}
	sd := math.Sqrt(squares / (n - 1))
	half := t * sd / math.Sqrt(n)
	return pairVerdict{ratio: math.Exp(mean), low: math.Exp(mean - half), high: math.Exp(mean + half), sd: sd, n: len(ratios)}
}

func TestPairVerdicts(t *testing.T) {
	spread := func(n int, mid, factor float64) []float64 {
		var r []float64
		for i := range n {
			r = append(r, mid*math.Pow(factor, float64(2*(i%2)-1)))
		}
		return r
	}
	for _, c := range []struct {
		name   string
		ratios []float64
		word   string
		over   bool
	}{
		{"too few", spread(9, 1, 1.01), "", false},
		{"well below", spread(10, 1.1, 1.05), "met", true},
		{"well above", spread(10, 1.5, 1.05), "missed", true},
		{"near", spread(10, 1.24, 1.2), "undecided", false},
		{"between the looks", spread(11, 1.1, 1.05), "", false},
		{"more pairs decide", spread(20, 1.18, 1.1), "met", true},
		{"near to the end", spread(40, 1.25, 1.3), "undecided", true},
		{"at the last look", spread(40, 1.35, 1.15), "missed", true},
	} {
		v, over := judgePairs(c.ratios, 1.25)
		if v.word != c.word || over != c.over {
			t.Errorf("%s: %+v, over %v", c.name, v, over)
		}
	}
	v, _ := judgePairs(spread(10, 1.1, 1.05), 1.25)
	// Ten logarithms ± ln 1.05: sd ln 1.05 · √(10/9), bounds 2.49752 · sd / √10.
	sd := math.Log(1.05) * math.Sqrt(10.0/9)
	half := math.Exp(2.49752 * sd / math.Sqrt(10))
	if v.n != 10 || math.Abs(v.sd-sd) > 1e-12 || math.Abs(v.ratio-1.1) > 1e-12 ||
		math.Abs(v.low-1.1/half) > 1e-12 || math.Abs(v.high-1.1*half) > 1e-12 {
		t.Errorf("%+v", v)
	}
}

// TestPairQuantiles integrates the density of Student's t.
func TestPairQuantiles(t *testing.T) {
	for _, look := range pairLooks {
		nu := float64(look.n - 1)
		a, _ := math.Lgamma((nu + 1) / 2)
		b, _ := math.Lgamma(nu / 2)
		c := math.Exp(a-b) / math.Sqrt(nu*math.Pi)
		const step = 1e-4
		tail := 0.5
		for x := step / 2; x < look.t; x += step {
			tail -= step * c * math.Pow(1+x*x/nu, -(nu+1)/2)
		}
		if math.Abs(tail-pairAlpha) > 1e-5 {
			t.Errorf("%d pairs: %v leaves %.6f above", look.n, look.t, tail)
		}
	}
}

// TestPairLevel holds the rule to its promise: at a true ratio on the target,
// it says "met" in at most 5 % of all comparisons, and "missed" likewise.
func TestPairLevel(t *testing.T) {
	const worlds, target, sd = 20000, 1.25, 0.15
	r := rand.New(rand.NewPCG(1, 2))
	words := map[string]int{}
	for range worlds {
		var ratios []float64
		for {
			ratios = append(ratios, target*math.Exp(sd*r.NormFloat64()))
			if v, over := judgePairs(ratios, target); over {
				words[v.word]++
				break
			}
		}
	}
	// Three standard errors of a share of 5 % in 20,000 are 0.46 %.
	for _, word := range []string{"met", "missed"} {
		if share := float64(words[word]) / worlds; share > 0.0546 || share < 0.01 {
			t.Errorf("%s in %.2f %%", word, 100*share)
		}
	}
}
