package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xzfleet/netem"
	"xzfleet/scenarios"
)

// measurements writes what was measured on an emulated link into a folder: a
// log of ping -D, the traces of a sender that never stops, and a log of AT+CSQ.
func measurements(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = t.TempDir()
	path := netem.NewPath(netem.Profile{RTTFloor: netem.RTTFloor{Min: 80}, JitterSD: 6}, netem.Seed(3))
	air := netem.NewPath(netem.Profile{Rate: netem.Rate{Up: 1200, Down: 4000, Sigma: 0.3, CorrS: 3}}, netem.Seed(4))
	var ping, up, down, csq strings.Builder
	for i := range 1500 {
		sent := time.Duration(i) * 200 * time.Millisecond
		there, _ := path.Up.Send(sent, 84, 0)
		back, _ := path.Down.Send(there, 84, 0)
		fmt.Fprintf(&ping, "[%.6f] 64 bytes from 192.0.2.1: icmp_seq=%d ttl=57 time=%.1f ms\n", 1795600000+back.Seconds(), i+1, float64(back-sent)/1e6)
		fmt.Fprintf(&csq, "2026-11-20 10:%02d:%02d +CSQ: %d,99\n", i/60, i%60, 10+i/100)
	}
	for direction, lines := range map[*netem.Link]*strings.Builder{air.Up: &up, air.Down: &down} {
		for now := time.Duration(0); now < 5*time.Minute; {
			now, _ = direction.Send(now, 1500, 0)
			fmt.Fprintln(lines, now.Milliseconds())
		}
	}
	for name, text := range map[string]string{"walk.log": ping.String(), "walk.up": up.String(), "walk.down": down.String(), "csq.log": csq.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"walk.log", "walk.up", "walk.down", "csq.log"} {
		files = append(files, filepath.Join(dir, name))
	}
	return dir, files
}

// A scenario may name what fit wrote.
func TestFitWritesALink(t *testing.T) {
	dir, files := measurements(t)
	out := filepath.Join(dir, "walk.toml")
	var stdout, stderr bytes.Buffer
	if err := fitCommand(append([]string{"-out", out}, files...), streams{out: &stdout, err: &stderr}); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &stdout)
	for _, want := range []string{"walk.log: ping, 2026-11-25", "rtt_floor.min", "rate_kbps.down", "cat1-cell-edge", "schedule = ["} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q on stdout", want)
		}
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", text)
	for _, want := range []string{"[profile.walk]\n", "# M ping, 2026-11-25, n = 1", `# opportunities = { up = "walk.up", down = "walk.down" }`, `#   { at = "8m20s", link = "cat1-typical" },`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the file", want)
		}
	}
	p, err := scenarios.LinkFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if p.RTTFloor.Min < 79 || p.RTTFloor.Min > 83 || p.JitterSD < 5 || p.JitterSD > 7 || p.Rate.Up < 1000 || p.Rate.Up > 1400 || p.Rate.Down < 3300 || p.Rate.Down > 4700 {
		t.Errorf("%+v", p)
	}
	replay := strings.Replace(string(text), "# opportunities", "opportunities", 1)
	if err := os.WriteFile(out, []byte(replay), 0o644); err != nil {
		t.Fatal(err)
	}
	if p, err = scenarios.LinkFile(out); err != nil || p.Opportunities[netem.DeviceSide] == nil || p.Opportunities[netem.ServerSide] == nil {
		t.Errorf("not replayed: %v %+v", err, p.Opportunities)
	}
}

func TestFitRefuses(t *testing.T) {
	dir, files := measurements(t)
	broken := filepath.Join(dir, "broken.up")
	if err := os.WriteFile(broken, []byte("1\n2\nx\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "want at least one"},
		{[]string{broken}, "broken.up:3: found \"x\", want a whole number of milliseconds"},
		{[]string{filepath.Join(dir, "none.log")}, "none.log: no such file"},
		{[]string{"-out", filepath.Join(dir, "x.txt"), files[0]}, "want a name that ends in .toml"},
		{[]string{"-out", filepath.Join(dir, "none.toml"), files[0]}, `link "none"`},
		{[]string{"-out", filepath.Join(dir, "x.toml"), files[3]}, "a signal log makes no link profile"},
	} {
		err := fitCommand(c.args, streams{out: &bytes.Buffer{}, err: &bytes.Buffer{}})
		if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v (exit %d), not %q", c.args, err, exitCode(err), c.want)
		}
	}
}
