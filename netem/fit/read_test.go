package fit

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"xzfleet/netem"
)

// small is a capture of one handshake.
func small(f format) string {
	var p packets
	p.handshake(0, 80*time.Millisecond, netip.MustParseAddrPort("10.0.0.1:40000"), voice, netem.DeviceSide)
	return f.file(p.sorted())
}

var (
	plainPcap = format{binary.LittleEndian, time.Microsecond, 1, false}
	plainNG   = format{binary.LittleEndian, time.Microsecond, 1, true}
)

// patched is text with bytes replaced from a place on.
func patched(text string, at int, b ...byte) string {
	return text[:at] + string(b) + text[at+len(b):]
}

// What is broken is named by file and line or packet, with what was found and
// what would be right.
func TestBrokenInputIsNamed(t *testing.T) {
	const (
		answer = "[1795600000.0] 64 bytes from 192.0.2.1: icmp_seq=1 ttl=57 time=48.2 ms\n"
		csq    = "2026-11-20 10:00:00 +CSQ: 20,99\n"
	)
	pcap, ng := small(plainPcap), small(plainNG)
	for _, c := range []struct{ name, text, want string }{
		{"a.log", "", `a.log: an empty file`},
		{"a.log", "hello\nworld\n", `a.log:1: found "hello"; want a log of ping, a Mahimahi trace`},
		{"a.txt", "1\n2\n2\n", `a.txt: a Mahimahi trace by its content, whose name must end in .up or .down`},
		{"p.log", answer + "[1795600001.0] 64 bytes from 192.0.2.1: icmp_seq=x ttl=57 time=48.2 ms\n", `p.log:2: found "64 bytes from 192.0.2.1: icmp_seq=x ttl=57 time=48.2 ms", want "64 bytes from ADDRESS`},
		{"p.log", answer + "[1795600001.0] 64 byt\n", `p.log:2: found "64 byt", want an answer`},
		{"p.log", answer + "\n64 bytes from 192.0.2.1: icmp_seq=2 ttl=57 time=48.2 ms\n", `p.log:3: an answer with a time among answers without`},
		{"p.log", answer + answer, `p.log:2: icmp_seq=1 was answered before`},
		{"p.log", answer + "[1795599000.0] 64 bytes from 192.0.2.1: icmp_seq=2 ttl=57 time=48.2 ms\n", `p.log:2: 16m40s earlier than the line before`},
		{"p.log", answer + "[1795600001.0] 64 bytes from 192.0.2.1: icmp_seq=70000 ttl=57 time=48.2 ms\n", `p.log:2: found icmp_seq=70000, want 0 to 65535`},
		{"p.log", answer + "[1795600001.0] 64 bytes from 192.0.2.1: icmp_seq=2 ttl=57 time=99999999 ms\n", `p.log:2: found time=99999999 ms, want a round-trip time`},
		{"p.log", "PING 192.0.2.1\nno answer yet for icmp_seq=1\n", `p.log:2: the log ends without an answer`},
		{"p.log", answer + strings.Repeat("x", longestLine+1), `p.log:2: a line of more than 16384 bytes`},
		{"t.up", "1\n2\nx\n", `t.up:3: found "x", want a whole number of milliseconds`},
		{"t.up", "1\n\n2\n", `t.up:2: found "", want a whole number`},
		{"t.up", "-1\n", `t.up:1: found "-1", want a whole number`},
		{"t.down", "5\n4\n", `t.down:2: found 4 ms after 5 ms, want times that do not decrease`},
		{"t.down", "0\n0\n", `t.down:2: the trace ends at 0 ms`},
		{"t.down", "99999999999\n", `t.down:1: found 99999999999 ms, want at most`},
		{"c.log", "+CSQ: 20,99\n", `c.log:1: a signal quality without a time`},
		{"c.log", csq + "2026-11-20 10:00:01 +CSQ: 20\n", `c.log:2: found "2026-11-20 10:00:01 +CSQ: 20", want "+CSQ: N,N"`},
		{"c.log", csq + "2026-11-20 10:00:01 +CSQ: 45,99\n", `c.log:2: found a signal quality of 45, want 0 to 31`},
		{"c.log", csq + "2026-11-20 10:00:01 +CESQ: 99,99,255,255,20,98\n", `c.log:2: found an RSRP of 98, want 0 to 97`},
		{"c.log", csq + "2026-11-20 10:00:01 +CESQ: 99,99\n", `c.log:2: found "2026-11-20 10:00:01 +CESQ: 99,99", want`},
		{"c.log", csq + "2026-13-20 10:00:01 +CSQ: 20,99\n", `c.log:2: found "2026-13-20 10:00:01", want a date and a time`},
		{"c.log", csq + "1795600000 +CSQ: 20,99\n", `c.log:2: found "1795600000" (seconds since 1970), want a date and a time as in the lines before`},
		{"c.log", csq + "2026-11-20 09:00:00 +CSQ: 20,99\n", `c.log:2: 1h0m0s earlier than a line before`},
		{"c.log", "2026-11-20 10:00:00 +CSQ: 99,99\n", `c.log:1: the log ends without a known signal quality`},
		{"x.pcap", pcap[:20], `x.pcap: a file header of less than 24 bytes`},
		{"x.pcap", patched(pcap, 20, 105), `x.pcap: found link type 105, want Ethernet (1)`},
		{"x.pcap", patched(pcap, 24+8, 0, 0, 0, 1), `x.pcap: packet 1: found a length of 16777216 bytes, want at most 262144`},
		{"x.pcap", pcap[:24], `x.pcap: no TCP handshake in it`},
		{"x.pcapng", patched(ng, 8, 1, 2, 3, 4), `x.pcapng: packet 1: found the byte order 0x01020304, want 0x1a2b3c4d`},
		{"x.pcapng", patched(ng, 32, 13), `x.pcapng: packet 1: found a block of`},
		{"x.pcapng", patched(ng, 28+4, 7), `x.pcapng: packet 1: found a block of 7 bytes, want a multiple of 4 from 12`},
		{"x.pcapng", strings.Replace(ng, "\x06\x00\x00\x00\x68\x00\x00\x00\x00", "\x06\x00\x00\x00\x68\x00\x00\x00\x05", 1), `x.pcapng: packet 1: found interface 5, of which the section has no description`},
	} {
		_, err := Read(c.name, strings.NewReader(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s %.80q:\n%v\nnot\n%s", c.name, c.text, err, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	short := Profile(read(t, "short.log", pings{link: moving, n: 150, spacing: 200 * time.Millisecond}.log()))
	if w := strings.Join(short.Warnings, "\n"); !strings.Contains(w, "answers, fewer than 200") || !strings.Contains(w, "30s long, shorter than 10 inactivity periods") {
		t.Errorf("warnings:\n%s", w)
	}
	long := Profile(read(t, "long.log", pings{link: moving, n: 1000, spacing: 200 * time.Millisecond}.log()))
	if w := strings.Join(long.Warnings, "\n"); strings.Contains(w, "fewer than 200") || strings.Contains(w, "inactivity") {
		t.Errorf("warnings:\n%s", w)
	}
	slow := Profile(read(t, "slow.log", pings{link: moving, n: 300, spacing: 30 * time.Second}.log()))
	if w := strings.Join(slow.Warnings, "\n"); !strings.Contains(w, "30s apart may each find the radio idle") {
		t.Errorf("warnings:\n%s", w)
	}
}

func TestTextAndNotes(t *testing.T) {
	f := Profile(
		read(t, "some/where/walk.log", pings{link: moving, n: 1800, spacing: 200 * time.Millisecond}.log()),
		read(t, "walk.up", saturate(netem.Rate{Up: 1200, Sigma: 0.35, CorrS: 5}, 5*time.Minute, nil)),
	)
	var b bytes.Buffer
	if err := Text(&b, f); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &b)
	for _, want := range []string{
		"walk.log: ping, 2026-11-20, 6m0s long, ", "walk.up: Mahimahi, date unknown, 5m0s long, 300 seconds",
		"key", "rtt_floor.min", "jitter_sd", "M ping", "rate_kbps.up", "A ping", "! Mahimahi: no trace of the direction down",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in it", want)
		}
	}
	notes := f.Notes()
	for key, want := range map[string]string{
		"rtt_floor": "M ping, 2026-11-20, n = ", "jitter_sd": ", KS 0.0", "ge": "; loss_bad A", "rate_kbps": "M Mahimahi, date unknown, n = 300, KS 0.", "stall": "M Mahimahi",
	} {
		if !strings.Contains(notes[key], want) {
			t.Errorf("%s: %q, not %q", key, notes[key], want)
		}
	}
}

// FuzzRead: whatever a file holds, reading it ends, an error names the file,
// and what is read makes a profile of numbers.
func FuzzRead(f *testing.F) {
	for name, text := range map[string]string{
		"p.log":   pings{link: moving, n: 30, spacing: 200 * time.Millisecond, outstanding: true}.log(),
		"t.up":    "0\n5\n5\n1300\n2600\n",
		"c.log":   "2026-11-20 10:00:00 +CSQ: 20,99\n2026-11-20 10:00:01 +CESQ: 99,99,255,255,20,46\n",
		"d.log":   "10:00:00 +CSQ: 20,99\nI (12) +CSQ: 3,99\n",
		"x.pcap":  small(plainPcap),
		"y.pcap":  small(format{binary.BigEndian, time.Nanosecond, 276, false}),
		"z.pcap":  small(plainNG),
		"b.pcap":  small(format{binary.BigEndian, time.Nanosecond, 101, true}),
		"odd.log": "PING x\n64 bytes from x: icmp_seq=1 ttl=57 time=0 ms\n64 bytes from x: icmp_seq=40 ttl=57 time=9999999 ms\n",
	} {
		f.Add(name, []byte(text))
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		m, err := Read(name, bytes.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), name+":") {
				t.Errorf("%q does not name %q", err, name)
			}
			return
		}
		fitted := Profile(m)
		if bad := notNumbers(reflect.ValueOf(fitted.Profile)); bad != "" {
			t.Errorf("%s of %+v", bad, fitted.Profile)
		}
		if ge := fitted.Profile.GE; ge.P > 0 && (ge.R <= 0 || ge.P+ge.R >= 1) {
			t.Errorf("no chain: %+v", ge)
		}
		if err := Text(&bytes.Buffer{}, fitted); err != nil {
			t.Error(err)
		}
		fitted.Notes()
	})
}

// notNumbers finds a number in a profile that is none, or negative.
func notNumbers(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if bad := notNumbers(v.Field(i)); bad != "" {
				return v.Type().Field(i).Name + " " + bad
			}
		}
	case reflect.Float64:
		if x := v.Float(); math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
			return "is not a number of a profile"
		}
	}
	return ""
}
