package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// verdict is one line of the table.
type verdict struct {
	law      string // what is compared
	expected string
	got      string
	ok       bool
	info     bool // printed, not judged
}

// Limits of the comparison. A plain Kolmogorov–Smirnov distance would not do:
// at these losses it passes a law without any back-off, so the tail is judged
// on its own, by shares (b), by shape (c) and by p99 (d).
const (
	maxOffset = 6 * time.Millisecond // of the oracle's loss-free median

	bodyTolerance = 5 * time.Millisecond // (a)
	bodyDistance  = 0.02

	shareRatio  = 0.10 // (b)
	shareSigmas = 3.5

	tailTolerance = 25 * time.Millisecond // (c)
	tailDistance  = 0.03
	tailSigmas    = 2.2

	p99Ratio = 0.10 // (d)
)

// judge holds a law's attempts against the oracle's, phase by phase. What the
// oracle takes longer than the law where nothing was lost is its own lateness:
// the difference of the medians is taken off first.
func judge(c condition, law, oracle []attempt) []verdict {
	var lines []verdict
	for _, p := range []phase{phaseTCP, phaseTLS, phaseTotal} {
		l, o := newSide(p, law), newSide(p, oracle)
		if len(l.clean) == 0 || len(o.clean) == 0 {
			lines = append(lines, verdict{law: p.name + " without loss", expected: "some", got: "none"})
			continue
		}
		offset := o.loseOffset(l)
		lines = append(lines, offsetLine(p.name, offset), body(p, l, o))
		for _, t := range thresholds(c, p) {
			lines = append(lines, share(p, clear(t, l), l, o))
		}
		lines = append(lines, tail(p, l, o), p99(p, l, o))
	}
	return lines
}

// side is one side's times of a phase, sorted.
type side struct {
	all, clean, delayed []time.Duration
}

func newSide(p phase, sample []attempt) side {
	var s side
	for _, a := range sample {
		d, entered := p.of(a)
		if !entered {
			continue
		}
		s.all = append(s.all, d)
		if a.lost == 0 {
			s.clean = append(s.clean, d)
		}
	}
	slices.Sort(s.all)
	slices.Sort(s.clean)
	// Delayed is what took longer than anything but a repair explains.
	if len(s.clean) > 0 {
		s.delayed = s.all[beyond(s.all, quantile(s.clean, 0.5)+tailTolerance):]
	}
	return s
}

// loseOffset takes the difference of the loss-free medians off the oracle's
// times.
func (s *side) loseOffset(law side) time.Duration {
	offset := quantile(s.clean, 0.5) - quantile(law.clean, 0.5)
	for _, x := range [][]time.Duration{s.all, s.clean} { // delayed is part of all
		for i := range x {
			if x[i] != never {
				x[i] -= offset
			}
		}
	}
	return offset
}

// judgeBulk holds transfers against the oracle's.
func judgeBulk(name string, law, oracle []attempt) []verdict {
	l, o := newSide(phaseBulk, law), newSide(phaseBulk, oracle)
	if len(l.clean) == 0 || len(o.clean) == 0 {
		return []verdict{{law: name + " without loss", expected: "some", got: "none"}}
	}
	offset := o.loseOffset(l)
	lines := []verdict{offsetLine(name, offset)}
	for _, q := range []struct{ p, ratio float64 }{{0.5, 0.05}, {0.9, 0.10}} {
		a, b := quantile(l.all, q.p), quantile(o.all, q.p)
		lines = append(lines, verdict{
			law:      fmt.Sprintf("%s p%.0f", name, 100*q.p),
			expected: fmt.Sprintf("%s ±%.0f %%", short(b), 100*q.ratio),
			got:      short(a), ok: a == b || math.Abs(float64(a-b)) <= q.ratio*float64(b),
		})
	}
	return lines
}

func offsetLine(name string, offset time.Duration) verdict {
	return verdict{
		law: name + " loss-free offset", expected: fmt.Sprintf("<= %v", maxOffset),
		got: fine(offset), ok: offset.Abs() <= maxOffset,
	}
}

// body is (a): the attempts without loss.
func body(p phase, law, oracle side) verdict {
	d := distance(law.clean, oracle.clean, bodyTolerance)
	return verdict{
		law:      fmt.Sprintf("%s body, KS at %v", p.name, bodyTolerance),
		expected: fmt.Sprintf("<= %.3f", bodyDistance),
		got:      fmt.Sprintf("%.3f", d), ok: d <= bodyDistance,
	}
}

// thresholds are the times beyond which shares are compared: about one and two
// time-outs. They are set for a round trip of 80 ms, where the first data
// time-out is 240 ms (RFC 6298: three round trips); elsewhere the waits beyond
// the loss-free time grow with that time-out, those of a SYN do not.
func thresholds(c condition, p phase) []time.Duration {
	const rto80 = 240 * time.Millisecond
	rto := max(3*c.rtt, 200*time.Millisecond)
	wait := func(d time.Duration) time.Duration { return time.Duration(float64(d) * float64(rto) / float64(rto80)) }
	ms := time.Millisecond
	switch p.name {
	case phaseTCP.name:
		return []time.Duration{c.rtt + 420*ms, c.rtt + 1920*ms}
	case phaseTLS.name:
		return []time.Duration{2*c.rtt + wait(40*ms), 2*c.rtt + wait(440*ms)}
	default:
		return []time.Duration{4*c.rtt + wait(180*ms), 4*c.rtt + 880*ms, 4*c.rtt + 1680*ms, 4*c.rtt + 3180*ms}
	}
}

