package netem

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// Between grid points the process has the variance that it has on them.
func TestNoiseIsStandardNormalAnywhere(t *testing.T) {
	n := noise{seed(1), 50 * time.Millisecond}
	for _, offset := range []time.Duration{0, 5, 12, 25, 49} {
		x := make([]float64, sampleSize())
		for i := range x {
			x[i] = n.at(time.Duration(i)*150*time.Millisecond + offset*time.Millisecond)
		}
		kolmogorov(t, fmt.Sprintf("%d ms past a grid point", offset), x, func(x float64) (float64, float64) { return phi(x), phi(x) })
	}
}

func TestNoiseIsContinuous(t *testing.T) {
	n := noise{seed(2), 50 * time.Millisecond}
	const step = 10 * time.Microsecond
	for at := time.Duration(0); at < 10*time.Second; at += step {
		if d := math.Abs(n.at(at+step) - n.at(at)); d > 0.01 {
			t.Fatalf("a jump of %.3f at %v", d, at)
		}
	}
}

func TestPacketsOfOneMillisecondShareTheirJitter(t *testing.T) {
	n := noise{seed(3), jitterGrid}
	if n.jitter(1234*time.Millisecond) != n.jitter(1235*time.Millisecond-1) {
		t.Error("two values in one millisecond")
	}
}

// chains are those of cat1-cell-edge and cat1-moving, and a slow one.
var chains = []GE{
	{P: 0.01, R: 0.40, LossBad: 1, LossGood: 0, StepMs: 20},
	{P: 0.004, R: 0.66, LossBad: 1, LossGood: 0, StepMs: 20},
	{P: 0.02, R: 0.10, LossBad: 1, LossGood: 0, StepMs: 200},
}

func stationary(g GE) float64 { return g.P / (g.P + g.R) }

// A SYN repeated 1.5 s after a lost one meets the link as anyone does.
func TestLossHasNoMemoryAfterASecondAndAHalf(t *testing.T) {
	for i, ge := range chains[:2] {
		c, l := newChain(seed(uint64(i)), ge), stationary(ge)
		losses, again, probes := 0, 0, 0
		for before := false; losses < sampleSize() || before; probes++ {
			bad := c.isBad(time.Duration(probes) * 1500 * time.Millisecond)
			if before && bad {
				again++
			}
			if bad {
				losses++
			}
			before = bad
		}
		// The last probe was a success, so the run has one success too many.
		proportion(t, "stationary loss", losses, probes, l, zLimit)
		proportion(t, "loss after a loss 1.5 s earlier", again, losses, l, 3)
	}
}

// The chain in continuous time is the discrete chain to the power of
// elapsed / step, also for half a step.
func TestTransitionIsThePowerOfTheStep(t *testing.T) {
	for i, ge := range chains {
		l, lambda := stationary(ge), 1-ge.P-ge.R
		step := ms(ge.StepMs)
		for j, elapsed := range []time.Duration{step / 2, step, 2 * step, 5 * step} {
			c := newChain(seed(10).Of(uint64(i), uint64(j)), ge)
			var from, to [2]int // by the state before; to: bad after
			for at := time.Duration(0); from[1] < sampleSize()/10; at += elapsed + 50*step {
				k := 0
				if c.isBad(at) {
					k = 1
				}
				from[k]++
				if c.isBad(at + elapsed) {
					to[k]++
				}
			}
			power := math.Pow(lambda, float64(elapsed)/float64(step))
			what := fmt.Sprintf("p %v r %v over %v", ge.P, ge.R, elapsed)
			proportion(t, what+", good to bad", to[0], from[0], l*(1-power), zLimit)
			proportion(t, what+", bad to bad", to[1], from[1], l+(1-l)*power, zLimit)
		}
	}
}

// A device that comes first meets the stationary chain, not a good one.
func TestChainBeginsStationary(t *testing.T) {
	for i, ge := range chains {
		bad := 0
		for k := range uint64(sampleSize()) {
			c := newChain(seed(15).Of(uint64(i), k), ge)
			if c.isBad(0) {
				bad++
			}
		}
		proportion(t, "bad at 0", bad, sampleSize(), stationary(ge), zLimit)
	}
}

