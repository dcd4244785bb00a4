package fit

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// pingRun is one run of ping: its probes in the order they were sent.
type pingRun struct {
	probes  []probe
	spacing time.Duration
}

// probe is one echo request.
type probe struct {
	sent     time.Duration // since the measurement's date
	rtt      time.Duration
	answered bool
}

// maxProbes bounds a log: five days at five a second.
const maxProbes = 2 << 20

// defaultSpacing is ping's, -i 1, for a log without times.
const defaultSpacing = time.Second

// The lines of iputils' ping (ping/ping_common.c print_timestamp, pinger,
// gather_statistics; ping/ping.c receive_error_msg), and of those of BSD and
// busybox as far as they differ.
var (
	pingStamp   = regexp.MustCompile(`^\[([0-9]{1,11})\.([0-9]{1,9})\] `)
	pingAnswer  = regexp.MustCompile(`^[0-9]+ bytes from .*[ :](?:icmp_)?seq=([0-9]{1,5}) .*\btime[=<]([0-9]+(?:\.[0-9]+)?) ms( \(DUP!\))?`)
	pingSummary = regexp.MustCompile(`^--- .* ping statistics ---$|packets transmitted, |^(?:rtt|round-trip) min/avg/max`)
	pingLost    = regexp.MustCompile(`^(?:no answer yet for icmp_seq=|Request timeout for icmp_seq |From .*[ :]icmp_seq=)([0-9]{1,5})\b`)
)

// pingReader reads one log.
type pingReader struct {
	*lines
	m       *Measurement
	probes  []probe
	first   int           // sequence number of probes[0]
	headed  bool          // by a line PING: the run begins with 0 or 1
	stamped bool          // by -D
	origin  time.Time     // first stamp
	stamp   time.Duration // of this line, since then
}

func (m *Measurement) readPing(r io.Reader) error {
	p := &pingReader{lines: newLines(m.Name, r), m: m}
	for p.next() {
		if err := p.line(); err != nil {
			return err
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	p.endRun()
	if m.N == 0 {
		return p.wrong("the log ends without an answer; want lines such as \"64 bytes from 192.0.2.1: icmp_seq=1 ttl=57 time=48.2 ms\"")
	}
	m.Date = p.origin
	if !p.stamped {
		m.warn("no times in it (ping -D writes them): a probe every %v is assumed, ping's default", defaultSpacing)
	}
	return nil
}

// line takes in one line.
func (p *pingReader) line() error {
	text, stamped, err := p.time(p.text)
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(text, "PING "):
		p.endRun()
		p.headed = true
	case strings.Contains(text, "bytes from"):
		return p.answer(text, stamped)
	default:
		if f := pingLost.FindStringSubmatch(text); f != nil {
			_, err := p.at(f[1])
			return err
		}
		if stamped || strings.Contains(text, "icmp_seq") {
			return p.wrong("found %s, want an answer, \"no answer yet for icmp_seq=...\" or an error of a router", quoted(text))
		}
		if text != "" && !pingSummary.MatchString(text) {
			p.m.Over++
		}
	}
	return nil
}

// time takes the stamp off a line.
func (p *pingReader) time(text string) (rest string, stamped bool, err error) {
	f := pingStamp.FindStringSubmatch(text)
	if f == nil {
		return text, false, nil
	}
	seconds, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return "", false, p.wrong("found the time %s, want seconds since 1970", f[1])
	}
	at := time.Unix(seconds, int64(fraction(f[2]))).UTC()
	if p.origin.IsZero() {
		p.origin = at
	}
	since := at.Sub(p.origin)
	if since < p.stamp-time.Second {
		return "", false, p.wrong("%v earlier than the line before: a clock that was set; cut the log there", p.stamp-since)
	}
	p.stamp = max(p.stamp, since)
	return text[len(f[0]):], true, nil
}

// fraction is that of a second with these decimals.
func fraction(decimals string) time.Duration {
	n, err := strconv.Atoi((decimals + "000000000")[:9])
	if err != nil {
		return 0 // decimals are digits only
	}
	return time.Duration(n)
}

// answer takes in an echo reply. The stamp is of its arrival.
func (p *pingReader) answer(text string, stamped bool) error {
	f := pingAnswer.FindStringSubmatch(text)
	if f == nil {
		return p.wrong("found %s, want \"64 bytes from ADDRESS: icmp_seq=N ttl=N time=N ms\"", quoted(text))
	}
	ms, err := strconv.ParseFloat(f[2], 64)
	if err != nil || ms > 1e7 {
		return p.wrong("found time=%s ms, want a round-trip time", f[2])
	}
	if p.m.N == 0 && len(p.probes) == 0 {
		p.stamped = stamped
	}
	if stamped != p.stamped {
		return p.wrong("an answer with a time among answers without, or the other way round")
	}
	i, err := p.at(f[1])
	if err != nil || i < 0 || f[3] != "" {
		return err
	}
	if p.probes[i].answered {
		return p.wrong("icmp_seq=%s was answered before; a second run of ping begins with its line PING, or has a file of its own", f[1])
	}
	rtt := time.Duration(ms * float64(time.Millisecond))
	p.probes[i] = probe{sent: p.stamp - rtt, rtt: rtt, answered: true}
	p.m.N++
	return nil
}

// at is the index of the probe with this sequence number, of 16 bits, and
// makes room for it; −1 for one sent before the log begins.
func (p *pingReader) at(seq string) (int, error) {
	n, err := strconv.ParseUint(seq, 10, 16)
	if err != nil {
		return 0, p.wrong("found icmp_seq=%s, want 0 to 65535", seq)
	}
	if len(p.probes) == 0 {
		p.first = int(n)
		if p.headed {
			p.first = min(p.first, 1) // those before were lost
		}
		p.probes = append(p.probes, probe{})
	}
	last := p.first + len(p.probes) - 1
	i := last + int(int16(uint16(n)-uint16(last))) - p.first
	if i >= maxProbes {
		return 0, p.wrong("more than %d probes; cut the log into several", maxProbes)
	}
	for len(p.probes) <= i {
		p.probes = append(p.probes, probe{})
	}
	return i, nil
}

// endRun closes a run of ping.
func (p *pingReader) endRun() {
	run := pingRun{probes: p.probes, spacing: p.spacing()}
	p.probes, p.headed = nil, false
	if len(run.probes) == 0 {
		return
	}
	if !p.stamped {
		for i := range run.probes {
			run.probes[i].sent = p.m.Span + time.Duration(i)*run.spacing
		}
	}
	p.m.Span += time.Duration(len(run.probes)) * run.spacing
	p.m.pings = append(p.m.pings, run)
}

// spacing is the median time between two probes.
func (p *pingReader) spacing() time.Duration {
	var between []float64
	for i := 1; i < len(p.probes); i++ {
		if a, b := p.probes[i-1], p.probes[i]; a.answered && b.answered {
			between = append(between, float64(b.sent-a.sent))
		}
	}
	if d := time.Duration(median(between)); p.stamped && d > 0 {
		return d
	}
	return defaultSpacing
}
