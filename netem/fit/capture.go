package fit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"xzfleet/netem"
)

// capture is what the TCP connections of a capture told.
type capture struct {
	flows map[flowKey]*flow

	handshakes     []handshake
	syns, answered int // sent, and those that were answered
	data           [2]counted
}

// counted are the data segments of one direction.
type counted struct{ segments, again int }

// handshake is one without a repeat.
type handshake struct {
	device netip.Addr
	rtt    time.Duration
	atEnd  netem.Side // which end the capture was nearer to
}

// flowKey is a connection, by the end that opened it.
type flowKey struct{ device, server netip.AddrPort }

// flow is a connection under way.
type flow struct {
	isn, serverISN           uint32
	syns, synAcks            int
	firstSYN, synAck, latest time.Duration // latest SYN
	acked                    bool
	streams                  [2]stream
}

// stream is one direction of data.
type stream struct {
	begun   bool
	next    uint32        // highest sequence number seen, plus one
	highest time.Duration // when it was
}

const (
	// maxFlows bounds a capture: connections.
	maxFlows = 1 << 20
	// reordered is how late a segment may come behind one that was sent after
	// it: less than any repeat takes. Wireshark counts with 3 ms as well
	// (tcp.analysis.out_of_order).
	reordered = 3 * time.Millisecond
	// undecided is how long before a capture's end a SYN must have been sent
	// to count as lost.
	undecided = 3 * time.Second
)

// readCapture reads the TCP connections that begin in a capture.
func (m *Measurement) readCapture(in *bufio.Reader) error {
	file, err := openCapture(in)
	if err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	m.capture.flows = map[flowKey]*flow{}
	var first, last time.Duration
	for n := 1; ; n++ {
		f, err := file.next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, errCut) {
			m.warn("cut off in packet %d; what came before counts", n)
			break
		}
		if err != nil {
			return fmt.Errorf("%s: packet %d: %w", m.Name, n, err)
		}
		if m.Date.IsZero() {
			first, m.Date = f.at, time.Unix(0, 0).Add(f.at).UTC()
		}
		last = max(last, f.at)
		s, ok := parseSegment(f)
		if !ok || !m.capture.take(f.at, s) {
			m.Over++
		}
		if len(m.capture.flows) > maxFlows || len(m.capture.handshakes) > maxFlows {
			return fmt.Errorf("%s: packet %d: more than %d connections; cut the capture into several", m.Name, n, maxFlows)
		}
	}
	m.Span = max(last-first, 0)
	m.capture.finish(last)
	m.N = len(m.capture.handshakes)
	if m.N == 0 {
		return fmt.Errorf("%s: no TCP handshake in it that was seen whole (SYN, SYN-ACK, ACK) and without a repeat", m.Name)
	}
	return nil
}

// take takes in a segment; false: of a connection whose beginning was not
// seen.
func (c *capture) take(at time.Duration, s segment) bool {
	side, key := netem.DeviceSide, flowKey{s.from, s.to}
	f := c.flows[key]
	if s.flags&(flagSYN|flagACK) == flagSYN {
		if f == nil || f.isn != s.seq {
			c.count(f)
			f = &flow{isn: s.seq, firstSYN: at}
			c.flows[key] = f
		}
		f.syns, f.latest = f.syns+1, at
		return true
	}
	if f == nil {
		side = netem.ServerSide
		if f = c.flows[flowKey{s.to, s.from}]; f == nil {
			return false
		}
	}
	switch {
	case s.flags&flagSYN != 0:
		if f.synAcks == 0 {
			f.synAck, f.serverISN = at, s.seq
		}
		f.synAcks++
	case s.flags&flagRST != 0 && side == netem.ServerSide && f.synAcks == 0:
		f.synAcks = f.syns // refused is answered too
		f.acked = true
	case side == netem.DeviceSide && !f.acked && f.synAcks > 0 && s.ack == f.serverISN+1:
		f.acked = true
		c.complete(at, f, s.from.Addr())
	}
	if s.payload > 0 {
		f.streams[side].take(at, s, &c.data[side])
	}
	return true
}

// complete notes a handshake's round trip. From SYN to SYN-ACK is the way to
// the server and back as seen from here, from SYN-ACK to ACK the way to the
// device: together they are the whole, wherever the capture was made. A repeat
// makes it ambiguous (Karn).
func (c *capture) complete(at time.Duration, f *flow, device netip.Addr) {
	there, here := f.synAck-f.firstSYN, at-f.synAck
	if f.syns != 1 || f.synAcks != 1 || there < 0 || here < 0 {
		return
	}
	h := handshake{device: device, rtt: there + here, atEnd: netem.DeviceSide}
	if here > there {
		h.atEnd = netem.ServerSide
	}
	c.handshakes = append(c.handshakes, h)
}

// take counts a data segment. One that begins before what was seen already is
// a repeat, whether the first one was lost before it came here or behind; but
// a keep-alive is none (RFC 9293 section 3.8.4).
func (s *stream) take(at time.Duration, seg segment, n *counted) {
	end := seg.seq + uint32(seg.payload)
	switch {
	case !s.begun || int32(seg.seq-s.next) >= 0:
		n.segments++
		s.begun, s.next, s.highest = true, end, at
		return
	case seg.payload == 1 && seg.seq == s.next-1:
		return
	}
	n.segments++
	if at-s.highest > reordered {
		n.again++
	}
	if int32(end-s.next) > 0 {
		s.next, s.highest = end, at
	}
}

// count takes what became of a connection's SYNs.
func (c *capture) count(f *flow) {
	if f == nil {
		return
	}
	c.syns += f.syns
	c.answered += min(f.syns, f.synAcks)
}

// finish counts the connections that are still there.
func (c *capture) finish(end time.Duration) {
	for _, f := range c.flows {
		if f.synAcks == 0 && f.latest > end-undecided {
			f.syns--
		}
		c.count(f)
	}
	c.flows = nil
}
