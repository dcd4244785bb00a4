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
	flushAt    = 64 << 10               // bytes: do not wait for the tick
	holdAtMost = 4 << 20                // bytes: then the recording goroutine writes itself
)

// Writer is a Sink that keeps records as two files, one JSON object a line.
// Lines are handed to the operating system whole and at least every half
// second, so that a killed run leaves what had ended until then. The first
// write error (a full disk) ends writing to that file; the records that come
// after it are counted as lost.
type Writer struct {
	attempts, sessions *recordFile
	wake, stop         chan struct{}
	flusher            sync.WaitGroup
	lines              sync.Pool // *bytes.Buffer, to encode one record each
	closing            sync.Once
	closed             error
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
	w.attempts = &recordFile{out: attempts, name: AttemptsFile}
	w.sessions = &recordFile{out: sessions, name: SessionsFile}
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
	w.record(w.attempts, a)
}

// Session records one channel that ended under the current Schema.
func (w *Writer) Session(s Session) {
	s.Schema = Schema
	w.record(w.sessions, s)
}

func (w *Writer) record(f *recordFile, v any) {
	line, reused := w.lines.Get().(*bytes.Buffer)
	if !reused {
		line = new(bytes.Buffer)
	}
	defer w.lines.Put(line)
	line.Reset()
	enc := json.NewEncoder(line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // NaN or infinity in a record
		f.lose(err)
		return
	}
	switch held := f.add(line.Bytes()); {
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
// disk while the system call lasts, so that a slow disk does not stop the
// recording goroutines.
type recordFile struct {
	name string

	mu    sync.Mutex
	buf   []byte // whole lines, not yet written
	spare []byte
	count int // lines in buf
	err   error
	lost  int

	disk sync.Mutex
	out  io.WriteCloser
}

// add appends one whole line and returns how many bytes wait.
func (f *recordFile) add(line []byte) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		f.lost++
		return 0
	}
	f.buf = append(f.buf, line...)
	f.count++
	return len(f.buf)
}

// lose counts a record that cannot be written at all, and keeps why.
func (f *recordFile) lose(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost++
	if f.err == nil {
		f.err = fmt.Errorf("write %s: %w", f.name, err)
	}
}

// flush writes the lines that wait in one call.
func (f *recordFile) flush() {
	f.disk.Lock()
	defer f.disk.Unlock()
	f.mu.Lock()
	out, count, broken := f.buf, f.count, f.err != nil
	f.buf, f.spare, f.count = f.spare[:0], nil, 0
	if broken {
		f.lost += count
		count = 0
	}
	f.mu.Unlock()
	var err error
	if count > 0 {
		var n int
		if n, err = f.out.Write(out); err != nil {
			count -= bytes.Count(out[:n], []byte{'\n'})
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare = out[:0]
	if err != nil {
		f.err = fmt.Errorf("write %s: %w", f.name, err)
		f.lost += count
	}
}

func (f *recordFile) state() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *recordFile) lostCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// close flushes; records that come later are lost.
func (f *recordFile) close() error {
	f.flush()
	closeErr := f.out.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.err
	if f.err == nil {
		f.err = fmt.Errorf("write %s: %w", f.name, os.ErrClosed)
	}
	if err != nil {
		return fmt.Errorf("%w (%d records lost)", err, f.lost)
	}
	if closeErr != nil {
		return fmt.Errorf("close %s: %w", f.name, closeErr)
	}
	return nil
}
