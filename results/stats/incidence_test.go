package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Time to relapse of 21 patients on 6-MP: Freireich et al., Blood 21 (1963)
// 699; Kaplan–Meier estimate and Greenwood's standard error as in Kleinbaum and
// Klein, Survival Analysis, 3rd ed., table 2.1 and ch. 2. With one kind of event the
// cumulative incidence is one minus Kaplan–Meier.
func TestOneKindOfEventIsKaplanMeier(t *testing.T) {
	relapse := []float64{6, 6, 6, 7, 10, 13, 16, 22, 23}
	censored := []float64{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35}
	var obs []observation
	for _, w := range relapse {
		obs = append(obs, observation{ms: w, fate: event, unit: unit{device: len(obs)}})
	}
	for _, w := range censored {
		obs = append(obs, observation{ms: w, fate: cut, unit: unit{device: len(obs)}})
	}
	in := newIncidence(obs)
	want := []struct{ week, survival, se float64 }{
		{6, 0.857, 0.0764},
		{7, 0.807, 0.0869},
		{10, 0.753, 0.0963},
		{13, 0.690, 0.1068},
		{16, 0.627, 0.1141},
		{22, 0.538, 0.1282},
		{23, 0.448, 0.1346},
	}
	if len(in.steps) != len(want) {
		t.Fatalf("%d steps, want %d", len(in.steps), len(want))
	}
	for i, w := range want {
		s := in.steps[i]
		if s.ms != w.week || math.Abs(1-s.share-w.survival) > 5e-4 {
			t.Errorf("week %v: %.4f, want week %v: %.3f", s.ms, 1-s.share, w.week, w.survival)
		}
		if se := math.Sqrt(in.variance(i + 1)); math.Abs(se-w.se) > 5e-5 {
			t.Errorf("week %v: standard error %.4f, want %.4f", s.ms, se, w.se)
		}
	}
	if median, exists := in.quantile(0.5); !exists || median != 23 {
		t.Errorf("median %v", median)
	}
}

// J. M. Satagopan et al., British Journal of Cancer 91 (2004) 1229, table 2:
// the first nine of 305 patients; death of breast cancer, with other deaths
// competing.
func TestCompetingEndsGiveThePublishedIncidence(t *testing.T) {
	first := []observation{
		{ms: 7, fate: cut},
		{ms: 10, fate: event},
		{ms: 14, fate: cut},
		{ms: 16, fate: event},
		{ms: 18, fate: other},
		{ms: 23, fate: event},
		{ms: 24, fate: cut},
		{ms: 26, fate: other},
		{ms: 27, fate: event},
	}
	obs := slices.Clone(first)
	for len(obs) < 305 {
		obs = append(obs, observation{ms: 60, fate: cut})
	}
	in := newIncidence(obs)
	want := []struct {
		month            float64
		atRisk           int
		waitingBefore, i float64 // %
	}{
		{10, 304, 100, 0.3},
		{16, 302, 99.7, 0.6},
		{18, 301, 99.3, 0.6},
		{23, 300, 99.0, 0.9},
		{26, 298, 98.7, 0.9},
		{27, 297, 98.3, 1.2}, // the paper prints sums of rounded steps
	}
	if len(in.steps) != len(want) {
		t.Fatalf("%d steps, want %d", len(in.steps), len(want))
	}
	for i, w := range want {
		s := in.steps[i]
		if s.ms != w.month || s.atRisk != w.atRisk {
			t.Errorf("step %d: month %v, %d at risk; want %v, %d", i, s.ms, s.atRisk, w.month, w.atRisk)
		}
		if math.Abs(100*s.waitingBefore-w.waitingBefore) > 0.06 || math.Abs(100*s.share-w.i) > 0.15 {
			t.Errorf("month %v: waiting %.2f %%, incidence %.2f %%", s.ms, 100*s.waitingBefore, 100*s.share)
		}
	}
}

func TestWithoutCutsItIsThePlainProportion(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	for range 200 {
		n := 1 + rng.IntN(60)
		var obs []observation
		for i := range n {
			obs = append(obs, observation{float64(rng.IntN(20)), event + fate(rng.IntN(2)), unit{cell: i, device: i}})
		}
		plain := slices.Clone(obs)
		in := newIncidence(obs)
		for k, s := range in.steps {
			through := 0
			for _, o := range plain {
				if o.fate == event && o.ms <= s.ms {
					through++
				}
			}
			p := float64(through) / float64(n)
			if s.share != p {
				t.Fatalf("share %v at %v, want %v", s.share, s.ms, p)
			}
			if v, want := in.variance(k+1), p*(1-p)/float64(n); math.Abs(v-want) > 1e-12 {
				t.Fatalf("variance %v, want %v", v, want)
			}
		}
	}
}

// Ends must add up however many were cut: by event + by other + waiting = 1.
func TestSharesAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		var obs, swapped []observation
		for i := range 1 + rng.IntN(80) {
			o := observation{float64(rng.IntN(30)), fate(rng.IntN(3)), unit{cell: i, device: i}}
			obs = append(obs, o)
			if o.fate != cut {
				o.fate = event + other - o.fate
			}
			swapped = append(swapped, o)
		}
		a, b := newIncidence(obs), newIncidence(swapped)
		if sum := a.last() + b.last() + a.waiting; math.Abs(sum-1) > 1e-9 {
			t.Fatalf("shares sum to %v", sum)
		}
	}
}
