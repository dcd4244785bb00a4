package main

import (
	"fmt"
	"os"
	"path/filepath"

	"xzfleet/emulator/fleet"
)

// traceJob is the device that -trace names and the file that its trace goes
// to; nil where none was asked for.
type traceJob struct {
	fleet string
	index int
	file  *os.File
	*fleet.Tracer
}

// tracedDevice finds the device that -trace names among those that run here.
func (j *job) tracedDevice() (*traceJob, error) {
	if j.opt.trace == "" {
		return nil, nil
	}
	i, d, err := fleet.FindDevice(j.scenario, j.opt.trace)
	if err != nil {
		return nil, wrongUsage("-trace: %v", err)
	}
	name := j.scenario.Fleets[i].Name
	if r := j.share[i]; d < r.From || d >= r.To {
		return nil, wrongUsage("-trace: device %s/%d runs in another part than -share %s", name, d, j.opt.share)
	}
	return &traceJob{fleet: name, index: d}, nil
}

func (t *traceJob) open(dir string) (err error) {
	if t == nil {
		return nil
	}
	name := filepath.Join(dir, fmt.Sprintf("trace-%s-%d.json", t.fleet, t.index))
	if t.file, err = os.Create(name); err != nil {
		return err
	}
	t.Tracer = fleet.NewTracer(t.file, fmt.Sprintf("%s/%d", t.fleet, t.index))
	return nil
}

func (t *traceJob) close() error {
	if t == nil {
		return nil
	}
	err := t.Close()
	if closed := t.file.Close(); err == nil {
		err = closed
	}
	return err
}
