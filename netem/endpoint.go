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

// timer says what the retransmission timer is set for.
type timer uint8

const (
	timerRTO     timer = iota
	timerProbe         // tail loss probe
	timerReorder       // what may be lost or late
)

// endpoint is one end's TCP. Sequence numbers count bytes from 0; a FIN is
// one more.
type endpoint struct {
	stack Stack
	state state
	mss   int           // payload bytes in a full segment
	tick0 time.Duration // phase of the stack's slow timer, of Linux's wheel

	// Sending.
	end, nxt, una int64 // written, sent, acknowledged
	finAt         int64 // sequence number of the FIN, −1: none
	peerEdge      int64 // right edge of the peer's window
	peerSeq       int64 // of the segment that said so
	sent          []sentSegment
	blocked       bool // a Write was cut short
	segments      uint64
	synRepeats    int // SYNs or SYN-ACKs after the first, whatever asked for them
	synTimeouts   int // of those, the ones that the timer sent
	synAt         time.Duration
	firstSYN      time.Duration
	lastSent      time.Duration // when data was last sent
	congestion
	recovery

	// Timers.
	roundTrip
	timeouts  int // of the oldest segment
	backoff   int // of the window probes
	probes    int // window probes since the peer was last heard
	timer     timer
	rtoAt     time.Duration
	persistAt time.Duration
	ackAt     time.Duration

	// Receiving.
	rcvNxt, read int64
	offered      int64 // right edge last told to the peer
	finSeq       int64 // sequence number of the peer's FIN, −1: not seen
	stray        []span
	newest       span // the stray that came last
	deaf         bool // closed for reading
	acking
}

type span struct{ from, to int64 }

func newEndpoint(s Stack, path Key) endpoint {
	e := endpoint{
		stack: s, finAt: -1, finSeq: -1, rtoAt: never, persistAt: never, ackAt: never,
	}
	e.rto, e.minRTT, e.timedAt = max(s.MinRTO, time.Second), never, never
	e.undoFrom, e.probeTo = -1, -1
	switch {
	case s.ticking():
		e.tick0 = path.Of(drawTick).Within(s.Tick)
		e.sv = int(e.rto / s.Tick)
	case s.Jiffy > 0:
		// Two such ends share a clock, as two ends on one machine do.
		e.tick0 = path.Of(drawTick, 1).Within(wheelPeriod * s.Jiffy)
	}
	return e
}

func (e *endpoint) due() time.Duration { return min(e.rtoAt, e.persistAt, e.ackAt) }

func (e *endpoint) stop() { e.rtoAt, e.persistAt, e.ackAt = never, never, never }

// room is what the send buffer still takes.
func (e *endpoint) room() int { return max(0, e.stack.SendBuffer-int(e.end-e.una)) }

// edge is the right edge of the receive window now. Linux keeps back a
// segment, so that what is about to be read does not move it (net/ipv4/
// tcp_output.c, __tcp_select_window).
func (e *endpoint) edge() int64 {
	edge := e.read + int64(e.stack.Window)
	if !e.stack.ticking() {
		edge -= max(0, int64(e.mss)-(e.rcvNxt-e.read))
	}
	return edge
}

// offer is the right edge to tell the peer. lwIP moves it by a segment at least
// (esp-lwip tcp.c, tcp_update_rcv_ann_wnd).
func (e *endpoint) offer() int64 {
	edge := e.edge()
	if e.stack.ticking() && edge < e.offered+int64(min(e.stack.Window/2, e.mss)) {
		return e.offered
	}
	return max(e.offered, edge)
}

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

// nextTick is the first tick after t of a timer of this period.
func (e *endpoint) nextTick(t, period time.Duration) time.Duration {
	phase := e.tick0
	if phase >= period {
		phase %= period
	}
	return phase + (t-phase+period)/period*period
}

// after is when a time-out of d that starts now strikes. A ticking stack
// counts ticks, the first of which may come at once, so that lwIP's 1.5 s is
// over after 1.0 to 1.5 s (esp-lwip tcp.c, tcp_slowtmr).
func (e *endpoint) after(now, d time.Duration) time.Duration {
	switch {
	case e.stack.Tick > 0:
		return e.nextTick(now, e.stack.Tick) + (d-1)/e.stack.Tick*e.stack.Tick
	case e.stack.Jiffy > 0:
		return e.wheel(now, d)
	}
	return now + d
}

// wheelPeriod is the coarsest step of the timer wheel that matters here, in
// jiffies: that of time-outs from 16 s on at HZ = 250.
const wheelPeriod = 512

// wheel is when Linux's timer wheel runs a timer of d. It rounds up, the more
// the later: to a jiffy, below 63 jiffies; to eight, below 63 × 8, and so on
// (kernel/time/timer.c, calc_index).
func (e *endpoint) wheel(now, d time.Duration) time.Duration {
	j := e.stack.Jiffy
	n := (d + j - 1) / j
	shift := 0
	for shift < 9 && n >= 63<<shift {
		shift += 3
	}
	expires := (now-e.tick0+wheelPeriod*j)/j - wheelPeriod + n // rounds down before tick0, too
	return e.tick0 + (expires>>shift+1)<<shift*j
}

// set starts the retransmission timer for one purpose.
func (e *endpoint) set(now time.Duration, t timer, d time.Duration) {
	e.timer, e.rtoAt = t, e.after(now, d)
}

// synTimeout is when a SYN sent now is repeated.
func (e *endpoint) synTimeout(now time.Duration, side Side) time.Duration {
	rto, doubled := e.stack.SynRTO, e.synTimeouts
	if side == DeviceSide {
		doubled = max(0, doubled-e.stack.SynLinear)
	}
	if e.stack.SynBackoff {
		rto <<= min(doubled, 16)
	}
	return e.after(now, rto)
}

// lastRepeat cuts the wait after the last repeat short: a ticking stack finds
// at its next tick that there are no more (esp-lwip tcp.c, tcp_slowtmr).
func (e *endpoint) lastRepeat(now time.Duration, last bool) {
	if last && e.stack.ticking() {
		e.rtoAt = e.nextTick(now, e.stack.Tick)
	}
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

// stash keeps a stretch that came ahead of its time, in order. Where the
// stack's queue is full, what lies furthest ahead is dropped (esp-lwip
// tcp_in.c, TCP_OOSEQ_MAX_PBUFS).
func (e *endpoint) stash(s span) {
	i := 0
	for i < len(e.stray) && e.stray[i].from < s.from {
		i++
	}
	e.newest = s
	if i < len(e.stray) && e.stray[i] == s {
		e.repeated = s
		return
	}
	e.stray = append(e.stray[:i], append([]span{s}, e.stray[i:]...)...)
	if most := e.stack.OutOfOrder; most > 0 && len(e.stray) > most {
		e.stray = e.stray[:most]
	}
}
