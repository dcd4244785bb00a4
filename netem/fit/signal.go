package fit

import (
	"io"
	"regexp"
	"strconv"
	"time"
)

// reading is one answer to AT+CSQ or AT+CESQ.
type reading struct {
	at   time.Duration // since the first time of the log
	dBm  int
	rsrp bool // of AT+CESQ; else RSSI
}

// maxReadings bounds a log: 24 days at one a second.
const maxReadings = 2 << 20

// The answers as 3GPP TS 27.007 has them, sections 8.5 and 8.69.
var (
	csqAnswer  = regexp.MustCompile(`\+CSQ:\s*([0-9]{1,3})\s*,\s*[0-9]{1,2}\b`)
	cesqAnswer = regexp.MustCompile(`\+CESQ:\s*[0-9]{1,3}\s*,\s*[0-9]{1,3}\s*,\s*[0-9]{1,3}\s*,\s*[0-9]{1,3}\s*,\s*[0-9]{1,3}\s*,\s*([0-9]{1,3})\b`)
	signalTest = regexp.MustCompile(`\+CE?SQ:\s*\(`) // the answer to AT+CSQ=?
	colour     = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

// Values by which a modem says that it does not know.
const (
	unknownRSSI = 99
	unknownRSRP = 255
)

// readSignal reads a log of a modem's answers. An answer without a time of its
// own has that of the line before it.
func (m *Measurement) readSignal(r io.Reader) error {
	l := newLines(m.Name, r)
	var c clock
	unknown := 0
	for l.next() {
		text := colour.ReplaceAllString(l.text, "")
		answer := looksLikeSignal.MatchString(text) && !signalTest.MatchString(text)
		if err := c.read(l, text, answer); err != nil {
			return err
		}
		if !answer {
			m.Over++
			continue
		}
		got, known, err := parseReading(l, text)
		switch {
		case err != nil:
			return err
		case c.form == nil:
			return l.wrong("a signal quality without a time; want one in front of the line, such as 2026-11-20 10:00:00.000")
		case len(m.readings) == maxReadings:
			return l.wrong("more than %d readings; cut the log", maxReadings)
		case !known:
			unknown++
			continue
		}
		got.at = c.now
		m.readings = append(m.readings, got)
	}
	if err := l.err(); err != nil {
		return err
	}
	if len(m.readings) == 0 {
		return l.wrong("the log ends without a known signal quality; want lines such as \"+CSQ: 20,99\"")
	}
	if unknown > 0 {
		m.warn("%d readings said that the quality is not known (99, 255): what was before them is taken to last", unknown)
	}
	m.N = len(m.readings)
	m.Span = m.readings[m.N-1].at - m.readings[0].at
	if c.form.dated {
		m.Date = c.origin
	}
	return nil
}

// parseReading reads one answer: dBm = −113 + 2n for +CSQ, −141 + n for the
// RSRP of +CESQ.
func parseReading(l *lines, text string) (r reading, known bool, err error) {
	if f := csqAnswer.FindStringSubmatch(text); f != nil {
		n, err := strconv.Atoi(f[1])
		if err != nil || n > 31 && n != unknownRSSI {
			return r, false, l.wrong("found a signal quality of %s, want 0 to 31, or 99 for unknown", f[1])
		}
		return reading{dBm: -113 + 2*n}, n != unknownRSSI, nil
	}
	if f := cesqAnswer.FindStringSubmatch(text); f != nil {
		n, err := strconv.Atoi(f[1])
		if err != nil || n > 97 && n != unknownRSRP {
			return r, false, l.wrong("found an RSRP of %s, want 0 to 97, or 255 for unknown", f[1])
		}
		return reading{dBm: -141 + n, rsrp: true}, n != unknownRSRP, nil
	}
	return r, false, l.wrong("found %s, want \"+CSQ: N,N\" or \"+CESQ: N,N,N,N,N,N\"", quoted(text))
}
