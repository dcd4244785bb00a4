package netem

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"
)

// bursts is how many of five pings were lost, as counts of bursts: k0 … k4. A
// burst without any answer is an outage and none of the chain's.
type bursts [5]float64

// lossBursts are the rows of irish_loss_in_5.csv by name.
func lossBursts(t *testing.T) map[string]bursts {
	t.Helper()
	all := map[string]bursts{}
	for _, row := range publicData(t, "irish_loss_in_5.csv") {
		var b bursts
		for k := range b {
			b[k] = row.number(t, "k"+strconv.Itoa(k))
		}
		all[row["rat"]+" "+row["mobility"]] = b
	}
	return all
}

// halves deals the bursts out to two halves by key.
func (b bursts) halves(key Key) (a, c bursts) {
	for k := range b {
		for i := range int(b[k]) {
			if key.Of(uint64(k), uint64(i)).Uniform() < 0.5 {
				a[k]++
			} else {
				c[k]++
			}
		}
	}
	return a, c
}

// gilbert is the law of k given k < 5 for a chain that moves once a ping, by
// going through all 32 outcomes.
func gilbert(p, r float64) (law bursts) {
	whole := 0.0
	for outcome := range 31 { // 31 is all lost
		prob, k := 1.0, 0
		for i := range 5 {
			bad := outcome>>i&1 == 1
			switch was := i > 0 && outcome>>(i-1)&1 == 1; {
			case i == 0 && bad:
				prob *= p / (p + r)
			case i == 0:
				prob *= r / (p + r)
			case was && bad:
				prob *= 1 - r
			case was:
				prob *= r
			case bad:
				prob *= p
			default:
				prob *= 1 - p
			}
			if bad {
				k++
			}
		}
		law[k] += prob
		whole += prob
	}
	for k := range law {
		law[k] /= whole
	}
	return law
}

// fit is the chain of the largest likelihood, on a grid.
func (b bursts) fit() (p, r float64) {
	best := math.Inf(-1)
	for lp := -8.0; lp < -2; lp += 0.05 {
		for tr := 0.2; tr < 0.95; tr += 0.02 {
			law, sum := gilbert(math.Exp(lp), tr), 0.0
			for k, n := range b {
				if n > 0 {
					sum += n * math.Log(law[k])
				}
			}
			if sum > best {
				best, p, r = sum, math.Exp(lp), tr
			}
		}
	}
	return p, r
}

// emulated is the law of k given k < 5 on a link with this chain.
func emulated(key Key, p, r float64, n int) (law bursts) {
	const step = 200 * time.Millisecond
	l := NewPath(Profile{GE: GE{P: p, R: r, LossBad: 1, StepMs: 200}}, key).Up
	whole := 0.0
	for i := range n {
		k := 0
		for j := range 5 {
			if _, fate := l.Send(time.Duration(i)*time.Minute+time.Duration(j)*step, 84, 0); fate == Lost {
				k++
			}
		}
		if k < 5 {
			law[k]++
			whole++
		}
	}
	for k := range law {
		law[k] /= whole
	}
	return law
}

// TestLossFitsTheOtherHalf: a chain fitted to one half of the public bursts
// is emulated, and held against the other half. Cells of fewer than five
// expected bursts are taken together.
func TestLossFitsTheOtherHalf(t *testing.T) {
	for name, all := range lossBursts(t) {
		for _, first := range []bool{true, false} {
			a, b := all.halves(Seed(1).Text(name)) // which half is no matter of the run's seed
			if !first {
				a, b = b, a
			}
			p, r := a.fit()
			law := emulated(seed(1).Text(name), p, r, 3*sampleSize())
			n := b[0] + b[1] + b[2] + b[3] + b[4]
			var counts, expected []float64
			for k := range b {
				counts, expected = append(counts, b[k]), append(expected, n*law[k])
			}
			for i := len(counts) - 1; i > 0; i-- {
				if expected[i] < 5 {
					counts[i-1], expected[i-1] = counts[i-1]+counts[i], expected[i-1]+expected[i]
					counts, expected = counts[:i], expected[:i]
				}
			}
			if len(counts) < 2 {
				t.Fatalf("%s: nothing to judge", name)
			}
			chiSquare(t, fmt.Sprintf("loss, %s, fitted p %.4f r %.2f on the other half", name, p, r), counts, expected)
		}
	}
}

// TestSensitivityToTheStep prints what the assumed step of the loss chain
// does to a device that opens TCP from a connected radio: share that lost its
// first SYN and again the one repeated 1.5 s later. By packet the chain stands
// still in between.
func TestSensitivityToTheStep(t *testing.T) {
	edge := GE{P: 0.010, R: 0.40, LossBad: 1, LossGood: 0.001}
	moving := GE{P: 0.0040, R: 0.66, LossBad: 1}
	n := 4 * sampleSize()
	for name, ge := range map[string]GE{"cell-edge": edge, "moving": moving} {
		steady := ge.P/(ge.P+ge.R)*ge.LossBad + ge.R/(ge.P+ge.R)*ge.LossGood
		for _, step := range []float64{5, 20, 200, 1000} {
			ge.StepMs = step
			l := NewPath(Profile{GE: ge}, seed(3).Text(name).Of(uint64(step))).Up
			first, again := 0, 0
			for i := range n {
				now := time.Duration(i) * 20 * time.Second
				if _, fate := l.Send(now, 44, seed(4).Of(uint64(i))); fate != Lost {
					continue
				}
				first++
				if _, fate := l.Send(now+1500*time.Millisecond, 44, seed(5).Of(uint64(i))); fate == Lost {
					again++
				}
			}
			// After 1.5 s a chain of this step has forgotten 1 − (1 − p − r)^(1500/step).
			kept := math.Pow(1-ge.P-ge.R, 1500/step)
			want := (steady + (1-steady)*kept)
			if ge.LossGood > 0 { // where the first loss was of the good state there is nothing to keep
				bad := ge.P / (ge.P + ge.R) / steady
				want = steady + (1-steady)*kept*bad
			}
			proportion(t, fmt.Sprintf("%s, step %.0f ms: repeat lost after 1.5 s", name, step), again, first, want, zLimit)
		}
		checked(t, name+", per packet: repeat lost", "not modelled", fmt.Sprintf("%.2f", 1-ge.R), true)
	}
}
