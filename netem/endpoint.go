package netem

import (
	"math"
	"time"
)

type state uint8

const (
	closed state = iota
	synSent
	synReceived
	established
	gone
)

const never = time.Duration(math.MaxInt64)

// endpoint is one end's TCP. Sequence numbers count bytes from 0; a FIN is
// one more.
type endpoint struct {
	stack Stack
	state state
	tick0 time.Duration // phase of the stack's slow timer

	// Sending.
	end, nxt, una int64 // written, sent, acknowledged
	finAt         int64 // sequence number of the FIN, −1: none
	peerEdge      int64 // right edge of the peer's window
	sent          []sentSegment
	cwnd          float64 // bytes
	ssthresh      float64
	dupAcks       int
	recover       int64 // fast recovery until this is acknowledged, 0: not in it
	blocked       bool  // a Write was cut short
	segments      uint64
	synRepeats    int
	synAt         time.Duration

	// Timers.
	rto          time.Duration
	srtt, rttvar time.Duration
	backoff      int
	rtoAt        time.Duration
	persistAt    time.Duration
	ackAt        time.Duration

	// Receiving.
	rcvNxt, read int64
	offered      int64 // right edge last told to the peer
	finSeq       int64 // sequence number of the peer's FIN, −1: not seen
	stray        []span
	unacked      int
	acks         uint64
	deaf         bool // closed for reading
}

type span struct{ from, to int64 }

// sentSegment is a segment not yet acknowledged; it is repeated as it was cut.
type sentSegment struct {
	seq     int64
	size    int
	fin     bool
	phase   uint64
	index   uint64
	repeats uint64
	at      time.Duration
}

func (s sentSegment) end() int64 {
	if s.fin {
		return s.seq + int64(s.size) + 1
	}
	return s.seq + int64(s.size)
}

func newEndpoint(s Stack, tick time.Duration) endpoint {
	e := endpoint{
		stack: s, tick0: tick, finAt: -1, finSeq: -1,
		rto: max(s.MinRTO, time.Second), rtoAt: never, persistAt: never, ackAt: never,
		cwnd: math.Inf(1), ssthresh: math.Inf(1),
	}
	if s.InitCwnd > 0 {
		e.cwnd = float64(s.InitCwnd * s.MSS)
	}
	return e
}

func (e *endpoint) due() time.Duration { return min(e.rtoAt, e.persistAt, e.ackAt) }

func (e *endpoint) stop() { e.rtoAt, e.persistAt, e.ackAt = never, never, never }

// room is what the send buffer still takes.
func (e *endpoint) room() int { return max(0, e.stack.SendBuffer-int(e.end-e.una)) }

// edge is the right edge of the receive window now.
func (e *endpoint) edge() int64 { return e.read + int64(e.stack.Window) }

// finRead is 1 once the peer's FIN is in sequence: it is no byte to read.
func (e *endpoint) finRead() int64 {
	if e.finSeq >= 0 && e.rcvNxt > e.finSeq {
		return 1
	}
	return 0
}

// finished reports whether both directions of this end are done.
func (e *endpoint) finished() bool {
	return e.finAt >= 0 && e.una > e.finAt && e.finRead() == 1
}

// over reports whether this end will do nothing more of its own accord.
func (e *endpoint) over() bool {
	return e.state == gone || e.state == closed || e.finished()
}

// usable is how many bytes windows allow beyond what was sent.
func (e *endpoint) usable() int64 {
	w := e.peerEdge
	if c := e.una + int64(min(e.cwnd, 1<<40)); c < w {
		w = c
	}
	return w - e.nxt
}

// tickUp is the first tick of the stack's slow timer at or after t.
func (e *endpoint) tickUp(t time.Duration) time.Duration {
	k := e.stack.Tick
	if k == 0 {
		return t
	}
	n := (t - e.tick0 + k - 1) / k
	return e.tick0 + n*k
}

// synTimeout is when a SYN sent now is repeated. A ticking stack counts
// ticks, the first of which may come at once.
func (e *endpoint) synTimeout(now time.Duration) time.Duration {
	if e.stack.ticking() {
		ticks := (e.stack.SynRTO + e.stack.Tick - 1) / e.stack.Tick
		return e.tickUp(now+1) + (ticks-1)*e.stack.Tick
	}
	rto := e.stack.SynRTO
	if e.stack.SynBackoff {
		rto <<= min(e.synRepeats, 16)
	}
	return now + rto
}

// armRTO starts the retransmission timer for what is outstanding.
func (e *endpoint) armRTO(now time.Duration) {
	if len(e.sent) == 0 {
		e.rtoAt = never
		return
	}
	e.rtoAt = e.tickUp(now + e.timeout())
}

func (e *endpoint) timeout() time.Duration {
	return min(e.rto<<min(e.backoff, 16), e.stack.MaxRTO)
}

// sample takes a round-trip time (RFC 6298, section 2).
func (e *endpoint) sample(rtt time.Duration) {
	if e.srtt == 0 {
		e.srtt, e.rttvar = rtt, rtt/2
	} else {
		e.rttvar += ((e.srtt - rtt).Abs() - e.rttvar) / 4
		e.srtt += (rtt - e.srtt) / 8
	}
	e.rto = min(max(e.srtt+max(4*e.rttvar, e.stack.RTOSlack), e.stack.MinRTO), e.stack.MaxRTO)
}

// accept takes a stretch of bytes and reports whether the sequence grew.
func (e *endpoint) accept(from, to int64) bool {
	if to <= e.rcvNxt {
		return false
	}
	if from > e.rcvNxt {
		e.stash(span{from, to})
		return false
	}
	e.rcvNxt = to
	for len(e.stray) > 0 && e.stray[0].from <= e.rcvNxt {
		e.rcvNxt = max(e.rcvNxt, e.stray[0].to)
		e.stray = e.stray[1:]
	}
	return true
}

// stash keeps a stretch that came ahead of its time, in order.
func (e *endpoint) stash(s span) {
	i := 0
	for i < len(e.stray) && e.stray[i].from < s.from {
		i++
	}
	if i < len(e.stray) && e.stray[i] == s {
		return
	}
	e.stray = append(e.stray[:i], append([]span{s}, e.stray[i:]...)...)
}
