package stats

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"xzfleet/results"
)

func TestParseExpectation(t *testing.T) {
	for text, want := range map[string]Expectation{
		"connect p95 < 3s":        {Metric: MetricConnect, Share: 0.95, Within: 3 * time.Second},
		"connect  p50<=800ms":     {Metric: MetricConnect, Share: 0.5, Within: 800 * time.Millisecond, OrEqual: true},
		" connect p99.9 < 1m 5s ": {Metric: MetricConnect, Share: 0.999, Within: 65 * time.Second},
		"failures<1%":             {Metric: MetricFailures, Share: 0.01},
		"failures <= 0.5 %":       {Metric: MetricFailures, Share: 0.005, OrEqual: true},
	} {
		got, err := ParseExpectation(text)
		want.Text = strings.TrimSpace(text)
		want.Share = got.Share + roundTo(want.Share-got.Share, 1e-9)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                    `expectation "": want "connect p95 < 3s" or "failures < 1%"`,
		"be quick":            `want "connect p95 < 3s" or "failures < 1%"`,
		"connect p95 > 3s":    `operator ">", want < or <=`,
		"connect < 3s":        `which quantile? want "connect p95 < 3s"`,
		"connect p100 < 3s":   "p100 is not a quantile",
		"connect p0 < 3s":     "p0 is not a quantile",
		"connect p9.5.1 < 3s": "p9.5.1 is not a quantile",
		"connect p95 < 3":     `"3" is not a duration like 3s or 800ms`,
		"connect p95 < -3s":   `"-3s" is not a duration`,
		"connect p95 <":       `"" is not a duration`,
		"failures < 1":        `"1" is not a share like 1%`,
		"failures < x%":       `"x%" is not a share`,
		"failures < 0%":       "no number of attempts can show a rate < 0%",
		"failures < 101%":     "at most 100%",
		"failures p95 < 1%":   "a rate has no quantile",
		"drops < 1%":          `unknown metric "drops", want connect or failures`,
	} {
		if _, err := ParseExpectation(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func mustParse(t testing.TB, text string) Expectation {
	t.Helper()
	e, err := ParseExpectation(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Wilson's upper bound of no failure is z²/(n+z²): below 1 % from 381 on. One
// failure needs 563 attempts, five 1,166.
func TestNeedsN(t *testing.T) {
	for text, want := range map[string]int{
		"failures < 1%": 381, "failures < 5%": 73, "failures < 0.1%": 3838,
		"connect p95 < 3s": 73, "connect p99 < 3s": 381, "connect p50 < 1s": 4,
	} {
		if got := mustParse(t, text).NeedsN(); got != want {
			t.Errorf("%s needs %d, want %d", text, got, want)
		}
	}
	e := mustParse(t, "failures < 1%")
	for failures, want := range map[int]int{1: 563, 5: 1166} {
		for n, met := range map[int]bool{want: true, want - 1: false} {
			low, high := wilson(float64(failures)/float64(n), float64(n), normalQuantile())
			if got := e.judge(low, high); (got == Met) != met {
				t.Errorf("%d failures of %d: %s", failures, n, got)
			}
		}
	}
}

func TestVerdicts(t *testing.T) {
	fast, slow := even(500, "good", 800, 0), even(20, "edge", 4000, 0)
	failing := failAll(even(30, "dead", 10_000, 0), results.CauseTimeout)
	all := append(append(fast, slow...), failing...)
	for _, c := range []struct {
		text     string
		attempts []results.Attempt
		want     Outcome
		needs    bool
	}{
		{"connect p95 < 3s", fast, Met, false},
		{"connect p50 < 800ms", fast, Missed, false}, // never before 800 ms …
		{"connect p50 <= 800ms", fast, Met, false},   // … but at it
		{"connect p95 < 3s", all, Missed, false},
		{"connect p90 < 5s", all, Met, false},
		{"connect p90 < 3s", all, Undecided, true},
		{"connect p95 < 3s", fast[:72], Undecided, true},
		{"connect p95 < 3s", fast[:73], Met, false},
		{"failures < 1%", fast[:380], Undecided, true},
		{"failures < 1%", fast[:381], Met, false},
		{"failures < 1%", failing, Missed, false},
		{"failures < 1%", nil, Undecided, true},
	} {
		e := mustParse(t, c.text)
		v := e.Judge(results.Run{Attempts: c.attempts})
		if v.Outcome != c.want || (v.NeedsN > 0) != c.needs {
			t.Errorf("%s over %d attempts: %+v", c.text, len(c.attempts), v)
		}
		if c.needs && v.NeedsN <= len(c.attempts) {
			t.Errorf("%s over %d attempts needs %d", c.text, len(c.attempts), v.NeedsN)
		}
		if v.Value != nil && (v.Measure == "" || !(*v.Low <= *v.Value && *v.Value <= *v.High)) {
			t.Errorf("%s: %+v", c.text, v)
		}
	}
}

// The verdict agrees with the interval, and an undecided one asks for more
// attempts than there were, whatever the run.
func TestVerdictsAgreeWithTheirIntervals(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 150 {
		m := fleetModel{
			devices: 20 + rng.IntN(300), cellSize: 1 + rng.IntN(60), episodes: 1 + rng.IntN(3),
			failure: 0.1 * rng.Float64(), badCells: 0.1, badFailure: rng.Float64(),
			cutAfterMs: float64(rng.IntN(2)) * 30_000, medianMs: 100 + 1000*rng.Float64(),
		}
		run := m.run(rng)
		for _, text := range []string{"connect p90 < 1s", "connect p50 < 500ms", "failures < 5%", "failures <= 20%"} {
			e := mustParse(t, text)
			v := e.Judge(run)
			good := *v.High < e.Share
			bad := *v.Low > e.Share
			if e.Metric == MetricConnect {
				good, bad = *v.Low > e.Share, *v.High < e.Share
			}
			if good != (v.Outcome == Met) || bad != (v.Outcome == Missed) {
				t.Fatalf("%s: %+v", text, v)
			}
			if v.Outcome == Undecided && v.NeedsN != 0 && v.NeedsN < len(run.Attempts) {
				t.Fatalf("%s over %d attempts needs %d", text, len(run.Attempts), v.NeedsN)
			}
		}
	}
}

func FuzzParseExpectation(f *testing.F) {
	f.Add("connect p95 < 3s")
	f.Add("failures <= 0.5%")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseExpectation(text)
		if err == nil && e.NeedsN() < 0 {
			t.Errorf("%q needs %d", text, e.NeedsN())
		}
	})
}