// clear moves a threshold on until hardly anything of the law's lies within
// 10 ms: beside a step it would measure the oracle's lateness.
func clear(t time.Duration, law side) time.Duration {
	const near = 10 * time.Millisecond
	for beyond(law.all, t+near)-beyond(law.all, t-near) > len(law.all)/2000 {
		t += near / 2
	}
	return t
}

// share is (b): how many took longer than t.
func share(p phase, t time.Duration, law, oracle side) verdict {
	n, m := float64(len(law.all)), float64(len(oracle.all))
	a, b := 1-float64(beyond(law.all, t))/n, 1-float64(beyond(oracle.all, t))/m
	pooled := (a*n + b*m) / (n + m)
	se := math.Sqrt(pooled * (1 - pooled) * (1/n + 1/m))
	off := math.Abs(a - b)
	return verdict{
		law:      fmt.Sprintf("%s > %v", p.name, t.Round(time.Millisecond)),
		expected: fmt.Sprintf("%.3f %% ±10 %% or ±%.3f", 100*b, 100*shareSigmas*se),
		got:      fmt.Sprintf("%.3f %%", 100*a), ok: off <= shareRatio*b || off <= shareSigmas*se,
	}
}

// tail is (c): the shape of the delayed attempts.
func tail(p phase, law, oracle side) verdict {
	v := verdict{law: fmt.Sprintf("%s delayed, KS at %v", p.name, tailTolerance), ok: true}
	n, m := float64(len(law.delayed)), float64(len(oracle.delayed))
	if n == 0 || m == 0 {
		v.expected, v.got = "-", fmt.Sprintf("%.0f and %.0f delayed", n, m)
		return v
	}
	limit := tailSigmas*math.Sqrt(1/n+1/m) + tailDistance
	d := distance(law.delayed, oracle.delayed, tailTolerance)
	v.expected, v.got, v.ok = fmt.Sprintf("<= %.3f", limit), fmt.Sprintf("%.3f", d), d <= limit
	return v
}

// p99 is (d): within a tenth, or the 95 % intervals overlap.
func p99(p phase, law, oracle side) verdict {
	a, b := quantile(law.all, 0.99), quantile(oracle.all, 0.99)
	la, ha := interval(law.all, 0.99)
	lb, hb := interval(oracle.all, 0.99)
	near := a == b || math.Abs(float64(a-b)) <= p99Ratio*float64(b)
	return verdict{
		law:      p.name + " p99",
		expected: fmt.Sprintf("%s ±10 %% or [%s, %s]", short(b), short(lb), short(hb)),
		got:      fmt.Sprintf("%s [%s, %s]", short(a), short(la), short(ha)),
		ok:       near || la <= hb && lb <= ha,
	}
}

func short(d time.Duration) string {
	if d == never {
		return "never"
	}
	return d.Round(time.Millisecond).String()
}

// scatter sets the plain distance of law and oracle beside what two seeds of
// the oracle differ by, which are its attempts of even and of odd number.
func scatter(law, oracle []attempt) []verdict {
	var lines []verdict
	var halves [2][]attempt
	for i, a := range oracle {
		halves[i%2] = append(halves[i%2], a)
	}
	for _, p := range []phase{phaseTCP, phaseTLS, phaseTotal} {
		l, o := newSide(p, law), newSide(p, oracle)
		o.loseOffset(l)
		x, y := newSide(p, halves[0]), newSide(p, halves[1])
		lines = append(lines, verdict{
			law:      p.name + " KS at 5ms",
			expected: fmt.Sprintf("oracle seed to seed %.4f", distance(x.all, y.all, bodyTolerance)),
			got:      fmt.Sprintf("%.4f", distance(l.all, o.all, bodyTolerance)), info: true,
		})
	}
	return lines
}

// distance is the greatest difference of two samples' distribution functions
// that moving one by tol does not explain. Both are sorted.
func distance(x, y []time.Duration, tol time.Duration) float64 {
	return max(excess(x, y, tol), excess(y, x, tol))
}

// excess is by how much F_x exceeds F_y a tolerance later.
func excess(x, y []time.Duration, tol time.Duration) float64 {
	d := 0.0
	for i, v := range x {
		if v == never {
			break
		}
		d = max(d, float64(i+1)/float64(len(x))-float64(beyond(y, v+tol))/float64(len(y)))
	}
	return d
}

// beyond is the index of the first of sorted x that is greater than t.
func beyond(x []time.Duration, t time.Duration) int {
	i, _ := slices.BinarySearch(x, t+1)
	return i
}

// quantile is the smallest time by which a share p was through.
func quantile(x []time.Duration, p float64) time.Duration {
	if len(x) == 0 {
		return never
	}
	return x[min(len(x)-1, max(0, int(math.Ceil(p*float64(len(x))))-1))]
}

// interval is the 95 % interval of a quantile, by order statistics.
func interval(x []time.Duration, p float64) (low, high time.Duration) {
	n := float64(len(x))
	half := 1.96 * math.Sqrt(p*(1-p)/n)
	return quantile(x, p-half), quantile(x, p+half)
}
