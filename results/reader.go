package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"
)

const (
	// maxLine bounds what one foreign line may occupy, in bytes. A record is
	// about 1 KiB.
	maxLine = 1 << 20
	// maxFaults bounds how many damaged lines are kept by name.
	maxFaults = 100
)

// Run is what record files hold. Several runs or shares read together make
// one Run.
type Run struct {
	Attempts []Attempt
	Sessions []Session
	Faults   []LineFault // damaged lines, the first 100
	Unlisted int         // damaged lines beyond those
}

// LineFault is a line that could not be used.
type LineFault struct {
	File string
	Line int // from 1
	Why  string
}

func (f LineFault) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Why) }

// Read reads record files and folders of them (attempts.jsonl and
// sessions.jsonl). Whether a line is an attempt or a session is seen from its
// keys. Damaged lines are listed in Faults and left out. The error is not nil
// when a file cannot be read or none of the lines is good.
func Read(paths ...string) (Run, error) {
	var run Run
	files, err := recordFiles(paths)
	if err != nil {
		return run, err
	}
	for _, path := range files {
		if err := run.readFile(path); err != nil {
			return run, err
		}
	}
	if len(run.Attempts)+len(run.Sessions) == 0 {
		err := fmt.Errorf("no records in %q", paths)
		if len(run.Faults) > 0 {
			err = fmt.Errorf("no good record in %q: %s", paths, run.Faults[0])
		}
		return run, err
	}
	return run, nil
}

// recordFiles resolves folders, each file once.
func recordFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		found := []string{path}
		if info.IsDir() {
			if found, err = inFolder(path); err != nil {
				return nil, err
			}
		}
		for _, f := range found {
			if f = filepath.Clean(f); !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files, nil
}

func inFolder(dir string) ([]string, error) {
	var found []string
	for _, name := range []string{AttemptsFile, SessionsFile} {
		path := filepath.Join(dir, name)
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		found = append(found, path)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("read records: %s holds neither %s nor %s", dir, AttemptsFile, SessionsFile)
	}
	return found, nil
}

func (r *Run) readFile(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return r.readLines(path, f)
}

// readLines takes every good line of one file.
func (r *Run) readLines(file string, in io.Reader) error {
	br := bufio.NewReaderSize(in, 64<<10)
	var line []byte
	for number := 1; ; number++ {
		var whole bool
		var err error
		line, whole, err = readLine(br, line[:0])
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read records: %w", err)
		}
		atEnd := err != nil
		if text := bytes.TrimSpace(line); len(text) > 0 || !whole {
			if why := r.take(text, whole); why != nil {
				if atEnd && whole {
					why = fmt.Errorf("cut last line: %w", why)
				}
				r.fault(file, number, why)
			}
		}
		if atEnd {
			return nil
		}
	}
}

// readLine reads up to the next line end into buf. It is not whole when it is
// longer than maxLine; then the rest has been skipped.
func readLine(br *bufio.Reader, buf []byte) (line []byte, whole bool, err error) {
	whole = true
	for {
		piece, err := br.ReadSlice('\n')
		if len(buf)+len(piece) > maxLine {
			whole = false
		}
		if whole {
			buf = append(buf, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, whole, err
		}
	}
}

// take adds the record of one line, or says why it cannot.
func (r *Run) take(line []byte, whole bool) error {
	switch {
	case !whole:
		return fmt.Errorf("longer than %d bytes", maxLine)
	case !utf8.Valid(line):
		return errors.New("not text")
	}
	if bytes.Contains(line, []byte(`"closed_by"`)) {
		var s Session
		if err := json.Unmarshal(line, &s); err != nil {
			return err
		}
		if err := s.Check(); err != nil {
			return err
		}
		r.Sessions = append(r.Sessions, s)
		return nil
	}
	var a Attempt
	if err := json.Unmarshal(line, &a); err != nil {
		return err
	}
	if err := a.Check(); err != nil {
		return err
	}
	r.Attempts = append(r.Attempts, a)
	return nil
}

func (r *Run) fault(file string, line int, why error) {
	if len(r.Faults) == maxFaults {
		r.Unlisted++
		return
	}
	r.Faults = append(r.Faults, LineFault{File: file, Line: line, Why: why.Error()})
}
