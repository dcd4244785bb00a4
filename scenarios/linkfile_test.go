package scenarios

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"xzfleet/netem"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestLinkFileRoundTrip: what EncodeLink writes is the same link again.
func TestLinkFileRoundTrip(t *testing.T) {
	links := map[string]netem.Profile{"with middlebox": {
		RTTFloor:  netem.RTTFloor{Min: 1. / 3, Median: 1e-9},
		Middlebox: netem.Middlebox{BlockPorts: []int{80, 8443}, ClearUpgrade: "strip"},
		NAT:       netem.NAT{TCPIdleS: 12.5, OnExpiry: "rst"},
	}}
	for _, name := range linkNamesOf(t) {
		links[name+"-2"] = mustLink(t, name)
	}
	for name, p := range links {
		var b bytes.Buffer
		if err := EncodeLink(&b, name, p, map[string]string{"rtt_floor": "n = 400,\nKS distance 0.02"}); err != nil {
			t.Fatal(err)
		}
		got, err := LinkFile(writeFile(t, "x.toml", b.String()))
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s: got %+v (%v), want %+v from\n%s", name, got, err, p, &b)
		}
		if !strings.Contains(b.String(), " # n = 400, KS distance 0.02\n") {
			t.Errorf("%s: the note is not in\n%s", name, &b)
		}
	}
}

func TestEncodeLinkRefuses(t *testing.T) {
	recorded, err := netem.NewOpportunities([]time.Duration{time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		p     netem.Profile
		notes map[string]string
		want  string
	}{
		{"none", netem.Profile{}, nil, `link "none": want a name`},
		{"", netem.Profile{}, nil, `link "": want a name`},
		{"a", netem.Profile{}, map[string]string{"rtt": "x"}, `link "a": a note on "rtt", which no link has`},
		{"a", netem.Profile{GE: netem.GE{P: 2, StepMs: 20, R: 0.1}}, nil, "a:2: profile.ge.p: found 2 (whole number), want a number from 0 to 1"},
		{"a", netem.Profile{JitterSD: math.NaN()}, nil, "a:2: "},
		{"a", netem.Profile{Opportunities: [2]*netem.Opportunities{recorded}}, nil, "without the name of its file"},
	} {
		err := EncodeLink(&bytes.Buffer{}, c.name, c.p, c.notes)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.name, err, c.want)
		}
	}
}

// TestReplay: recordings are found beside the link file, and run.toml carries
// them.
func TestReplay(t *testing.T) {
	opportunities := func(times ...time.Duration) *netem.Opportunities {
		for i := range times {
			times[i] *= time.Millisecond
		}
		o, err := netem.NewOpportunities(times)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	want := [2]*netem.Opportunities{opportunities(0, 5, 5, 12), opportunities(3, 3, 20)}
	got, err := LinkFile("testdata/links/replay.toml")
	if err != nil || !reflect.DeepEqual(got.Opportunities, want) {
		t.Errorf("got %+v (%v)", got, err)
	}
	s := mustLoad(t, "clean", "fleet.link=testdata/links/replay.toml")
	if !reflect.DeepEqual(s.Fleets[0].Link.Opportunities, want) {
		t.Errorf("got %+v", s.Fleets[0].Link)
	}
	loadsBack(t, s)

	var b bytes.Buffer
	link := Link{Profile: got, Trace: Trace{Up: "a.up"}}
	if err := link.Encode(&b, "a", nil); err != nil || !strings.Contains(b.String(), `opportunities = { up = "a.up", down = "" }`) {
		t.Errorf("got %v\n%s", err, &b)
	}
}

func TestBadTraces(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "1: found no opportunity, want at least one",
		"\n\n":                  "1: found no opportunity, want at least one",
		"1\n\n2.5\n":            `3: found "2.5", want a whole number of milliseconds`,
		"1\n-2\n":               `2: found "-2", want a whole number of milliseconds`,
		"1\n9999999999999\n":    `2: found "9999999999999", want a whole number of milliseconds`,
		"7\n6\n":                "2: found 6 after 7, want times in order",
		strings.Repeat("x", 99): "1: found \"" + strings.Repeat("x", 40) + "\", want a whole number of milliseconds",
	} {
		file := writeFile(t, "x.up", text)
		_, _, err := readTrace(filepath.Dir(file), "x.up")
		if err == nil || err.Error() != file+":"+want {
			t.Errorf("%q: got %v, want %s:%s", text, err, file, want)
		}
	}
	file := writeFile(t, "zero.up", "0\n0\n")
	if _, _, err := readTrace("", file); err == nil || !strings.HasPrefix(err.Error(), file+": ") {
		t.Errorf("got %v", err)
	}
	if _, _, err := readTrace("", t.TempDir()); err == nil || !strings.HasSuffix(err.Error(), " is no file") {
		t.Errorf("got %v", err)
	}
}