// Seen once a step, bursts are geometric with mean 1/r.
func TestBurstsAreGeometric(t *testing.T) {
	for i, ge := range chains {
		const longest = 6
		counts, expected := make([]float64, longest), make([]float64, longest)
		c := newChain(seed(20).Of(uint64(i)), ge)
		bursts, lost := 0, 0
		for k, run := 0, 0; bursts < sampleSize()/2; k++ {
			if c.isBad(time.Duration(k) * ms(ge.StepMs)) {
				run++
				continue
			}
			if run > 0 {
				counts[min(run, longest)-1]++
				bursts, lost, run = bursts+1, lost+run, 0
			}
		}
		for k := range expected {
			expected[k] = float64(bursts) * ge.R * math.Pow(1-ge.R, float64(k))
		}
		expected[longest-1] /= ge.R // and all longer ones
		chiSquare(t, fmt.Sprintf("burst lengths, r %v (mean %.3f)", ge.R, float64(lost)/float64(bursts)), counts, expected)
	}
}

// Sojourns in the bad state are exponential.
func TestSojournsAreExponential(t *testing.T) {
	c := newChain(seed(30), chains[0])
	want := -math.Log(1-0.41) / 0.02 * 0.40 / 0.41 // per second
	x := make([]float64, 0, sampleSize())
	for len(x) < cap(x) {
		begin := c.end
		if c.isBad(begin) {
			x = append(x, (c.end-begin).Seconds()*want)
		}
	}
	kolmogorov(t, "bad sojourns", x, func(x float64) (float64, float64) { return 1 - math.Exp(-x), 1 - math.Exp(-x) })
}

// Who asks, and how often, changes nothing.
func TestTrafficCannotMoveTheChain(t *testing.T) {
	for i, ge := range chains {
		key := seed(40).Of(uint64(i))
		quiet, busy := newChain(key, ge), newChain(key, ge)
		bad := 0
		for k := range uint64(20_000) {
			at := time.Duration(k) * 97 * time.Millisecond
			for now := at; now < at+96*time.Millisecond; now += key.Of(k).Within(40*time.Millisecond) + 1 {
				busy.isBad(now)
			}
			q := quiet.isBad(at + 96*time.Millisecond)
			if q {
				bad++
			}
			if q != busy.isBad(at+96*time.Millisecond) {
				t.Fatalf("at %v the chain depends on who asked before", at)
			}
		}
		if bad == 0 {
			t.Error("never bad")
		}
	}
	// The same for rate and jitter, which have no state at all, and for a
	// link's fates under other traffic.
	key := seed(41)
	a, b := NewPath(cellEdge(), key).Up, NewPath(cellEdge(), key).Up
	a.median, b.median = 0, 0 // traffic may fill the queue; the air it may not move
	for i := range uint64(20_000) {
		at := time.Duration(i) * 30 * time.Millisecond
		for range i % 5 {
			b.Send(at-10*time.Millisecond, 100, 1)
		}
		_, fa := a.Send(at, 100, key.Of(i))
		_, fb := b.Send(at, 100, key.Of(i))
		if fa != fb {
			t.Fatalf("packet %d: %v alone, %v in company", i, fa, fb)
		}
	}
}

// Where a state only makes loss likely, the packet's own key decides.
func TestSoftStates(t *testing.T) {
	ge := GE{P: 0.02, R: 0.10, LossBad: 0.6, LossGood: 0.01, StepMs: 20}
	key := seed(50)
	l := NewPath(Profile{GE: ge}, key).Up
	state := newChain(l.chain.key, ge)
	var sent, lost [2]int
	for i := range uint64(3 * sampleSize()) {
		at := time.Duration(i) * 500 * time.Millisecond
		k := 0
		if state.isBad(at) {
			k = 1
		}
		sent[k]++
		if _, fate := l.Send(at, 100, key.Of(1, i)); fate == Lost {
			lost[k]++
		}
	}
	proportion(t, "loss in the good state", lost[0], sent[0], 0.01, zLimit)
	proportion(t, "loss in the bad state", lost[1], sent[1], 0.6, zLimit)
	proportion(t, "time in the bad state", sent[1], sent[0]+sent[1], stationary(ge), zLimit)
}

// Settings at the edge of sense still end: no step, and independence from
// step to step.
func TestOddChainsEnd(t *testing.T) {
	for _, ge := range []GE{{P: 0.01, R: 0.4, LossBad: 1}, {P: 0.3, R: 0.7, LossBad: 1, StepMs: 20}, {P: 0.9, R: 0.9, LossBad: 1, StepMs: 20}, {P: 0.1, LossBad: 1}, {R: 0.1, LossBad: 1}} {
		c := newChain(seed(60), ge)
		n := 0
		for i := range 10_000 {
			if c.isBad(time.Duration(i) * 20 * time.Millisecond) {
				n++
			}
		}
		t.Logf("%+v: bad %.3f of the time", ge, float64(n)/10_000)
	}
}
