package netem

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// alpha is the level of each test of a law. Seeds are fixed, so a test that
// passes goes on passing; what it says is that the law is not visibly wrong.
const alpha = 1e-4

// zLimit is the two-sided normal quantile of alpha.
const zLimit = 3.891

// sampleSize is the n of the laws' tests.
func sampleSize() int {
	if raceEnabled {
		return 10_000
	}
	return 100_000
}

// phi is the standard normal distribution function.
func phi(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// kolmogorov holds a sample against a distribution function, which may have
// atoms: below is its limit from below at x, at its value. The limit on D is
// 0.0070 at n = 1e5.
func kolmogorov(t *testing.T, what string, x []float64, cdf func(x float64) (below, at float64)) {
	t.Helper()
	slices.Sort(x)
	n := float64(len(x))
	d, from := 0.0, 0
	for i, v := range x {
		below, at := cdf(v)
		if i+1 < len(x) && at > below && x[i+1] == v {
			continue // more of the atom follows
		}
		d = max(d, math.Abs(below-float64(from)/n), math.Abs(float64(i+1)/n-at))
		from = i + 1
	}
	root := math.Sqrt(n)
	p := 0.0 // Kolmogorov's series with Stephens' correction
	for k := 1.0; k < 100; k++ {
		l := (root + 0.12 + 0.11/root) * d
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*l*l)
	}
	p = min(1, max(0, p))
	limit := 0.0070 * math.Sqrt(1e5/n)
	checked(t, what, fmt.Sprintf("KS <= %.5f, n = %d", limit, len(x)), fmt.Sprintf("D = %.5f, p = %.3g", d, p), d <= limit)
}

// chiSquare holds counts against expected counts; the degrees of freedom are
// one fewer. Its p-value is by Wilson and Hilferty's cube root.
func chiSquare(t *testing.T, what string, counts, expected []float64) {
	t.Helper()
	x := 0.0
	for i := range counts {
		x += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i]
	}
	df := float64(len(counts) - 1)
	v := 2 / (9 * df)
	p := 1 - phi((math.Cbrt(x/df)-1+v)/math.Sqrt(v))
	checked(t, what, fmt.Sprintf("chi2, %.0f degrees of freedom", df), fmt.Sprintf("%.1f, p = %.3g", x, p), p >= alpha)
}

// proportion holds k of n against a probability. sigmas is how far it may be.
func proportion(t *testing.T, what string, k, n int, p, sigmas float64) {
	t.Helper()
	got := float64(k) / float64(n)
	z := (got - p) / math.Sqrt(p*(1-p)/float64(n))
	checked(t, what, fmt.Sprintf("%.5f, n = %d", p, n), fmt.Sprintf("%.5f, z = %+.2f, p = %.3g", got, z, 2*phi(-math.Abs(z))), math.Abs(z) <= sigmas)
}

// correlation holds the correlation of two samples of known mean 1/2 and
// variance 1/12, which for uniforms is the rank correlation, against 0.
func correlation(t *testing.T, what string, x, y []float64) {
	t.Helper()
	sum := 0.0
	for i := range x {
		sum += (x[i] - 0.5) * (y[i] - 0.5)
	}
	z := 12 * sum / math.Sqrt(float64(len(x)))
	checked(t, what, fmt.Sprintf("no correlation, n = %d", len(x)), fmt.Sprintf("rho = %+.5f, z = %+.2f", 12*sum/float64(len(x)), z), math.Abs(z) <= zLimit)
}

// moments are the mean and the standard deviation.
func moments(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(x)-1))
}
