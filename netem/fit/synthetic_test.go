package fit

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"xzfleet/netem"
)

// began is when the synthetic measurements were made.
var began = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// read reads a synthetic file.
func read(t *testing.T, name, text string) Measurement {
	t.Helper()
	m, err := Read(name, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// value is that of a key or a name.
func (f Fit) value(t *testing.T, name string) Value {
	t.Helper()
	for _, v := range f.Values {
		if v.Key+v.Name == name {
			return v
		}
	}
	t.Fatalf("no %q in %+v", name, f.Values)
	return Value{}
}

// near holds a number against what it should be, within a share of it.
func near(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	t.Logf("%s: %.5g, expected %.5g (%+.1f %%)", what, got, want, 100*(got/want-1))
	if !(math.Abs(got-want) <= share*math.Abs(want)) {
		t.Errorf("%s: %.5g is more than %.0f %% from %.5g", what, got, 100*share, want)
	}
}

// holds checks that an interval holds the truth.
func holds(t *testing.T, v Value, want float64) {
	t.Helper()
	t.Logf("%s%s: %v (%v to %v), expected %.5g", v.Key, v.Name, v.Value, v.Low, v.High, want)
	if !(v.Low <= want && want <= v.High) {
		t.Errorf("%s%s: %v to %v does not hold %.5g", v.Key, v.Name, v.Low, v.High, want)
	}
}

// span is a time from, to.
type span struct{ from, to time.Duration }

func inside(spans []span, t time.Duration) (span, bool) {
	i := slices.IndexFunc(spans, func(s span) bool { return t >= s.from && t < s.to })
	if i < 0 {
		return span{}, false
	}
	return spans[i], true
}

// spans makes n of them, with a length that draws give, every so often.
func spans(n int, every time.Duration, length func(netem.Key) time.Duration) []span {
	var all []span
	for i := range uint64(n) {
		key := netem.Seed(99).Of(i)
		from := time.Duration(i)*every + every/4 + key.Of(1).Within(every/4)
		all = append(all, span{from, from + length(key.Of(2))})
	}
	return all
}

// pings is a run of ping over an emulated link, with stalls and outages as
// planned.
type pings struct {
	link            netem.Profile
	seed            uint64
	n               int
	spacing         time.Duration
	stalls, outages []span
	unstamped       bool
	outstanding     bool // -O
}

// log is what ping -D prints of it.
func (p pings) log() string {
	path := netem.NewPath(p.link, netem.Seed(p.seed))
	var b strings.Builder
	b.WriteString("PING voice.test (192.0.2.1) 56(84) bytes of data.\n")
	before := time.Duration(0)
	stamp := func(at time.Duration) string {
		if p.unstamped {
			return ""
		}
		at = at.Truncate(time.Microsecond)
		return fmt.Sprintf("[%d.%06d] ", began.Add(at).Unix(), at%time.Second/time.Microsecond)
	}
	for i := range uint64(p.n) {
		sent := time.Duration(i) * p.spacing
		up, fate := path.Up.Send(sent, 84, netem.Seed(p.seed+1).Of(i, 0))
		arrival := up
		if fate == netem.Delivered {
			arrival, fate = path.Down.Send(up, 84, netem.Seed(p.seed+1).Of(i, 1))
		}
		if s, in := inside(p.stalls, sent); in {
			arrival += s.to - sent
		}
		if _, in := inside(p.outages, sent); in || fate != netem.Delivered {
			if p.outstanding {
				fmt.Fprintf(&b, "%sno answer yet for icmp_seq=%d\n", stamp(max(before, sent+p.spacing)), (i+1)%65536)
			}
			continue
		}
		before = max(before, arrival)
		fmt.Fprintf(&b, "%s64 bytes from 192.0.2.1: icmp_seq=%d ttl=57 time=%s ms\n", stamp(before), (i+1)%65536, printed(before-sent))
	}
	b.WriteString("\n--- voice.test ping statistics ---\n9 packets transmitted, 9 received, 0% packet loss, time 9ms\nrtt min/avg/max/mdev = 1.0/2.0/3.0/0.5 ms\n")
	return b.String()
}

// printed is a time as iputils prints it: three digits, ping_common.c.
func printed(d time.Duration) string {
	ms := milliseconds(d)
	switch {
	case ms >= 99.95:
		return fmt.Sprintf("%.0f", ms)
	case ms >= 9.995:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.2f", ms)
}

// saturate is the trace that a sender who never stops records on an emulated
// link: a line for each 1500 bytes that arrive. In stalls nothing does.
func saturate(rate netem.Rate, length time.Duration, stalls []span) string {
	up := netem.NewPath(netem.Profile{Rate: rate}, netem.Seed(21)).Up
	var b strings.Builder
	for now := time.Duration(0); now < length; {
		at, _ := up.Send(now, 1500, 0)
		if s, in := inside(stalls, at); in {
			at = s.to
		}
		fmt.Fprintln(&b, at.Milliseconds())
		now = at
	}
	return b.String()
}

// packets builds a capture.
type packets struct {
	list []packet
}

type packet struct {
	at       time.Duration
	from, to netip.AddrPort
	flags    byte
	seq, ack uint32
	payload  int
}

func (p *packets) add(at time.Duration, from, to netip.AddrPort, flags byte, seq, ack uint32, payload int) {
	p.list = append(p.list, packet{at, from, to, flags, seq, ack, payload})
}

// handshake opens a connection from a device; at its end or at the server's
// the capture is made.
func (p *packets) handshake(at, rtt time.Duration, device, server netip.AddrPort, end netem.Side) time.Duration {
	there, here := rtt-20*time.Microsecond, 20*time.Microsecond
	if end == netem.ServerSide {
		there, here = here, there
	}
	p.add(at, device, server, flagSYN, 100, 0, 0)
	p.add(at+there, server, device, flagSYN|flagACK, 900, 101, 0)
	p.add(at+rtt, device, server, flagACK, 101, 901, 0)
	return at + there + here
}

func (p *packets) sorted() []packet {
	slices.SortStableFunc(p.list, func(a, b packet) int { return cmp.Compare(a.at, b.at) })
	return p.list
}

// ip is a packet at IP level, TCP with 12 bytes of options.
func (p packet) ip() []byte {
	tcp := make([]byte, 32+p.payload)
	binary.BigEndian.PutUint16(tcp, p.from.Port())
	binary.BigEndian.PutUint16(tcp[2:], p.to.Port())
	binary.BigEndian.PutUint32(tcp[4:], p.seq)
	binary.BigEndian.PutUint32(tcp[8:], p.ack)
	tcp[12], tcp[13] = 8<<4, p.flags
	if p.from.Addr().Is4() {
		head := make([]byte, 20)
		head[0], head[8], head[9] = 0x45, 60, protocolTCP
		binary.BigEndian.PutUint16(head[2:], uint16(20+len(tcp)))
		copy(head[12:], p.from.Addr().AsSlice())
		copy(head[16:], p.to.Addr().AsSlice())
		return append(head, tcp...)
	}
	head := make([]byte, 48) // with a hop-by-hop header
	head[0], head[6], head[40] = 0x60, 0, protocolTCP
	binary.BigEndian.PutUint16(head[4:], uint16(8+len(tcp)))
	copy(head[8:], p.from.Addr().AsSlice())
	copy(head[24:], p.to.Addr().AsSlice())
	return append(head, tcp...)
}

// framed puts the header of a link type in front.
func framed(link uint32, p packet) []byte {
	kind := []byte{0x08, 0x00}
	if p.from.Addr().Is6() {
		kind = []byte{0x86, 0xdd}
	}
	switch link {
	case 1:
		return slices.Concat(make([]byte, 12), []byte{0x81, 0, 0, 5}, kind, p.ip()) // in a VLAN
	case 113:
		return slices.Concat(make([]byte, 14), kind, p.ip())
	case 276:
		return slices.Concat(kind, make([]byte, 18), p.ip())
	}
	return p.ip()
}

// format is how a capture is written.
type format struct {
	order binary.ByteOrder
	unit  time.Duration
	link  uint32
	ng    bool
}

// appender is what binary.LittleEndian and BigEndian can do as well.
type appender interface {
	AppendUint16([]byte, uint16) []byte
	AppendUint32([]byte, uint32) []byte
}

func (f format) file(list []packet) string {
	o := f.order.(appender)
	u32 := func(b []byte, v ...uint32) []byte {
		for _, v := range v {
			b = o.AppendUint32(b, v)
		}
		return b
	}
	block := func(kind uint32, body []byte) []byte {
		body = append(body, make([]byte, (4-len(body)%4)%4)...)
		n := uint32(12 + len(body))
		return u32(append(u32(nil, kind, n), body...), n)
	}
	var b bytes.Buffer
	if f.ng {
		b.Write(block(ngSection, u32(nil, ngByteOrder, 1, 0xffffffff, 0xffffffff)))
		about := u32(o.AppendUint16(o.AppendUint16(nil, uint16(f.link)), 0), 65535)
		about = append(o.AppendUint16(o.AppendUint16(about, optionResolution), 1), byte(math.Round(-math.Log10(f.unit.Seconds()))), 0, 0, 0)
		b.Write(block(ngInterface, about))
		b.Write(block(5, make([]byte, 12))) // statistics, passed over
	} else {
		magic := uint32(0xa1b2c3d4)
		if f.unit == time.Nanosecond {
			magic = 0xa1b23c4d
		}
		b.Write(u32(nil, magic, 2, 0, 0, 65535, f.link))
	}
	for _, p := range list {
		data, at := framed(f.link, p), began.Add(p.at)
		n := uint32(len(data))
		if f.ng {
			count := uint64(at.UnixNano()) / uint64(f.unit)
			b.Write(block(ngPacket, append(u32(nil, 0, uint32(count>>32), uint32(count), n, n), data...)))
			continue
		}
		b.Write(u32(nil, uint32(at.Unix()), uint32(at.Nanosecond())/uint32(f.unit), n, n))
		b.Write(data)
	}
	return b.String()
}
