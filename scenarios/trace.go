package scenarios

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"xzfleet/netem"
)

// Trace is a recorded rate, opportunities = { up = "file.up", down =
// "file.down" }: for each direction a file in Mahimahi's format, the
// millisecond of one delivery opportunity of 1500 bytes a line, replayed for
// ever. Paths are relative to the file that names them. A value of more than
// one line is the recording itself; run.toml is written so, to need no other
// file.
type Trace struct {
	Up   string `toml:"up,omitempty"`
	Down string `toml:"down,omitempty"`
}

// maxTrace bounds a recording, bytes: half an hour at 10 Mbit/s has 10 MB.
const maxTrace = 16 << 20

// loadTraces reads what a link has recorded, paths relative to dir. The
// complaints are led by their key.
func (l *Link) loadTraces(dir string) []complaint {
	var all []complaint
	for _, direction := range []struct {
		key  string
		text *string
		into **netem.Opportunities
	}{
		{"opportunities.up", &l.Trace.Up, &l.Opportunities[netem.DeviceSide]},
		{"opportunities.down", &l.Trace.Down, &l.Opportunities[netem.ServerSide]},
	} {
		if *direction.text == "" {
			continue
		}
		o, text, err := readTrace(dir, *direction.text)
		if err != nil {
			all = append(all, complaint{[]string{"opportunities"}, fmt.Sprintf("%s: %v", direction.key, err)})
			continue
		}
		*direction.into, *direction.text = o, text
	}
	return all
}

// readTrace reads a recording, from a file or as it stands, and gives it with
// its text.
func readTrace(dir, value string) (*netem.Opportunities, string, error) {
	file, text := "", value
	if !strings.Contains(value, "\n") {
		file = value
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		var err error
		if text, err = readRegular(file, maxTrace); err != nil {
			return nil, "", err
		}
	}
	times, err := parseTrace(text)
	if err != nil && file == "" {
		return nil, "", fmt.Errorf("line %w", err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s:%w", file, err)
	}
	o, err := netem.NewOpportunities(times)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", cmp.Or(file, "the recording"), err)
	}
	return o, traceText(times), nil
}

// parseTrace reads one whole number of milliseconds a line. The error begins
// with the number of the line.
func parseTrace(text string) ([]time.Duration, error) {
	var times []time.Duration
	line := 0
	for text := range strings.Lines(text) {
		line++
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > longest.Milliseconds() {
			return nil, fmt.Errorf("%d: found %.40q, want a whole number of milliseconds", line, text)
		}
		at := time.Duration(n) * time.Millisecond
		if len(times) > 0 && at < times[len(times)-1] {
			return nil, fmt.Errorf("%d: found %d after %d, want times in order", line, n, times[len(times)-1].Milliseconds())
		}
		times = append(times, at)
	}
	if len(times) == 0 {
		return nil, errors.New("1: found no opportunity, want at least one")
	}
	return times, nil
}

// traceText is a recording as its file spells it.
func traceText(times []time.Duration) string {
	var b bytes.Buffer
	for _, t := range times {
		b.Write(strconv.AppendInt(b.AvailableBuffer(), t.Milliseconds(), 10))
		b.WriteByte('\n')
	}
	return b.String()
}
