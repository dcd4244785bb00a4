package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"xzfleet/results"
	"xzfleet/results/stats"
)

// wideFrom is the width from which tables have room for intervals, columns.
const wideFrom = 110

// Terminal writes the report for people, at most width columns wide (at least
// 40). Parts that were not measured do not appear.
func Terminal(w io.Writer, s stats.Summary, width int, colour bool) error {
	t := &terminal{out: bufio.NewWriter(w), width: max(width, 40), colour: colour}
	t.headline(s)
	t.findings(s)
	t.phases(s)
	t.groups(s)
	t.failures("failure", s.Failures)
	if s.OTA != nil {
		t.failures("OTA failure", s.OTA.Failures)
	}
	t.line("")
	t.wrap("", coverage(s), dim)
	return t.out.Flush()
}

// style is an SGR parameter of ECMA-48.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

type terminal struct {
	out    *bufio.Writer // keeps its first error for Flush
	width  int
	colour bool
}

func (t *terminal) paint(text string, s style) string {
	if !t.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (t *terminal) line(text string) {
	text = strings.ReplaceAll(text, nbsp, " ")
	t.out.WriteString(strings.TrimRight(text, " ") + "\n") // Flush reports its error
}

// labelWidth is the column that the findings begin in.
const labelWidth = 11

// wrap writes a labelled paragraph.
func (t *terminal) wrap(label, text string, s style) {
	indent := 0
	if label != "" {
		indent = labelWidth
	}
	lead := label + strings.Repeat(" ", max(indent-utf8.RuneCountInString(label), 0))
	room := t.width - indent
	var row []string
	used := 0
	flush := func() {
		t.line(t.paint(lead, bold) + t.paint(strings.Join(row, " "), s))
		lead, row, used = strings.Repeat(" ", indent), nil, 0
	}
	for word := range strings.SplitSeq(text, " ") {
		n := utf8.RuneCountInString(word)
		if used > 0 && used+1+n > room {
			flush()
		}
		row, used = append(row, word), used+n+min(used, 1)
	}
	flush()
}

func (t *terminal) headline(s stats.Summary) {
	text := headline(s)
	if s.Scenario != "" {
		text = s.Scenario + ": " + text
	}
	t.wrap("", text, bold)
	if s.DurationS > 0 {
		text := fmt.Sprintf("ran %.1f s", s.DurationS)
		if s.Seed != 0 { // several runs have several
			text += fmt.Sprintf(", seed %d", s.Seed)
		}
		t.wrap("", text, dim)
	}
	t.line("")
}

// findings are the lines that matter first.
func (t *terminal) findings(s stats.Summary) {
	doubtful := s.Emulator != nil && !s.Emulator.Trusted
	if doubtful { // nothing below may be read without it
		t.health(s)
	}
	if text := connectText(s); text != "" {
		t.wrap("connect", text, plain)
	}
	if s.Failures.Rate.Value != nil {
		t.wrap("failures", rateText(s.Failures.Rate)+" of first tries", plain)
		if causes := leading(s.Failures, 4); causes != "" {
			t.wrap(" ", causes, red)
		}
	}
	if s.OTA != nil {
		t.wrap("ota", otaText(s), plain)
	}
	if n := s.Attempts.Cut; n > 0 {
		t.wrap("cut", plural(n, "attempt")+" under way when the run ended", plain)
	}
	if s.Talk != nil && s.Talk.Turns > 0 {
		t.wrap("voice", voiceText(s.Talk), plain)
	}
	if s.Drops != nil {
		t.wrap("drops", dropsText(s.Drops), plain)
	}
	if !doubtful {
		t.health(s)
	}
	for i, v := range s.Expectations {
		label := " "
		if i == 0 {
			label = "expected"
		}
		t.wrap(label, fmt.Sprintf("%s: %s; %s", v.Text, v.Outcome, verdictText(v)), verdictStyle(v.Outcome))
	}
}

func verdictStyle(o stats.Outcome) style {
	switch o {
	case stats.Met:
		return green
	case stats.Missed:
		return red
	default:
		return yellow
	}
}

func (t *terminal) health(s stats.Summary) {
	if n := s.Attempts.EmulatorLimit; n > 0 {
		t.wrap("left out", plural(n, "attempt")+" that failed by a limit of the emulator", yellow)
	}
	if h := s.Emulator; h != nil {
		if h.Trusted {
			t.wrap("trust", strings.TrimSuffix("yes: "+latenessText(h), ": "), green)
		} else {
			t.wrap("trust", "NO: these numbers show the emulator as well", red)
			for _, reason := range h.Reasons {
				t.wrap(" ", "- "+reason, red)
			}
		}
		if p := h.RealPath; p != nil {
			colour := dim
			if p.Error != "" || p.LongerThanLink > 0 {
				colour = yellow
			}
			t.wrap("real path", realPathText(p), colour)
		}
		if text := usage(h.CPUSeconds, h.RunQueueWaitS, h.RSSBytes); text != "" {
			t.wrap("emulator", text, dim)
		}
	}
	if h := s.Server; h != nil {
		if text := usage(h.CPUSeconds, h.RunQueueWaitS, h.RSSBytes); text != "" {
			t.wrap("server", text, dim)
		}
	}
}

// phaseNames are the phases of a block that were entered, then Connect.
func phaseNames(b stats.Block, kind results.Kind) []results.Phase {
	var names []results.Phase
	for _, p := range append(results.PhasesOf(kind), stats.Connect) {
		if _, entered := b.Phases[p]; entered {
			names = append(names, p)
		}
	}
	return names
}

func (t *terminal) phases(s stats.Summary) {
	rows := [][]string{{"phase", "entered", "through", "failed", "cut", "p50", "", "p95", "", "p99"}}
	for _, p := range phaseNames(s.Block, results.KindChannel) {
		i := s.Phases[p]
		rows = append(rows, []string{
			string(p), count(i.Entered), count(i.Through), count(i.Failed), count(i.Cut),
			quantile(i.P50), quantileRange(i.P50), quantile(i.P95), quantileRange(i.P95), quantile(i.P99),
		})
	}
	if s.Attempts.Cut == 0 {
		rows = without(rows, 4)
	}
	t.table(rows, 1)
}

func (t *terminal) groups(s stats.Summary) {
	if len(s.Groups) < 2 {
		return
	}
	rows := [][]string{{"profile", "link", "devices", "connected", "failures", "", "p50", "", "p95", ""}}
	for _, g := range s.Groups {
		c := g.Phases[stats.Connect]
		connected := "–"
		if g.Devices.Arrived > 0 {
			connected = percent(float64(g.Devices.Connected) / float64(g.Devices.Arrived))
		}
		rows = append(rows, []string{
			g.Profile, g.Link, count(g.Devices.Arrived), connected, rate(g.Failures.Rate), rateRange(g.Failures.Rate),
			quantile(c.P50), quantileRange(c.P50), quantile(c.P95), quantileRange(c.P95),
		})
	}
	t.table(rows, 2)
}

func (t *terminal) failures(title string, f stats.Failures) {
	if len(f.By) == 0 {
		return
	}
	rows := [][]string{{title, "cause", "first tries", "rate", "95 % interval", "all tries"}}
	for _, row := range f.By {
		rows = append(rows, []string{
			string(row.Phase), string(row.Cause), count(row.Count), rate(row.Rate), rateRange(row.Rate), count(row.AllTries),
		})
	}
	t.table(rows, 2)
}
