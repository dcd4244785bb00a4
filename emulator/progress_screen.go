package main

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/term"
)

// repainted is a terminal whose last lines are drawn anew with each flush. It
// implements mpb.ConsoleWriter. mpb's own goes up without going left, so that
// the "^C" that a terminal echoes would stay between the bars.
type repainted struct {
	bytes.Buffer
	out   *os.File
	drawn int // lines above the cursor that are to go
}

func (r *repainted) IsTerminal() bool { return true }

// GetTermSize implements mpb.ConsoleWriter, in columns and rows.
func (r *repainted) GetTermSize() (width, height int, err error) {
	return term.GetSize(int(r.out.Fd()))
}

// Flush puts what was written in the place of what the last flush drew, with
// the sequences CUU and ED of ECMA-48.
func (r *repainted) Flush(lines int) error {
	home := "\r"
	if r.drawn > 0 {
		home += fmt.Sprintf("\x1b[%dA", r.drawn)
	}
	r.drawn = lines
	frame := append([]byte(home+"\x1b[J"), r.Bytes()...)
	r.Reset()
	_, err := r.out.Write(frame)
	return err
}
