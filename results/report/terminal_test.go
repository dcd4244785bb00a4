package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"xzfleet/results"
	"xzfleet/results/stats"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-update writes it anew):\n%s", path, got)
	}
}

func terminalText(t *testing.T, s stats.Summary, width int, colour bool) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Terminal(&out, s, width, colour); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTerminalReport(t *testing.T) {
	run := madeUpRun(150)
	whole, doubtful := madeUpSummary(run, true), madeUpSummary(run, false)
	bare := stats.Summarize(results.Run{Attempts: run.Attempts[:40]})
	for _, width := range []int{80, 120} {
		golden(t, fmt.Sprintf("whole-%d.txt", width), terminalText(t, whole, width, false))
		golden(t, fmt.Sprintf("doubtful-%d.txt", width), terminalText(t, doubtful, width, false))
		golden(t, fmt.Sprintf("bare-%d.txt", width), terminalText(t, bare, width, false))
	}
}

func TestTerminalReportFitsItsWidth(t *testing.T) {
	s := madeUpSummary(madeUpRun(40), false)
	s.Groups[0].Profile = strings.Repeat("a-long-name-", 9)
	for width := 40; width <= 200; width += 8 {
		for line := range strings.SplitSeq(string(terminalText(t, s, width, false)), "\n") {
			if n := utf8.RuneCountInString(line); n > width {
				t.Errorf("width %d: %d columns: %s", width, n, line)
			}
		}
	}
}

func TestColourChangesNoText(t *testing.T) {
	s := madeUpSummary(madeUpRun(40), false)
	painted := terminalText(t, s, 100, true)
	if !bytes.Contains(painted, []byte("\x1b[31m")) {
		t.Error("no red where the run cannot be trusted")
	}
	stripped := regexp.MustCompile(`\x1b\[[0-9]*m`).ReplaceAll(painted, nil)
	spaces := regexp.MustCompile(` +\n`)
	if !bytes.Equal(spaces.ReplaceAll(stripped, []byte("\n")), terminalText(t, s, 100, false)) {
		t.Error("colour changes the text")
	}
}

func TestEmptyRunHasAReport(t *testing.T) {
	if got := string(terminalText(t, stats.Summarize(results.Run{}), 80, false)); !strings.HasPrefix(got, "No device made an attempt\n") {
		t.Errorf("%s", got)
	}
}

func TestJSONReadsBack(t *testing.T) {
	s := madeUpSummary(madeUpRun(40), true)
	var out bytes.Buffer
	if err := JSON(&out, s); err != nil {
		t.Fatal(err)
	}
	var back stats.Summary
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Scenario != s.Scenario || *back.Phases[stats.Connect].P50.Value != *s.Phases[stats.Connect].P50.Value {
		t.Errorf("%+v", back)
	}
}

func TestNumbers(t *testing.T) {
	for ms, want := range map[float64]string{0: "0 ms", 0.04: "0.0 ms", 4.27: "4.3 ms", 9.96: "10 ms", 812.4: "812 ms", 9999.4: "9999 ms", 9999.6: "10.0 s", 123_456: "123 s"} {
		if got := strings.ReplaceAll(duration(ms), nbsp, " "); got != want {
			t.Errorf("%v: %s, want %s", ms, got, want)
		}
	}
	for share, want := range map[float64]string{0: "0 %", 1: "100 %", 0.0065: "0.65 %", 0.123: "12.3 %", 0.99996: "99.996 %", 0.00001: "0.001 %", 1e-9: "1e-07 %", 0.994: "99.4 %"} {
		if got := strings.ReplaceAll(percent(share), nbsp, " "); got != want {
			t.Errorf("%v: %s, want %s", share, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
