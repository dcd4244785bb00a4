package fit

import (
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"xzfleet/netem"
)

// trace is the delivery opportunities of one direction.
type trace struct {
	side  netem.Side
	times []time.Duration
}

const noSide = netem.Side(0xff)

// traceSide is which end sends what a file's name says its trace is of.
func traceSide(name string) netem.Side {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".up":
		return netem.DeviceSide
	case ".down":
		return netem.ServerSide
	}
	return noSide
}

const (
	// maxOpportunities bounds a trace: two hours at 10 Mbit/s.
	maxOpportunities = 8 << 20
	// maxTraceMs bounds its times: a day.
	maxTraceMs = 24 * 3600 * 1000
)

// readTrace reads a Mahimahi trace: a line for each opportunity to deliver
// 1500 bytes, in ms since the start, of which the last is also the period
// (ravinet/mahimahi src/frontend/link_queue.cc).
func (m *Measurement) readTrace(r io.Reader) error {
	l := newLines(m.Name, r)
	m.trace.side = traceSide(m.Name)
	before := int64(0)
	for l.next() {
		at, err := strconv.ParseInt(l.text, 10, 64)
		switch {
		case err != nil || at < 0:
			return l.wrong("found %s, want a whole number of milliseconds", quoted(l.text))
		case at > maxTraceMs:
			return l.wrong("found %d ms, want at most %d (a day)", at, maxTraceMs)
		case at < before:
			return l.wrong("found %d ms after %d ms, want times that do not decrease", at, before)
		case len(m.trace.times) == maxOpportunities:
			return l.wrong("more than %d opportunities; cut the trace", maxOpportunities)
		}
		before = at
		m.trace.times = append(m.trace.times, time.Duration(at)*time.Millisecond)
	}
	if err := l.err(); err != nil {
		return err
	}
	if before == 0 {
		return l.wrong("the trace ends at 0 ms, want one that takes time")
	}
	m.Span = time.Duration(before) * time.Millisecond
	m.N = int(m.Span / time.Second)
	return nil
}
