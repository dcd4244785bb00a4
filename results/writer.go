package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Names of the record files within the folder of a run.
const (
	AttemptsFile = "attempts.jsonl"
	SessionsFile = "sessions.jsonl"
)

const (
	flushEvery = 250 * time.Millisecond // a record is with the system at most this long after it ended
	flushAt    = 256                    // records: do not wait for the tick
	holdAtMost = 8192                   // records, about 6 MiB: then the recording goroutine writes itself
)

// Writer is a Sink that keeps records as two files, one JSON object a line.
// Lines are handed to the operating system whole and at least every half
// second, so that a killed run leaves what had ended until then. Recording
// only takes a record down: it is called from the middle of a device's work,
// where encoding costs several times what it does in a batch. A record's map
// and pointers must not change any more. The first write error (a full disk)
// ends writing to that file; the records that come after it are counted as
// lost.
type Writer struct {
	attempts   *recordFile[Attempt]
	sessions   *recordFile[Session]
	wake, stop chan struct{}
	flusher    sync.WaitGroup
	closing    sync.Once
	closed     error
}

// Create makes the folder, where it is missing, and its record files. It
// refuses to write over records that are already there (fs.ErrExist).
func Create(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create records: %w", err)
	}
	var files [2]*os.File
	for i, name := range []string{AttemptsFile, SessionsFile} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			if i > 0 {
				err = errors.Join(err, files[0].Close())
			}
			return nil, fmt.Errorf("create records: %w", err)
		}
		files[i] = f
	}
	return newWriter(files[0], files[1]), nil
}

func newWriter(attempts, sessions io.WriteCloser) *Writer {
	w := &Writer{
		wake: make(chan struct{}, 1),
		stop: make(chan struct{}),
	}
	w.attempts = newRecordFile[Attempt](attempts, AttemptsFile)
	w.sessions = newRecordFile[Session](sessions, SessionsFile)
	w.flusher.Go(w.flushRegularly)
	return w
}

func (w *Writer) flushRegularly() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.wake:
		case <-w.stop:
			return
		}
		w.attempts.flush()
		w.sessions.flush()
	}
}

// Attempt records one opening under the current Schema.
func (w *Writer) Attempt(a Attempt) {
	a.Schema = Schema
	record(w, w.attempts, a)
}

// Session records one channel that ended under the current Schema.
func (w *Writer) Session(s Session) {
	s.Schema = Schema
	record(w, w.sessions, s)
}

func record[T any](w *Writer, f *recordFile[T], r T) {
	switch held := f.add(r); {
	case held >= holdAtMost:
		f.flush()
	case held >= flushAt:
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Err is the first error of either file, or nil.
func (w *Writer) Err() error {
	return errors.Join(w.attempts.state(), w.sessions.state())
}

// Lost counts the records that could not be written.
func (w *Writer) Lost() int { return w.attempts.lostCount() + w.sessions.lostCount() }

// Close writes what is left and closes both files. Its error names what could
// not be written and how many records were lost by it.
func (w *Writer) Close() error {
	w.closing.Do(func() {
		close(w.stop)
		w.flusher.Wait()
		w.closed = errors.Join(w.attempts.close(), w.sessions.close())
	})
	return w.closed
}

// recordFile is one file of lines. Adding holds only mu; writing holds only
// disk while it encodes and the system call lasts, so that a slow disk does
// not stop the recording goroutines.
type recordFile[T any] struct {
	name string

	mu     sync.Mutex
	held   []T // not yet written
	spare  []T
	err    error
	broken bool // by err: nothing can be written any more
	lost   int

	disk  sync.Mutex
	out   io.WriteCloser
	lines bytes.Buffer
	enc   *json.Encoder // into lines
}

func newRecordFile[T any](out io.WriteCloser, name string) *recordFile[T] {
	f := &recordFile[T]{name: name, out: out}
	f.enc = json.NewEncoder(&f.lines)
	f.enc.SetEscapeHTML(false)
	return f
}

// add takes one record and returns how many wait.
func (f *recordFile[T]) add(r T) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken {
		f.lost++
		return 0
	}
	f.held = append(f.held, r)
	return len(f.held)
}

// flush writes the records that wait in one call.
func (f *recordFile[T]) flush() {
	f.disk.Lock()
	defer f.disk.Unlock()
	f.mu.Lock()
	records, broken := f.held, f.broken
	f.held, f.spare = f.spare[:0], nil
	f.mu.Unlock()
	lost, err := len(records), error(nil) // came while the write that broke it was under way
	if !broken {
		lost, broken, err = f.write(records)
	}
	clear(records)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare = records[:0]
	f.lost += lost
	f.broken = broken
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("write %s: %w", f.name, err)
	}
}

// write encodes records and writes them, as far as it goes. A record that has
// no JSON (NaN or infinity) is lost alone.
func (f *recordFile[T]) write(records []T) (lost int, broken bool, err error) {
	f.lines.Reset()
	for i := range records {
		if e := f.enc.Encode(&records[i]); e != nil {
			lost++
			err = e
		}
	}
	if f.lines.Len() == 0 {
		return lost, false, err
	}
	out := f.lines.Bytes()
	n, e := f.out.Write(out)
	if e != nil {
		lost += bytes.Count(out[n:], []byte{'\n'})
		return lost, true, e
	}
	return lost, false, err
}

func (f *recordFile[T]) state() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *recordFile[T]) lostCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// close flushes; records that come later are lost.
func (f *recordFile[T]) close() error {
	f.flush()
	closeErr := f.out.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = true
	if f.err != nil {
		return fmt.Errorf("%w (%d records lost)", f.err, f.lost)
	}
	if closeErr != nil {
		return fmt.Errorf("close %s: %w", f.name, closeErr)
	}
	return nil
}
