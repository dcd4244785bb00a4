package netem

import (
	"math"
	"time"
)

// noise is a stationary normal process that traffic cannot move: keyed
// normals on a grid, interpolated and scaled to unit variance, O(1) at any t.
type noise struct {
	key  Key
	grid time.Duration
}

func (n noise) at(t time.Duration) float64 {
	i := t / n.grid
	f := float64(t%n.grid) / float64(n.grid)
	a, b := n.key.Of(uint64(i)).Normal(), n.key.Of(uint64(i+1)).Normal()
	return ((1-f)*a + f*b) / math.Sqrt((1-f)*(1-f)+f*f)
}

// jitterGrid is assumed: no public data set has the spacing to tell.
const jitterGrid = 50 * time.Millisecond

// jitter is the delay variation at t for a standard deviation of 1: one
// correlated process with a paretonormal marginal. Packets within the same
// millisecond share its value.
func (n noise) jitter(t time.Duration) float64 {
	return paretonormal(n.at(t.Truncate(time.Millisecond)))
}

// paretonormal maps a standard normal to the marginal of tc-netem's
// paretonormal distribution (iproute2 netem/paretonormal.c: a quarter normal
// and three quarters Pareto with a = 3, capped at +4), brought to mean 0 and
// standard deviation 1.
func paretonormal(z float64) float64 {
	return (paretonormalRaw(z) - paretonormalMean) / paretonormalSD
}

func paretonormalRaw(z float64) float64 {
	q := 0.5 * math.Erfc(z/math.Sqrt2) // 1 − Φ(z)
	return min(0.25*z+0.75*(math.Pow(q, -1.0/3)-1.5)*4/3, 4)
}

// Mean and standard deviation of paretonormalRaw over the standard normal,
// held against numerical integration by a test.
const (
	paretonormalMean = -0.0215043
	paretonormalSD   = 0.8494740
)

// chain is a Gilbert–Elliott chain in continuous time: exponential sojourns,
// the k-th drawn by k, so that a packet neither draws nor moves anything. Its
// transition over Δt equals the discrete chain's power Δt/step.
type chain struct {
	key       Key
	goodToBad float64 // per second
	badToGood float64
	k         uint64        // sojourn under the cursor
	bad       bool          // its state
	end       time.Duration // its end
}

func newChain(key Key, ge GE) chain {
	c := chain{key: key}
	if ge.P <= 0 || ge.R <= 0 || ge.LossBad == ge.LossGood {
		return c
	}
	if ge.StepMs <= 0 {
		ge.StepMs = 20 // assumed, as in the bundled profiles
	}
	// p + r = 1 is independence from step to step, which continuous time only
	// comes near.
	rate := -math.Log(max(1-ge.P-ge.R, 0.001)) / (ge.StepMs / 1000)
	c.goodToBad = rate * ge.P / (ge.P + ge.R)
	c.badToGood = rate * ge.R / (ge.P + ge.R)
	c.bad = key.Of(math.MaxUint64).Uniform() < ge.P/(ge.P+ge.R)
	c.end = c.sojourn()
	return c
}

func (c *chain) sojourn() time.Duration {
	rate := c.goodToBad
	if c.bad {
		rate = c.badToGood
	}
	return time.Duration(c.key.Of(c.k).Exp() / rate * float64(time.Second))
}

// isBad reports the state at t, which must not run backwards.
func (c *chain) isBad(t time.Duration) bool {
	for c.goodToBad > 0 && t >= c.end {
		c.k++
		c.bad = !c.bad
		c.end += c.sojourn()
	}
	return c.bad
}
