package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"xzfleet/results"
	"xzfleet/results/stats"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// page is everything that the template shows, as text.
type page struct {
	CSS        template.CSS
	JS         template.JS
	Title      string
	Headline   string
	About      []string // scenario, time, length, seed
	Doubts     []string // why the run cannot be trusted
	Tiles      []tile
	Verdicts   []verdict
	Plot       *plot
	Groups     []groupRow
	Phases     []string
	PhaseRows  []phaseRow
	Failures   []failureTable
	Voice      []tile
	Drops      string
	Health     []tile
	Damaged    string
	Definition string
	Coverage   string
}

// tile is one figure.
type tile struct{ Label, Value, Note, Tone string }

type verdict struct{ Text, Outcome, Evidence string }

// HTML writes a page that needs nothing else: no request leaves it. The run
// gives the curves and the damaged lines, the summary all other numbers.
func HTML(w io.Writer, s stats.Summary, run results.Run) error {
	t, err := template.New("report").Parse(pageHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, newPage(s, run))
}

func newPage(s stats.Summary, run results.Run) page {
	curves := stats.Curves(run)
	p := page{
		CSS: template.CSS(pageCSS), JS: template.JS(pageJS),
		Title: "xzfleet", Headline: headline(s), About: about(s),
		Tiles:    leadTiles(s),
		Plot:     newPlot(curves),
		Voice:    voiceTiles(s.Talk),
		Health:   healthTiles(s),
		Damaged:  damaged(run),
		Coverage: coverage(s), Definition: definition,
	}
	if s.Scenario != "" {
		p.Title = s.Scenario + " – xzfleet"
	}
	if s.Emulator != nil && !s.Emulator.Trusted {
		p.Doubts = s.Emulator.Reasons
	}
	for _, v := range s.Expectations {
		p.Verdicts = append(p.Verdicts, verdict{v.Text, string(v.Outcome), verdictText(v)})
	}
	p.Groups = groupRows(s, curves, p.Plot)
	p.Phases, p.PhaseRows = phaseRows(s)
	p.Failures = failureTables(s)
	if s.Drops != nil {
		p.Drops = dropsText(s.Drops)
	}
	return p
}

func about(s stats.Summary) []string {
	var parts []string
	if s.Scenario != "" {
		parts = append(parts, s.Scenario)
	}
	if !s.Started.IsZero() {
		parts = append(parts, s.Started.Format(time.DateTime+" MST"))
	}
	if s.DurationS > 0 {
		parts = append(parts, fmt.Sprintf("ran %.1f s", s.DurationS))
	}
	if s.Seed != 0 { // several runs have several
		parts = append(parts, "seed "+count(int(s.Seed)))
	}
	return parts
}

func leadTiles(s stats.Summary) []tile {
	var tiles []tile
	if c, any := s.Phases[stats.Connect]; any {
		tiles = append(tiles, quantileTile("connect p50", c.P50), quantileTile("connect p95", c.P95))
	}
	if s.Failures.Rate.Value != nil {
		t := rateTile("first tries failed", s.Failures.Rate)
		if *s.Failures.Rate.Value > 0 {
			t.Tone = "warn"
		}
		tiles = append(tiles, t)
	}
	if s.Talk != nil && s.Talk.Turns > 0 {
		tiles = append(tiles, quantileTile("first audio p50", s.Talk.FirstAudioMs.P50))
	}
	if h := s.Emulator; h != nil {
		t := tile{Label: "emulator", Value: "trusted", Tone: "good"}
		if !h.Trusted {
			t.Value, t.Tone = "not trusted", "bad"
		}
		if h.LateMs != nil {
			t.Note = duration(h.LateMs.P50) + " late at p50"
		}
		tiles = append(tiles, t)
	}
	return tiles
}

func quantileTile(label string, e stats.Estimate) tile {
	t := tile{Label: label, Value: quantile(e), Note: quantileRange(e)}
	if e.Value == nil {
		t.Note = e.Reason
	}
	return t
}

func rateTile(label string, e stats.Estimate) tile {
	t := tile{Label: label, Value: rate(e), Note: rateRange(e)}
	if e.Value == nil {
		t.Note = e.Reason
	}
	return t
}

func voiceTiles(talk *stats.Talk) []tile {
	if talk == nil || talk.Turns == 0 {
		return nil
	}
	first := talk.FirstAudioMs
	answered := tile{Label: "turns answered", Value: count(first.Through) + " of " + count(first.Entered)}
	if first.Cut > 0 {
		answered.Note = count(first.Cut) + " cut by the end of the run"
	}
	tiles := []tile{
		quantileTile("first audio p50", first.P50), quantileTile("first audio p95", first.P95),
		answered,
	}
	if talk.FramesDown > 0 {
		late := rateTile("frames late", talk.LateFrames.Share)
		late.Note = strings.TrimPrefix(late.Note+" of "+count(talk.FramesDown), " ")
		tiles = append(tiles, late)
	}
	if talk.DroppedFrames > 0 {
		tiles = append(tiles, tile{Label: "frames dropped by devices", Value: count(talk.DroppedFrames)})
	}
	return tiles
}

func healthTiles(s stats.Summary) []tile {
	var tiles []tile
	if h := s.Emulator; h != nil {
		if h.LateMs != nil {
			tiles = append(tiles,
				tile{Label: "own lateness p50", Value: duration(h.LateMs.P50)},
				tile{Label: "own lateness p95", Value: duration(h.LateMs.P95)})
		}
		if v := h.VoiceLatenessP99Ms; v != nil {
			tiles = append(tiles, tile{Label: "voice lateness p99", Value: duration(*v)})
		}
		if p := h.RealPath; p != nil {
			tiles = append(tiles, realPathTile(p))
		}
		tiles = append(tiles, processTile("emulator", h.CPUSeconds, h.RunQueueWaitS, h.RSSBytes)...)
	}
	if h := s.Server; h != nil {
		tiles = append(tiles, processTile("server", h.CPUSeconds, h.RunQueueWaitS, h.RSSBytes)...)
	}
	if n := s.Attempts.EmulatorLimit; n > 0 {
		tiles = append(tiles, tile{Label: "attempts left out", Value: count(n), Note: "failed by a limit of the emulator"})
	}
	return tiles
}

func realPathTile(p *stats.RealPath) tile {
	switch {
	case p.Error != "":
		return tile{Label: "real path", Value: "–", Note: "not measured: " + p.Error}
	case p.LongerThanLink > 0:
		return tile{Label: "real path", Value: fine(p.RTTMs), Note: "longer than the link of " + plural(p.LongerThanLink, "device")}
	}
	return tile{Label: "real path", Value: fine(p.RTTMs), Note: "taken off the links"}
}

// processTile is what a process used; nil where that is not known.
func processTile(name string, cpuS, waitS float64, rss int64) []tile {
	if cpuS <= 0 {
		return nil
	}
	return []tile{{Label: name + " CPU", Value: seconds(cpuS), Note: usage(0, waitS, rss)}}
}

func damaged(run results.Run) string {
	n := len(run.Faults) + run.Unlisted
	if n == 0 {
		return ""
	}
	return plural(n, "damaged line") + " left out, the first is " + run.Faults[0].String()
}
