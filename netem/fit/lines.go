package fit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// longestLine bounds a line of a log, bytes.
const longestLine = 16 << 10

// lines reads a log line by line and knows where it is.
type lines struct {
	name string
	scan *bufio.Scanner
	n    int // number of the line
	text string
}

func newLines(name string, r io.Reader) *lines {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 4096), longestLine)
	return &lines{name: name, scan: scan}
}

// next goes to the next line.
func (l *lines) next() bool {
	if !l.scan.Scan() {
		return false
	}
	l.n++
	l.text = strings.TrimRight(l.scan.Text(), " \t\r")
	if l.n == 1 {
		l.text = strings.TrimPrefix(l.text, "\ufeff")
	}
	return true
}

// wrong complains about the present line.
func (l *lines) wrong(format string, args ...any) error {
	return fmt.Errorf("%s:%d: "+format, append([]any{l.name, l.n}, args...)...)
}

// err is what kept the file from being read to its end.
func (l *lines) err() error {
	err := l.scan.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: a line of more than %d bytes: this is no log of lines", l.name, l.n+1, longestLine)
	}
	if err != nil {
		return fmt.Errorf("%s:%d: %w", l.name, l.n+1, err)
	}
	return nil
}
