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
	synRepeats    int // SYNs or SYN-ACKs after the first, whatever asked for them
	synTimeouts   int // of those, the ones that the timer sent
	synAt         time.Duration

	// Timers.
	rto          time.Duration
	srtt, rttvar time.Duration
	sa, sv       int // the same in ticks: 8 × mean, 4 × deviation
	backoff      int
	probes       int // window probes since the peer was last heard
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
	if s.ticking() {
		e.sv = int(e.rto / s.Tick)
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

// nextTick is the first tick after t of a timer of this period.
func (e *endpoint) nextTick(t, period time.Duration) time.Duration {
	phase := e.tick0 % period
	return phase + (t-phase+period)/period*period
}

// after is when a time-out of d that starts now strikes. A ticking stack
// counts ticks, the first of which may come at once, so that lwIP's 1.5 s is
// over after 1.0 to 1.5 s (esp-lwip tcp.c, tcp_slowtmr).
func (e *endpoint) after(now, d time.Duration) time.Duration {
	k := e.stack.Tick
	if k == 0 {
		return now + d
	}
	return e.nextTick(now, k) + (d-1)/k*k
}

// synTimeout is when a SYN sent now is repeated.
func (e *endpoint) synTimeout(now time.Duration) time.Duration {
	rto := e.stack.SynRTO
	if e.stack.SynBackoff {
		rto <<= min(e.synTimeouts, 16)
	}
	return e.after(now, rto)
}

// ackTimeout is when an acknowledgement held back now leaves. A ticking stack
// sends all of them on its fast timer (esp-lwip tcp.c, tcp_fasttmr).
func (e *endpoint) ackTimeout(now time.Duration) time.Duration {
	if e.stack.ticking() {
		return e.nextTick(now, e.stack.DelayedACK)
	}
	return now + e.stack.DelayedACK
}

// armRTO starts the retransmission timer for what is outstanding.
func (e *endpoint) armRTO(now time.Duration) {
	if len(e.sent) == 0 {
		e.rtoAt = never
		return
	}
	e.rtoAt = e.after(now, e.timeout())
}

// lastRepeat cuts the wait after the last repeat short: a ticking stack finds
// at its next tick that there are no more (esp-lwip tcp.c, tcp_slowtmr).
func (e *endpoint) lastRepeat(now time.Duration, last bool) {
	if last && e.stack.ticking() {
		e.rtoAt = e.nextTick(now, e.stack.Tick)
	}
}

func (e *endpoint) timeout() time.Duration {
	return min(e.rto<<min(e.backoff, 16), e.stack.MaxRTO)
}

// sample takes the round-trip time of what was sent at sent and acknowledged
// at now (RFC 6298, section 2).
func (e *endpoint) sample(sent, now time.Duration) {
	rtt := now - sent
	switch {
	case e.stack.ticking():
		k := e.stack.Tick
		e.sampleTicks(int((e.nextTick(now, k) - e.nextTick(sent, k)) / k))
	case e.srtt == 0:
		e.srtt, e.rttvar = rtt, rtt/2
		e.rto = e.srtt + max(4*e.rttvar, e.stack.RTOSlack)
	default:
		e.rttvar += ((e.srtt - rtt).Abs() - e.rttvar) / 4
		e.srtt += (rtt - e.srtt) / 8
		e.rto = e.srtt + max(4*e.rttvar, e.stack.RTOSlack)
	}
	e.rto = min(max(e.rto, e.stack.MinRTO), e.stack.MaxRTO)
}

// sampleTicks is the estimate in whole ticks, as lwIP makes it (esp-lwip
// tcp_in.c, tcp_receive, after Van Jacobson 1988). Truncation leaves a
// deviation of three ticks standing: a time-out of 1.5 s on a quick path, of
// 2.0 s after a round trip that a tick fell into.
func (e *endpoint) sampleTicks(m int) {
	m -= e.sa >> 3
	e.sa += m
	e.sv += max(m, -m) - e.sv>>2
	e.rto = time.Duration(e.sa>>3+e.sv) * e.stack.Tick
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
