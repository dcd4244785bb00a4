package fit

import (
	"math"
	"slices"
)

// z is the two-sided 95 % quantile of the normal distribution.
const z = 1.959964

// interval is one of 95 %; the zero value is none.
type interval struct{ low, high float64 }

// quantile is the q-quantile of sorted values, between the two nearest.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// quantileInterval encloses the q-quantile of sorted values by the order
// statistics (normal approximation of the binomial). There is none where they
// do not exist.
func quantileInterval(sorted []float64, q float64) interval {
	n := float64(len(sorted))
	half := z * math.Sqrt(n*q*(1-q))
	low, high := int(math.Floor(n*q-half))-1, int(math.Ceil(n*q+half))
	if low < 0 || high >= len(sorted) {
		return interval{}
	}
	return interval{sorted[low], sorted[high]}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return quantile(x, 0.5)
}

// moments are the mean and the standard deviation.
func moments(x []float64) (mean, sd float64) {
	if len(x) == 0 {
		return 0, 0
	}
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / max(1, float64(len(x)-1)))
}

// wilson is the score interval of a proportion p seen in n (effective) trials:
// E. B. Wilson, JASA 22 (1927) 209.
func wilson(p, n float64) interval {
	if n <= 0 {
		return interval{0, 1}
	}
	mid := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	i := interval{max(0, mid-half), min(1, mid+half)}
	if p <= 0 {
		i.low = 0 // exactly, whatever the rounding
	}
	if p >= 1 {
		i.high = 1
	}
	return i
}

// poisson is the interval of a rate of which n events were seen in this much
// time: Byar's approximation (Breslow, Day, Statistical Methods in Cancer
// Research II, 1987, section 2.3).
func poisson(n int, time float64) interval {
	k := float64(n)
	cube := func(k, z float64) float64 { return k * math.Pow(1-1/(9*k)+z/(3*math.Sqrt(k)), 3) }
	i := interval{high: cube(k+1, z) / time}
	if n > 0 {
		i.low = cube(k, -z) / time
	}
	return i
}

// logNormal fits the median and sigma of a log-normal sample, with intervals
// for effective observations of which there are n.
type logNormal struct {
	median, sigma     float64
	medianIn, sigmaIn interval
	ks                float64
}

func fitLogNormal(x []float64, n float64) (f logNormal) {
	logs := make([]float64, len(x))
	for i, v := range x {
		logs[i] = math.Log(v)
	}
	slices.Sort(logs)
	middle := quantile(logs, 0.5)
	_, f.sigma = moments(logs)
	f.median = math.Exp(middle)
	if len(x) < 2 || f.sigma == 0 {
		return f
	}
	half := z * 1.2533 * f.sigma / math.Sqrt(n) // sqrt(π/2) times that of a mean
	f.medianIn = interval{math.Exp(middle - half), math.Exp(middle + half)}
	f.sigmaIn = f.sigmaInterval(n)
	f.ks = kolmogorov(logs, func(v float64) float64 { return phi((v - middle) / f.sigma) })
	return f
}

func (f logNormal) sigmaInterval(n float64) interval {
	half := z / math.Sqrt(2*n)
	return interval{f.sigma * max(0, 1-half), f.sigma * (1 + half)}
}

// kolmogorov is the Kolmogorov–Smirnov distance of sorted values from a
// continuous distribution function.
func kolmogorov(sorted []float64, cdf func(float64) float64) float64 {
	n, d := float64(len(sorted)), 0.0
	for i, v := range sorted {
		p := cdf(v)
		d = max(d, p-float64(i)/n, float64(i+1)/n-p)
	}
	return d
}

// phi is the standard normal distribution function.
func phi(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }
