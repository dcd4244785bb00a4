package fit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"xzfleet/netem"
)

func TestTraceRecovered(t *testing.T) {
	const length = time.Hour
	up, down := netem.Rate{Up: 1200, Sigma: 0.35, CorrS: 5}, netem.Rate{Up: 3000, Sigma: 0.35, CorrS: 5}
	stalls := spans(120, 30*time.Second, func(k netem.Key) time.Duration {
		return 350*time.Millisecond + k.Within(1500*time.Millisecond)
	})
	m := read(t, "walk.up", saturate(up, length, stalls))
	f := Profile(m, read(t, "walk.down", saturate(down, length, nil)))
	if v := f.value(t, "stall.median"); v.N != len(stalls) {
		t.Errorf("%d stalls, not %d", v.N, len(stalls))
	}
	near(t, "stall.per_min", f.Profile.Stall.PerMin, 1, 0.01) // over both directions
	near(t, "stall.median", f.Profile.Stall.Median, 1100, 0.1)
	holds(t, f.value(t, "rate_kbps.up"), 1200)
	holds(t, f.value(t, "rate_kbps.down"), 3000)
	near(t, "rate_kbps.up", f.Profile.Rate.Up, 1200, 0.05)
	near(t, "rate_kbps.down", f.Profile.Rate.Down, 3000, 0.05)
	near(t, "rate_kbps.sigma", f.Profile.Rate.Sigma, 0.35, 0.1)
	near(t, "rate_kbps.corr_s", f.Profile.Rate.CorrS, 5, 0.2)
	if ks := f.value(t, "rate_kbps.up").KS; ks <= 0 || ks > 0.08 {
		t.Errorf("KS %v", ks)
	}
	if m.N != 3600 || m.Span.Round(time.Minute) != length {
		t.Errorf("%d seconds in %v", m.N, m.Span)
	}
}

// What was fitted sends as much as the trace did: neither stalls nor rate
// count twice.
func TestTraceFitKeepsThroughput(t *testing.T) {
	stalls := spans(60, 30*time.Second, func(netem.Key) time.Duration { return 3 * time.Second })
	text := saturate(netem.Rate{Up: 1000, Sigma: 0.2, CorrS: 3}, 30*time.Minute, stalls)
	f := Profile(read(t, "a.up", text))
	path := netem.NewPath(f.Profile, netem.Seed(5))
	n, now := 0, time.Duration(0)
	for ; now < 30*time.Minute; n++ {
		now, _ = path.Up.Send(now, 1500, 0)
	}
	near(t, "opportunities used", float64(n), float64(strings.Count(text, "\n")), 0.06)
}

func TestTraceConstant(t *testing.T) {
	var up, down strings.Builder
	for ms := 12; ms <= 300_000; ms += 12 { // 1 Mbit/s
		fmt.Fprintln(&up, ms)
	}
	for ms := 1; ms <= 300_000; ms++ { // 24 Mbit/s
		fmt.Fprintf(&down, "%d\n%d\n", ms, ms)
	}
	f := Profile(read(t, "c.up", up.String()), read(t, "c.down", down.String()))
	near(t, "rate_kbps.up", f.Profile.Rate.Up, 1000, 0.005)
	near(t, "rate_kbps.down", f.Profile.Rate.Down, 10296, 0.001)
	if f.Profile.Rate.Sigma > 0.01 || f.Profile.Rate.CorrS <= 0 || f.Profile.Stall != (netem.Stall{}) {
		t.Errorf("%+v %+v", f.Profile.Rate, f.Profile.Stall)
	}
	if w := strings.Join(f.Warnings, "\n"); !strings.Contains(w, "300 of 300 seconds down above 10.3 Mbit/s") {
		t.Errorf("warnings:\n%s", w)
	}
}

func TestTraceSlow(t *testing.T) {
	var b strings.Builder
	for ms := 350; ms <= 350_000; ms += 350 {
		fmt.Fprintln(&b, ms)
	}
	f := Profile(read(t, "nb.up", b.String()))
	if w := strings.Join(f.Warnings, "\n"); !strings.Contains(w, "may be a low rate and no stall") || !strings.Contains(w, "no trace of the direction down") {
		t.Errorf("warnings:\n%s", w)
	}
}
