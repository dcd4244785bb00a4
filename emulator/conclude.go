package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"xzfleet/emulator/fleet"
	"xzfleet/results"
	"xzfleet/results/stats"
)

// conclude reports over the records as they were written and says how the run
// ended.
func (j *job) conclude(t taken) error {
	run, err := readBack(j.dir)
	if err != nil {
		return err
	}
	s, err := j.summarize(run, t)
	if err != nil {
		return err
	}
	page := filepath.Join(j.dir, htmlFile)
	shown := reporting{json: j.opt.json, pages: []string{page, j.opt.html}, summary: filepath.Join(j.dir, summaryFile)}
	if err := shown.deliver(j.std.out, s, run); err != nil {
		t.broken = errors.Join(t.broken, err)
	}
	where := j.std.out
	if j.opt.json {
		where = j.std.err
	}
	fmt.Fprintf(where, "\nreport     %s\n", page)
	return j.ended(s, t)
}

// readBack reads the records of a run, of which there may be none.
func readBack(dir string) (results.Run, error) {
	var bytes int64
	for _, name := range []string{results.AttemptsFile, results.SessionsFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return results.Run{}, err
		}
		bytes += info.Size()
	}
	if bytes == 0 {
		return results.Run{}, nil
	}
	return results.Read(dir)
}

// summarize adds to what the records tell what only the run knows.
func (j *job) summarize(run results.Run, t taken) (stats.Summary, error) {
	s := stats.Summarize(run)
	s.Scenario, s.Seed = j.scenario.Name, j.scenario.Seed
	s.Started, s.DurationS = t.Started.UTC().Round(time.Millisecond), t.Duration.Round(time.Millisecond).Seconds()
	health := stats.Health{
		CPUSeconds: t.self.CPU.Seconds(), RunQueueWaitS: t.self.Wait.Seconds(), RSSBytes: t.self.RSS,
		RealPath: j.real.health(t.Short),
	}
	if t.Voice != nil && t.Voice.Count() > 0 {
		ms := float64(t.Voice.Quantile(0.99)) / float64(time.Millisecond)
		health.VoiceLatenessP99Ms = &ms
	}
	health = stats.Judge(run, health)
	s.Emulator = &health
	if t.server != (fleet.Usage{}) {
		s.Server = &stats.ServerHealth{
			CPUSeconds: t.server.CPU.Seconds(), RunQueueWaitS: t.server.Wait.Seconds(), RSSBytes: t.server.RSS,
		}
	}
	expectations, err := j.scenario.Expectations()
	for _, e := range expectations {
		s.Expectations = append(s.Expectations, e.Judge(run))
	}
	return s, err
}

// ended is the exit code and why.
func (j *job) ended(s stats.Summary, t taken) error {
	e := new(ending)
	if t.interrupted {
		e.add(exitInterrupted, "interrupted after %s: the report is over what there is", t.Duration.Round(100*time.Millisecond))
	}
	if t.broken != nil {
		e.add(exitFailed, "could not be carried out: %v", t.broken)
	}
	for _, reason := range s.Emulator.Reasons {
		e.add(exitUntrusted, "not trusted: %s", reason)
	}
	for _, v := range s.Expectations {
		if v.Outcome == stats.Missed || v.Outcome == stats.Undecided && j.scenario.Undecided == "fail" {
			e.add(exitUnmet, "expectation %s: %s", v.Outcome, v.Text)
		}
	}
	if s.Devices.Connected == 0 {
		e.add(exitUnmet, "not one device connected")
	}
	return e.err()
}
