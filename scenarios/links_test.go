package scenarios

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"xzfleet/netem"
)

func linkNamesOf(t *testing.T) []string {
	t.Helper()
	names, err := Links()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func mustLink(t *testing.T, name string) netem.Profile {
	t.Helper()
	p, err := LinkNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLinks(t *testing.T) {
	want := []string{
		"none", "cat1-good", "cat1-typical", "cat1-cell-edge", "cat1-moving", "cat1-congested",
		"lte-m", "nb-iot", "3g-fallback", "redcap-5g-sa", "sat-leo", "sat-geo",
	}
	if names := linkNamesOf(t); !slices.Equal(names, want) {
		t.Errorf("links are %q, want %q", names, want)
	}
	if p := mustLink(t, "none"); !reflect.DeepEqual(p, netem.Profile{}) {
		t.Errorf("none is %+v", p)
	}
	if _, err := LinkNamed("cat2"); err == nil || !strings.Contains(err.Error(), `unknown link profile "cat2"`) {
		t.Errorf("got %v", err)
	}
}

// TestLinkValues holds the profiles to the round trips and losses that they
// were made for.
func TestLinkValues(t *testing.T) {
	for _, want := range []struct {
		name     string
		p50, p95 float64 // ms, of the round-trip floor
		loss     float64 // percent of one direction
	}{
		{"cat1-good", 45, 68, .04},
		{"cat1-typical", 83, 211, .19},
		{"cat1-cell-edge", 110, 220, 2.5},
		{"cat1-moving", 84, 124, .60},
		{"cat1-congested", 83, 211, .20},
		{"lte-m", 120, 197, .60},
		{"nb-iot", 2000, 5700, .40},
		{"3g-fallback", 125, 295, 2.4},
		{"redcap-5g-sa", 60, 92, .08},
		{"sat-leo", 45, 71, 1.6},
		{"sat-geo", 600, 651, .33},
	} {
		p := mustLink(t, want.name)
		p95 := p.RTTFloor.Min + p.RTTFloor.Median*math.Exp(1.645*p.RTTFloor.Sigma)
		near := func(what string, got, want, within float64) {
			if math.Abs(got-want) > within*want {
				t.Errorf("%s: got %g, want %g", what, got, want)
			}
		}
		near(want.name+": p50", p.RTTFloor.Min+p.RTTFloor.Median, want.p50, .005)
		near(want.name+": p95", p95, want.p95, .01)
		bad := p.GE.P / (p.GE.P + p.GE.R)
		near(want.name+": loss", 100*(bad*p.GE.LossBad+(1-bad)*p.GE.LossGood), want.loss, .1)
	}
	typical, moving := mustLink(t, "cat1-typical"), mustLink(t, "cat1-moving")
	if got, want := typical.RRC, (netem.RRC{
		InactivityS: 10, Promotion: netem.LogNormal{Median: 258, Sigma: .15},
		Tail: netem.Tail{Prob: .0016, AddMin: 4500, AddMax: 5500}, FailProb: .0005,
	}); got != want {
		t.Errorf("cat1-typical: rrc is %+v", got)
	}
	if got, want := typical.DRX, (netem.DRX{InactivityMs: 300, CycleMs: 320, PagingMs: 1280}); got != want {
		t.Errorf("cat1-typical: drx is %+v", got)
	}
	if got, want := typical.NAT, (netem.NAT{TCPIdleS: 300, UDPIdleS: 60, OnExpiry: "silent-drop"}); got != want {
		t.Errorf("cat1-typical: nat is %+v", got)
	}
	if got, want := typical.Attach, (netem.Attach{MedianS: 5, Sigma: .5, TimeoutS: 120}); got != want {
		t.Errorf("cat1-typical: attach is %+v", got)
	}
	if got, want := moving.Stall, (netem.Stall{PerMin: 4, Median: 700, Sigma: .55}); got != want {
		t.Errorf("cat1-moving: stall is %+v", got)
	}
	if got, want := moving.Outage, (netem.Outage{PerHour: 4, MedianS: 5, Sigma: 1, MaxS: 80}); got != want {
		t.Errorf("cat1-moving: outage is %+v", got)
	}
	if got, want := moving.Handover, (netem.Handover{PerMin: 1.25, Median: 50, Sigma: .8, FailProb: .03, ReestablishMin: 1000, ReestablishMax: 3000}); got != want {
		t.Errorf("cat1-moving: handover is %+v", got)
	}
	if got, want := mustLink(t, "cat1-congested").CrossLoad, (netem.Load{Up: .6, Down: .85}); got != want {
		t.Errorf("cat1-congested: load is %+v", got)
	}
}

// TestEveryNumberIsMarked reads the file as text: each line with a key has its
// mark, and each number of a profile gets one.
func TestEveryNumberIsMarked(t *testing.T) {
	keys := 0
	for i, line := range strings.Split(linkText, "\n") {
		key, rest, ok := strings.Cut(line, " = ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		keys++
		_, comment, _ := strings.Cut(rest, " # ")
		marks, err := parseMarks(comment)
		if err != nil {
			t.Errorf("profiles.toml:%d: %s: %v", i+1, key, err)
		}
		for _, part := range marks {
			for _, named := range part.keys {
				if !regexp.MustCompile(`\b` + named + ` = `).MatchString(rest) {
					t.Errorf("profiles.toml:%d: %s: the mark names %q, which the value has not", i+1, key, named)
				}
			}
		}
	}
	if keys < 11*13 {
		t.Errorf("only %d lines with keys", keys)
	}
	for _, name := range linkNamesOf(t)[1:] {
		numbers, err := LinkNumbers(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(numbers) < 40 {
			t.Errorf("%s: only %d numbers", name, len(numbers))
		}
		for _, n := range numbers {
			if n.Key == "ge.step_ms" && n.Mark != "A" {
				t.Errorf("%s: step_ms is marked %s", name, n.Mark)
			}
		}
	}
}

func TestMarks(t *testing.T) {
	for comment, want := range map[string]string{
		"A no public figures":               "a A no public figures\nb A no public figures\n",
		"a M here; rest A":                  "error",
		"a M here; rest A no figures":       "a M here\nb A no figures\n",
		"a b S 3GPP TS 36.331":              "a S 3GPP TS 36.331\nb S 3GPP TS 36.331\n",
		"a M here":                          "error",
		"":                                  "error",
		"measured here":                     "error",
		"M":                                 "error",
		"a M one place; b A another reason": "a M one place\nb A another reason\n",
	} {
		got := ""
		marks, err := parseMarks(comment)
		for _, key := range []string{"a", "b"} {
			n := Number{Key: key}
			if err == nil {
				err = marks.mark(&n, key)
			}
			got += fmt.Sprintf("%s %s %s\n", key, n.Mark, n.Source)
		}
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q gives %q (%v), want %q", comment, got, err, want)
		}
	}
}

// TestLinkSourceIsALinkFile: what `profiles NAME` prints can be pasted into a
// scenario, where it takes the place of the bundled profile.
func TestLinkSourceIsALinkFile(t *testing.T) {
	const fleet = "\n[[fleet]]\nname = 'a'\ncount = 1\ndevice = 'wifi-s3'\nlink = '%s'\n"
	for _, name := range linkNamesOf(t) {
		text, err := LinkSource(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := parse("pasted.toml", text+fmt.Sprintf(fleet, name), nil)
		if err != nil {
			t.Errorf("%s: %v in\n%s", name, err, text)
			continue
		}
		if _, own := s.Links[name]; own != (name != "none") || !reflect.DeepEqual(s.Fleets[0].Link, mustLink(t, name)) {
			t.Errorf("%s: pasted it is %+v", name, s.Fleets[0].Link)
		}
		if _, err := LinkSource(name + "x"); err == nil {
			t.Errorf("%sx was found", name)
		}
	}
	text, err := LinkSource("cat1-typical")
	if err != nil || !strings.Contains(text, "https://github.com/SIGCOMM21-5G/artifact") || strings.Contains(text, "2307.00402") {
		t.Errorf("the sources under cat1-typical are not its own: %v\n%s", err, text)
	}
}
