// Package fit makes link profiles from measurements of a real link: logs of
// ping, Mahimahi traces, captures and logs of a modem's signal quality.
package fit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Kind is what a measurement was made with.
type Kind uint8

const (
	Ping     Kind = iota + 1 // a log of ping, best with -D
	Mahimahi                 // the delivery opportunities of one direction
	Capture                  // pcap or pcapng, of which TCP is read
	Signal                   // a modem's answers to AT+CSQ or AT+CESQ, with time
)

func (k Kind) String() string {
	return [...]string{"?", "ping", "Mahimahi", "pcap", "CSQ"}[k]
}

// Measurement is what one file told.
type Measurement struct {
	Name string
	Kind Kind
	Date time.Time     // of its beginning; zero: the file does not say
	Span time.Duration // from its beginning to its end
	N    int           // probes answered, whole seconds, handshakes, readings
	Over int           // lines or packets that are of no use here

	Warnings []string

	pings    []pingRun
	trace    trace
	capture  capture
	readings []reading
}

// head is how much of a file is looked at to tell what it is.
const head = 64 << 10

// Read tells by its content and its name what a file is, and reads it. An
// error names the file and the line or packet.
func Read(name string, r io.Reader) (Measurement, error) {
	in := bufio.NewReaderSize(r, head)
	start, err := in.Peek(head)
	if len(start) == 0 {
		if err == io.EOF {
			err = fmt.Errorf("an empty file")
		}
		return Measurement{}, fmt.Errorf("%s: %w", name, err)
	}
	m := Measurement{Name: name}
	switch {
	case isCapture(start):
		m.Kind, err = Capture, m.readCapture(in)
	case traceSide(name) != noSide:
		m.Kind, err = Mahimahi, m.readTrace(in)
	case looksLikePing.Match(start):
		m.Kind, err = Ping, m.readPing(in)
	case looksLikeSignal.Match(start):
		m.Kind, err = Signal, m.readSignal(in)
	case looksLikeTrace.Match(start):
		err = fmt.Errorf("%s: a Mahimahi trace by its content, whose name must end in .up or .down to say which direction it is of", name)
	default:
		err = fmt.Errorf("%s:1: found %s; want a log of ping, a Mahimahi trace (.up, .down), a capture (pcap, pcapng) or a log with the answers to AT+CSQ or AT+CESQ", name, quoted(firstLine(start)))
	}
	return m, err
}

var (
	looksLikePing   = regexp.MustCompile(`(?m)^(\[[0-9.]+\] )?(PING |[0-9]+ bytes from |no answer yet for icmp_seq|Request timeout for icmp_seq)`)
	looksLikeSignal = regexp.MustCompile(`\+CE?SQ:`)
	looksLikeTrace  = regexp.MustCompile(`^[0-9]+\r?\n([0-9]+\r?\n)*[0-9]*$`)
)

func isCapture(start []byte) bool {
	if len(start) < 4 {
		return false
	}
	_, _, ok := pcapMagic(start)
	return ok || binary.BigEndian.Uint32(start) == ngSection
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return strings.TrimSpace(string(line))
}

// quoted is the beginning of a line, for a complaint about it.
func quoted(line string) string {
	if len(line) > 60 {
		return fmt.Sprintf("%q...", line[:60])
	}
	return fmt.Sprintf("%q", line)
}

// base is a file's name without its folders.
func (m Measurement) base() string { return filepath.Base(m.Name) }
