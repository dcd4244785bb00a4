package main

import (
	"io"
	"os"
	"testing"
)

func TestRepaintedGoesLeftAndUp(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	screen := &repainted{out: write}
	for _, frame := range []struct {
		text  string
		lines int
	}{{"one\ntwo\n", 2}, {"three\n", 1}, {"", 0}, {"", 0}} {
		screen.WriteString(frame.text)
		if err := screen.Flush(frame.lines); err != nil {
			t.Fatal(err)
		}
	}
	write.Close()
	got, err := io.ReadAll(read)
	if want := "\r\x1b[Jone\ntwo\n" + "\r\x1b[2A\x1b[Jthree\n" + "\r\x1b[1A\x1b[J" + "\r\x1b[J"; err != nil || string(got) != want {
		t.Errorf("%q, not %q (%v)", got, want, err)
	}
}
