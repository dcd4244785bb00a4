package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"xzfleet/emulator/fleet"
	"xzfleet/results"
	"xzfleet/scenarios"
)

// job is one `run` as it was asked for.
type job struct {
	opt      runOptions
	std      streams
	scenario *scenarios.Scenario
	share    []scenarios.Range
	devices  int    // that run here
	dir      string // output folder
	trace    *traceJob
	real     realPath
}

// runCommand carries out one run of a scenario.
func runCommand(args []string, std streams) error {
	o, err := parseRun(args, std.out)
	if err != nil {
		return err
	}
	s, share, err := o.load()
	if err != nil {
		return err
	}
	j := &job{opt: o, std: std, scenario: s, share: share, devices: deviceCount(share)}
	if j.trace, err = j.tracedDevice(); err != nil {
		return err
	}
	if err := ensureOpenFiles(j.devices); err != nil {
		return wrongUsage("%v", err)
	}
	if err := checkFolder(o.out); err != nil {
		return wrongUsage("-out: %v", err)
	}
	if o.dry {
		return j.foretell()
	}
	if err := checkWritable(o.html); err != nil {
		return wrongUsage("-html: %v", err)
	}
	// The first Ctrl-C ends the run with a report over what there is, the
	// second ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err = j.execute(ctx)
	if err != nil && ctx.Err() != nil && exitCode(err) == exitFailed {
		e := &ending{}
		e.add(exitInterrupted, "interrupted: %v", err)
		return e
	}
	return err
}

// execute runs and reports.
func (j *job) execute(ctx context.Context) error {
	target, err := j.outsideTarget(ctx)
	if err != nil {
		return err
	}
	if j.dir, err = makeFolder(j.opt.out, j.scenario.Name, time.Now()); err != nil {
		return err
	}
	if err := j.keepScenario(); err != nil {
		return err
	}
	var server *fleet.Server
	if j.scenario.Target.URL == "" {
		log, err := os.Create(filepath.Join(j.dir, serverLog))
		if err != nil {
			return err
		}
		defer log.Close()
		if server, err = j.startServer(ctx, log); err != nil {
			return err
		}
		defer func() { _ = server.Stop() }() // where turn did not get to it
		if target, err = bundledTarget(j.scenario, server); err != nil {
			return err
		}
	}
	j.real = measureRealPath(ctx, target)
	if err := j.real.note(j.dir); err != nil {
		return err
	}
	t, err := j.turn(ctx, target, server)
	if err != nil {
		return err
	}
	return j.conclude(t)
}

// taken is what a run left beside its records.
type taken struct {
	fleet.Outcome
	self, server fleet.Usage
	interrupted  bool  // by a signal
	broken       error // why it could not be carried out to its end
}

// turn runs the devices until the end and stops the server.
func (j *job) turn(ctx context.Context, target fleet.Target, server *fleet.Server) (taken, error) {
	writer, err := results.Create(j.dir)
	if err != nil {
		return taken{}, err
	}
	if err := j.trace.open(j.dir); err != nil {
		return taken{}, errors.Join(err, writer.Close())
	}
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	progress := new(fleet.Progress)
	var beside sync.WaitGroup
	beside.Go(func() { watch(running, server, writer, cancel) })
	beside.Go(func() { showProgress(running, j.std.err, progress, j.devices, j.scenario.Length) })

	run := fleet.Run{
		Scenario: j.scenario, ID: filepath.Base(j.dir), Share: j.share,
		Target: target, Sink: writer, Progress: progress, Behind: j.real.rtt,
	}
	if j.trace != nil {
		run.Trace, run.Watch = j.trace.Only(j.trace.fleet, j.trace.index)
	}
	var t taken
	t.Outcome, err = run.Do(running)
	t.interrupted = ctx.Err() != nil
	if running.Err() != nil && !t.interrupted {
		t.broken = context.Cause(running)
	}
	cancel(nil)
	beside.Wait()
	t.self, _ = fleet.ProcessUsage(os.Getpid()) // zero where a system does not tell
	if server != nil {
		if stopped := server.Stop(); t.broken == nil && stopped != nil {
			t.broken = serverEnded(stopped)
		}
		t.server = server.Usage()
	}
	if closed := j.trace.close(); closed != nil && t.broken == nil {
		t.broken = closed
	}
	if closed := writer.Close(); closed != nil {
		t.broken = closed
	}
	return t, err
}

// watch ends a run that cannot go on: its server has died, or its records
// cannot be written.
func watch(ctx context.Context, server *fleet.Server, writer *results.Writer, end context.CancelCauseFunc) {
	var died <-chan struct{}
	if server != nil {
		died = server.Exited()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-died:
			end(serverEnded(server.Err()))
			return
		case <-tick.C:
			if err := writer.Err(); err != nil {
				end(err)
				return
			}
		}
	}
}

func serverEnded(how error) error {
	if how == nil {
		how = errors.New("exit status 0")
	}
	return fmt.Errorf("the bundled server ended by itself (%w); its last words are in %s", how, serverLog)
}
