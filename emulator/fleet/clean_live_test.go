//go:build !race

// The race detector makes the server's public-key work several times slower;
// what a live connect may take beyond the law is judged without it.

package fleet_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"xzfleet/emulator/fleet"
	"xzfleet/server/voice"
)

func TestCleanLive(t *testing.T) {
	var m memory
	sizes := wireSizes{}
	s := load(t, "clean")
	r := fleet.Run{Scenario: s, ID: "test", Target: serve(t, voice.Default(), io.Discard), Sink: &m, Trace: sizes.watch}
	r.Target.OTA = ""
	sizes.port = r.Target.URL[strings.LastIndex(r.Target.URL, ":")+1:]
	sizes.port, _, _ = strings.Cut(sizes.port, "/")
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	over, late := map[string][]float64{}, map[string][]float64{}
	for _, a := range m.attempts {
		over[a.Profile] = append(over[a.Profile], a.ConnectMs-float64(expected(a.Profile, sizes))/1e6)
		late[a.Profile] = append(late[a.Profile], a.LateMs)
	}
	for p, o := range over {
		p50, l50 := median(o), median(late[p])
		t.Logf("%s: p50 %.2f ms above what is expected, median late_ms %.2f", p, p50, l50)
		if p50 < 0 || p50 > l50+3 {
			t.Errorf("%s: p50 is %.2f ms above, allowed 0 to %.2f", p, p50, l50+3)
		}
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
