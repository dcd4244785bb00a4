package netem

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// probeBin is one row of rrc_probe_rtt_by_idle.csv: quantiles of the
// round-trip time, in s, of a probe after so long without traffic.
type probeBin struct {
	network   string
	from, to  float64 // s
	n         float64
	quantiles [len(probeShares)]float64
}

var probeShares = [...]float64{0.05, 0.25, 0.50, 0.75, 0.95}

func probeBins(t *testing.T) (bins []probeBin) {
	t.Helper()
	for _, row := range publicData(t, "rrc_probe_rtt_by_idle.csv") {
		b := probeBin{
			network: row["carrier_rat"], from: row.number(t, "idle_from_s"), to: row.number(t, "idle_to_s"), n: row.number(t, "n"),
		}
		for i, name := range []string{"p05", "p25", "p50", "p75", "p95"} {
			b.quantiles[i] = row.number(t, name) / 1000
		}
		bins = append(bins, b)
	}
	return bins
}

// probeLaw are the constants of one network's radio.
type probeLaw struct {
	base, cycle, promotion float64 // s
	inactivity             float64
}

// paging is the cycle that both networks' idle bins span.
const paging = 1.28

// fitProbes takes the constants from every other bin: the base from those
// before the inactivity timer, with the DRX cycle given, the promotion from
// those behind it.
func fitProbes(bins []probeBin, inactivity, cycle float64) probeLaw {
	law := probeLaw{cycle: cycle, inactivity: inactivity}
	var base, idle, nBase, nIdle float64
	for i := 0; i < len(bins); i += 2 {
		b := bins[i]
		if b.to <= inactivity {
			base += b.n * (b.quantiles[2] - cycle/2)
			nBase += b.n
		} else {
			idle += b.n * (b.quantiles[2] - paging/2)
			nIdle += b.n
		}
	}
	law.base = base / nBase
	law.promotion = idle/nIdle - law.base
	return law
}

// profile is the link that such a radio makes.
func (l probeLaw) profile() Profile {
	return Profile{
		RTTFloor: RTTFloor{Min: l.base * 1000},
		RRC:      RRC{InactivityS: l.inactivity, Promotion: LogNormal{Median: l.promotion * 1000}},
		DRX:      DRX{InactivityMs: 100, CycleMs: l.cycle * 1000, PagingMs: paging * 1000},
	}
}

// replay sends a device probes after idle times across a bin and returns the
// round-trip times, in s.
func (l probeLaw) replay(b probeBin, n int) []float64 {
	rtts := make([]float64, n)
	p := NewPath(l.profile(), seed(1).Text(b.network).Of(uint64(b.from*1000)))
	now, _ := p.Wake(0, 0)
	for i := range rtts {
		idle := b.from + (b.to-b.from)*seed(2).Of(uint64(i)).Uniform()
		now += seconds(idle)
		there, _ := p.Down.Send(now, 60, 0)
		back, _ := p.Up.Send(there, 60, 0)
		rtts[i] = (back - now).Seconds()
		now = back
	}
	slices.Sort(rtts)
	return rtts
}

// judge holds a replayed bin to the public one and returns the cells that lie
// outside.
func (b probeBin) judge(rtts []float64) (outside []string) {
	for i, p := range probeShares {
		k, _ := slices.BinarySearch(rtts, b.quantiles[i])
		got := float64(k) / float64(len(rtts))
		limit := 3.7*math.Sqrt(p*(1-p)/b.n) + 1/b.n
		if math.Abs(got-p) > limit {
			outside = append(outside, fmt.Sprintf("%s %.2f to %.2f s, n = %.0f: F(%.0f ms) = %.3f, want %.2f ± %.3f", b.network, b.from, b.to, b.n, b.quantiles[i]*1000, got, p, limit))
		}
	}
	return outside
}

// TestRadioReplaysRRCProbe: constants from every other bin of one network,
// judged on all; the other network with only base, timer and cycle changed.
// Bins of fewer than 70 probes are not judged.
func TestRadioReplaysRRCProbe(t *testing.T) {
	of := func(network string) (bins []probeBin) {
		for _, b := range probeBins(t) {
			if b.network == network && b.n >= 70 {
				bins = append(bins, b)
			}
		}
		return bins
	}
	verizon, tmobile := of("verizon-4g"), of("tmobile-us-4g")
	if len(verizon)+len(tmobile) != 14 {
		t.Fatalf("%d bins", len(verizon)+len(tmobile))
	}
	law := fitProbes(verizon, 10, 0.32)
	other := fitProbes(tmobile, 5, 0.08)
	other.promotion = law.promotion
	t.Logf("verizon: base %.0f ms, promotion %.0f ms; t-mobile: base %.0f ms", law.base*1000, law.promotion*1000, other.base*1000)
	cells := 0
	var outside []string
	for _, n := range []struct {
		law  probeLaw
		bins []probeBin
	}{{law, verizon}, {other, tmobile}} {
		for _, b := range n.bins {
			cells += len(probeShares)
			outside = append(outside, b.judge(n.law.replay(b, 20000))...)
		}
	}
	checked(t, "RRC-Probe replayed", "70 of 70 cells inside", fmt.Sprintf("%d of %d", cells-len(outside), cells), len(outside) == 0 && cells == 70)
	for _, o := range outside {
		t.Log(o)
	}
	// A law that is wrong by 100 ms of promotion, or a tenth of a cycle, fails.
	for name, wrong := range map[string]probeLaw{
		"promotion + 100 ms": {law.base, law.cycle, law.promotion + 0.1, 10},
		"DRX cycle of 160":   {law.base, 0.16, law.promotion, 10},
		"timer of 5 s":       {law.base, law.cycle, law.promotion, 5},
	} {
		bad := 0
		for _, b := range verizon {
			bad += len(b.judge(wrong.replay(b, 5000)))
		}
		if bad == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}
