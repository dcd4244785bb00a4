package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"xzfleet/results"
	"xzfleet/results/stats"
)

// reportCommand reports over records: of one run, of several, of shares.
func reportCommand(args []string, std streams) error {
	f := newFlags("report", "DIR_OR_FILE...", "against", "csv", "junit", "md")
	asJSON := f.Bool("json", false, "print the summary as JSON instead of the report")
	page := f.String("html", "", "`FILE` to write a page of HTML to")
	paths, err := f.parse(args, std.out)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return wrongUsage("xzfleet report: want at least one folder of a run or file of records")
	}
	run, err := results.Read(paths...)
	if err != nil {
		return wrongUsage("xzfleet report: %v", err)
	}
	for _, fault := range run.Faults {
		fmt.Fprintf(std.err, "left out: %s\n", fault)
	}
	if run.Unlisted > 0 {
		fmt.Fprintf(std.err, "left out: %d more damaged lines\n", run.Unlisted)
	}
	s := stats.Summarize(run)
	known, err := summariesBeside(paths)
	if err != nil {
		fmt.Fprintf(std.err, "passed over: %v\n", err)
	}
	if err := complete(&s, run, known); err != nil {
		return wrongUsage("xzfleet report: %v", err)
	}
	return reporting{json: *asJSON, pages: []string{*page}}.deliver(std.out, s, run)
}

// maxSummary bounds a summary.json, bytes.
const maxSummary = 16 << 20

// summariesBeside reads the summary.json of each folder that has one.
func summariesBeside(paths []string) (known []stats.Summary, damaged error) {
	var seen []string
	for _, path := range paths {
		dir := path
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			dir = filepath.Dir(path)
		}
		file := filepath.Join(dir, summaryFile)
		if slices.Contains(seen, file) {
			continue
		}
		seen = append(seen, file)
		switch s, err := readSummary(file); {
		case err == nil:
			known = append(known, s)
		case !errors.Is(err, fs.ErrNotExist):
			damaged = errors.Join(damaged, fmt.Errorf("%s: %w", file, err))
		}
	}
	return known, damaged
}

func readSummary(file string) (s stats.Summary, err error) {
	f, err := os.Open(file)
	if err != nil {
		return s, err
	}
	defer f.Close()
	return s, json.NewDecoder(io.LimitReader(f, maxSummary)).Decode(&s)
}

// complete adds what records do not tell and the runs' own summaries do: the
// first says what was run, the expectations are judged over all records, and
// the latest voice frames of any run count.
func complete(s *stats.Summary, run results.Run, known []stats.Summary) error {
	if len(known) == 0 {
		return nil
	}
	first := known[0]
	s.Scenario, s.Seed, s.Started, s.DurationS, s.Server = first.Scenario, first.Seed, first.Started, first.DurationS, first.Server
	for _, v := range first.Expectations {
		e, err := stats.ParseExpectation(v.Text)
		if err != nil {
			return err
		}
		s.Expectations = append(s.Expectations, e.Judge(run))
	}
	if first.Emulator == nil {
		return nil
	}
	health := *first.Emulator
	for _, other := range known[1:] {
		if h := other.Emulator; h != nil && h.VoiceLatenessP99Ms != nil &&
			(health.VoiceLatenessP99Ms == nil || *h.VoiceLatenessP99Ms > *health.VoiceLatenessP99Ms) {
			health.VoiceLatenessP99Ms = h.VoiceLatenessP99Ms
		}
	}
	health = stats.Judge(run, health)
	s.Emulator = &health
	return nil
}
