package main

import (
	"cmp"
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
	run, err := results.Read(withRecords(paths, std.err)...)
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

// withRecords leaves out, and names, folders of runs that ended before a
// record could be written, unless nothing else is there.
func withRecords(paths []string, err io.Writer) []string {
	var kept, empty []string
	for _, path := range paths {
		info, statErr := os.Stat(path)
		if statErr == nil && info.IsDir() && !holdsRecords(path) {
			empty = append(empty, path)
		} else {
			kept = append(kept, path)
		}
	}
	if len(kept) == 0 {
		return paths
	}
	for _, path := range empty {
		fmt.Fprintf(err, "passed over: %s holds no records\n", path)
	}
	return kept
}

func holdsRecords(dir string) bool {
	return slices.ContainsFunc([]string{results.AttemptsFile, results.SessionsFile}, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
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

// complete adds what records do not tell and the runs' own summaries do. What
// was run is said where all agree; the expectations are the first run's,
// judged over all records.
func complete(s *stats.Summary, run results.Run, known []stats.Summary) error {
	if len(known) == 0 {
		return nil
	}
	first := known[0]
	s.Scenario, s.Seed, s.Started, s.DurationS = first.Scenario, first.Seed, first.Started, first.DurationS
	for _, other := range known[1:] {
		if other.Scenario != first.Scenario {
			s.Scenario = ""
		}
		if other.Seed != first.Seed {
			s.Seed = 0
		}
		if other.Started.Before(s.Started) {
			s.Started = other.Started
		}
		s.DurationS = max(s.DurationS, other.DurationS)
	}
	s.Server = serversTogether(known)
	for _, v := range first.Expectations {
		e, err := stats.ParseExpectation(v.Text)
		if err != nil {
			return err
		}
		s.Expectations = append(s.Expectations, e.Judge(run))
	}
	if health, any := emulatorsTogether(known); any {
		health = stats.Judge(run, health)
		s.Emulator = &health
	}
	return nil
}

// serversTogether adds up what the servers used; memory is that of the
// largest.
func serversTogether(known []stats.Summary) *stats.ServerHealth {
	var sum *stats.ServerHealth
	for _, s := range known {
		if s.Server == nil {
			continue
		}
		if sum == nil {
			sum = new(stats.ServerHealth)
		}
		sum.CPUSeconds += s.Server.CPUSeconds
		sum.RunQueueWaitS += s.Server.RunQueueWaitS
		sum.RSSBytes = max(sum.RSSBytes, s.Server.RSSBytes)
	}
	return sum
}

// longerPath is the longer of two real paths, with the devices of both that
// had a shorter link; one that was not measured says most.
func longerPath(a, b *stats.RealPath) *stats.RealPath {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	longer := *a
	if a.Error == "" && (b.Error != "" || b.RTTMs > a.RTTMs) {
		longer = *b
	}
	longer.LongerThanLink = a.LongerThanLink + b.LongerThanLink
	return &longer
}

// emulatorsTogether does the same for the emulators; the latest voice frames
// of any count.
func emulatorsTogether(known []stats.Summary) (sum stats.Health, any bool) {
	for _, s := range known {
		h := s.Emulator
		if h == nil {
			continue
		}
		any = true
		sum.CPUSeconds += h.CPUSeconds
		sum.RunQueueWaitS += h.RunQueueWaitS
		sum.RSSBytes = max(sum.RSSBytes, h.RSSBytes)
		if late := h.VoiceLatenessP99Ms; late != nil && (sum.VoiceLatenessP99Ms == nil || *late > *sum.VoiceLatenessP99Ms) {
			sum.VoiceLatenessP99Ms = late
		}
		sum.RealPath = longerPath(sum.RealPath, h.RealPath)
	}
	return sum, any
}
