package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"xzfleet/emulator/fleet"
)

const (
	lineEvery  = 5 * time.Second        // without a terminal
	drawEvery  = 250 * time.Millisecond // on one
	rateWindow = 5 * time.Second        // that the rate is over
)

// showProgress shows how far a run is until ctx ends, and leaves one line
// about where it ended: bars on a terminal, a line now and then elsewhere.
func showProgress(ctx context.Context, out io.Writer, p *fleet.Progress, devices int, length time.Duration) {
	m := &meter{progress: p, devices: devices, length: length, started: time.Now()}
	every, draw, clear := lineEvery, func(r reading) { fmt.Fprintln(out, r) }, func() {}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		b := newBars(f, m)
		every, draw, clear = drawEvery, b.draw, b.clear
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			draw(m.read(time.Now()))
		case <-ctx.Done():
			clear()
			r := m.read(time.Now())
			fmt.Fprintf(out, "%s: %s\n", clock(r.elapsed), r.counts())
			return
		}
	}
}

// meter reads the progress of a run and reckons its rate.
type meter struct {
	progress *fleet.Progress
	devices  int
	length   time.Duration
	started  time.Time
	past     []reading // of the last rateWindow
}

// reading is the progress at one moment.
type reading struct {
	fleet.Counts
	devices       int
	elapsed, left time.Duration // left: at most
	rate          float64       // arrivals/s of late
}

func (m *meter) read(now time.Time) reading {
	r := reading{Counts: m.progress.Now(), devices: m.devices, elapsed: now.Sub(m.started)}
	r.left = max(0, m.length-r.elapsed)
	for len(m.past) > 1 && r.elapsed-m.past[1].elapsed >= rateWindow {
		m.past = m.past[1:]
	}
	since := reading{}
	if len(m.past) > 0 {
		since = m.past[0]
	}
	if d := r.elapsed - since.elapsed; d > 0 {
		r.rate = float64(r.Arrived-since.Arrived) / d.Seconds()
	}
	m.past = append(m.past, r)
	return r
}

func (r reading) counts() string {
	return fmt.Sprintf("%d of %d arrived, %d connected, %d talking, %d failed", r.Arrived, r.devices, r.Connected, r.Talking, r.Failed)
}

func (r reading) String() string {
	return fmt.Sprintf("%s: %s, %.0f/s, at most %s left", clock(r.elapsed), r.counts(), r.rate, clock(r.left))
}

// clock is a duration in minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
