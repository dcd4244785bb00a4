package device

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"text/tabwriter"
	"time"
)

// pairMeasure is one figure that both arms are measured by.
type pairMeasure struct {
	name, unit string
	scale      float64 // from seconds or bytes to unit
	devices    int     // at most
	target     float64 // how much more than the plain client an emulated device may cost
	// measure opens devices and gives the figure of one: seconds or bytes.
	measure func(a pairArm) (float64, error)
}

// pairMeasures are the figures: at most 8 KiB more for an idle device, of which
// the plain client needs 36; cpu is what this process has used so far.
func pairMeasures(cpu func() time.Duration) []pairMeasure {
	return []pairMeasure{
		{"CPU per connect", "µs", 1e6, 450, 1.15, func(a pairArm) (float64, error) { return connectCost(a, cpu) }},
		{"CPU per voice frame", "µs", 1e6, 200, 1.2, func(a pairArm) (float64, error) { return frameCost(a, cpu) }},
		{"memory per idle device", "KiB", 1.0 / 1024, 500, 1.22, memoryCost},
	}
}

// connectCost is the CPU time of a connect, from the dial over hello to the
// close, at 400 connects a second, while other devices are there already. There
// are enough of them for two or three garbage collections.
func connectCost(a pairArm, cpu func() time.Duration) (float64, error) {
	const n, there = 300, 150
	if err := a.open(there, time.Millisecond, keepMute); err != nil {
		return 0, err
	}
	runtime.GC()
	before := cpu()
	if err := a.open(n, 2500*time.Microsecond, hangUp); err != nil {
		return 0, err
	}
	used := cpu() - before
	a.close()
	return used.Seconds() / n, nil
}

// frameCost is the CPU time of an audio frame, up or down, in conversations:
// text messages and the turns between them are in it.
func frameCost(a pairArm, cpu func() time.Duration) (float64, error) {
	const n, window = 200, 1500 * time.Millisecond
	if err := a.open(n, 2*time.Millisecond, converse); err != nil {
		return 0, err
	}
	runtime.GC()
	before, frames := cpu(), a.frames()
	time.Sleep(window)
	used, frames := cpu()-before, a.frames()-frames
	a.close()
	// Half of what silence alone would send.
	if least := int64(n * window / frameTime / 2); frames < least {
		return 0, fmt.Errorf("%d frames in %v, not even %d", frames, window, least)
	}
	return used.Seconds() / float64(frames), nil
}

// memoryCost is the heap and the stacks of a device whose channel is open and
// whose microphone is off.
func memoryCost(a pairArm) (float64, error) {
	const n = 500
	before := heldMemory()
	if err := a.open(n, 2*time.Millisecond, keepMute); err != nil {
		return 0, err
	}
	time.Sleep(3 * linger) // delayed ACKs, and goroutines that wait for more
	held := heldMemory() - before
	a.close()
	return float64(held) / n, nil
}

// heldMemory is the live heap and the stacks. Stacks halve at each
// collection, pools empty at the second.
func heldMemory() int64 {
	for range 4 {
		runtime.GC()
	}
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() + s[1].Value.Uint64())
}

// pairResult is a measure's verdict and the arms' geometric means.
type pairResult struct {
	pairVerdict
	emulated, plain float64
}

// comparePairs measures both arms, in random order within each pair and once
// each before it counts, until the rule is through.
func comparePairs(bed *pairBed, m pairMeasure, r *rand.Rand) (pairResult, error) {
	var of [2][]float64
	var ratios []float64
	for pair := -1; ; pair++ {
		var got [2]float64
		first := r.IntN(2)
		for _, arm := range []int{first, 1 - first} {
			x, err := measureArm(bed, m, arm)
			if err != nil {
				return pairResult{}, fmt.Errorf("%s, %s: %w", m.name, [...]string{"emulated", "plain"}[arm], err)
			}
			got[arm] = x
		}
		if pair < 0 {
			continue
		}
		of[0], of[1], ratios = append(of[0], got[0]), append(of[1], got[1]), append(ratios, got[0]/got[1])
		if v, over := judgePairs(ratios, m.target); over {
			return pairResult{v, pairBounds(of[0], 0).ratio * m.scale, pairBounds(of[1], 0).ratio * m.scale}, nil
		}
	}
}

func measureArm(bed *pairBed, m pairMeasure, arm int) (float64, error) {
	start := newEmulatedArm
	if arm == 1 {
		start = newPlainArm
	}
	a := start(bed, m.devices)
	x, err := m.measure(a)
	if err != nil {
		a.close()
	}
	return x, err
}

// pairRow is a line of the table.
type pairRow struct {
	pairMeasure
	pairResult
}

func printPairs(w io.Writer, rows []pairRow) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\temulated\tplain\t\tratio\tbounds\tsd of log\tpairs\ttarget\t\n")
	for _, r := range rows {
		fmt.Fprintf(
			t, "%s\t%.1f\t%.1f\t%s\t%.3f\t%.3f-%.3f\t%.3f\t%d\t<= %.2f: %s\t\n",
			r.name, r.emulated, r.plain, r.unit, r.ratio, r.low, r.high, r.sd, r.n, r.target, r.word,
		)
	}
	_ = t.Flush()
}
