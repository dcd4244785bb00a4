package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"xzfleet/server/protocol"
)

// traceEvent is one event of the Trace Event Format
// (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU).
type traceEvent struct {
	Name  string  `json:"name"`
	Cat   string  `json:"cat,omitempty"`
	Ph    string  `json:"ph"` // phaseComplete ...
	TS    micros  `json:"ts"`
	Dur   *micros `json:"dur,omitempty"`
	PID   int     `json:"pid"`
	TID   int     `json:"tid"`
	S     string  `json:"s,omitempty"`     // of an instant: "t", it belongs to its thread
	CName string  `json:"cname,omitempty"` // one of the viewer's own colours
	Args  any     `json:"args,omitempty"`
}

// Event types of the format.
const (
	phComplete = "X"
	phInstant  = "i"
	phMetadata = "M"
)

// micros is a time since the run's start as the format has it: in µs, exact
// to the nanosecond.
type micros time.Duration

// MarshalJSON implements json.Marshaler.
func (m micros) MarshalJSON() ([]byte, error) {
	if m%1000 == 0 {
		return strconv.AppendInt(nil, int64(m/1000), 10), nil
	}
	return fmt.Appendf(nil, "%d.%03d", m/1000, m%1000), nil
}

const (
	traceFlushEvery = 250 * time.Millisecond
	traceFlushAt    = 256   // events: do not wait for the tick
	traceHoldAtMost = 65536 // events, about 20 MiB: more are left out while the disk does not take them
	page            = 4096  // bytes
)

// traceFile writes events as they come, in the format's array form, whose
// closing bracket may be missing: what there is of it after a write is a file
// that loads. Adding an event only takes it down, for it comes from under the
// locks of a live device. What an event holds must not change any more.
type traceFile struct {
	out        io.Writer
	wake, stop chan struct{}
	flusher    sync.WaitGroup
	closing    sync.Once
	written    int   // bytes; the flusher's
	err        error // the flusher's; nothing is written after it

	mu   sync.Mutex
	held []traceEvent
	lost int
}

func newTraceFile(out io.Writer) *traceFile {
	f := &traceFile{out: out, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	f.flusher.Go(f.flushRegularly)
	return f
}

func (f *traceFile) add(e traceEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.held) >= traceHoldAtMost {
		f.lost++
		return
	}
	f.held = append(f.held, e)
	if len(f.held) >= traceFlushAt {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

func (f *traceFile) flushRegularly() {
	tick := time.NewTicker(traceFlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-f.wake:
		case <-f.stop:
			f.flush()
			f.put([]byte("\n]\n"))
			return
		}
		f.flush()
	}
}

// flush writes the events that wait.
func (f *traceFile) flush() {
	f.mu.Lock()
	events := f.held
	f.held = nil
	f.mu.Unlock()
	for i := range events {
		text, err := protocol.JSON(&events[i])
		if err != nil {
			f.err = errors.Join(f.err, err)
			return
		}
		separator := ",\n"
		if f.written == 0 {
			separator = "[\n"
		}
		f.write(append([]byte(separator), text...))
	}
}

// write writes one event whole. The last write of a process that is killed,
// or of a disk that fills, ends at a page (Linux, mm/filemap.c,
// generic_perform_write), so an event does not reach from one into the next;
// white space between events means nothing.
func (f *traceFile) write(text []byte) {
	if room := page - f.written%page; len(text) > room {
		f.put(bytes.Repeat([]byte(" "), room))
	}
	f.put(text)
}

func (f *traceFile) put(text []byte) {
	if f.err == nil {
		_, f.err = f.out.Write(text)
		f.written += len(text)
	}
}

// close writes what is left and the closing bracket.
func (f *traceFile) close() error {
	f.closing.Do(func() {
		close(f.stop)
		f.flusher.Wait()
	})
	if f.err != nil {
		return fmt.Errorf("write trace: %w", f.err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost > 0 {
		return fmt.Errorf("write trace: %d events left out: the disk took them too slowly", f.lost)
	}
	return nil
}
