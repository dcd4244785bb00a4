package netem

import (
	"slices"
	"time"
)

// acking is when an end acknowledges what it gets (net/ipv4/tcp_input.c,
// __tcp_ack_snd_check; net/ipv4/tcp_output.c, tcp_send_delayed_ack).
type acking struct {
	unacked   bool  // something waits to be acknowledged
	pushed    int8  // small segments among it: 0, 1, more
	acked     int64 // what the last packet acknowledged
	fullSize  int   // of the peer's segments, as far as seen
	quick     int   // segments still acknowledged at once
	bothWays  bool  // a conversation: its answers carry the ACKs (pingpong)
	patience  time.Duration
	heardAt   time.Duration // when data last came
	peerStamp time.Duration // the timestamp to echo
	repeated  span          // came twice, not yet told (RFC 2883); empty: none
	acks      uint64
}

// smallSegment is Linux's first guess at the peer's segment size
// (TCP_MSS_DEFAULT).
const smallSegment = 536

// growingSize is what the first segment must have to let the window grow, for
// which one more is acknowledged at once (net/ipv4/tcp_input.c,
// tcp_grow_window).
const growingSize = 128

// longestAck is how long Linux holds an ACK back at most (TCP_DELACK_MAX), or
// half a second where data streams one way.
const (
	longestAck     = 200 * time.Millisecond
	longestAckHalf = 500 * time.Millisecond
)

// acknowledge is Linux's answer to data in sequence: at once for more than one
// full segment, for what fills a gap (RFC 5681, 4.2), at the start of a
// connection and of a flight; else after a delay.
func (l *Law) acknowledge(now time.Duration, side Side, seg *segment, gap bool) {
	e := &l.ends[side]
	if seg.size > 0 {
		e.hear(now, seg)
	}
	e.unacked = true
	atOnce := gap || e.stack.DelayedACK == 0
	if seg.flags&flagFIN != 0 && e.finRead() == 1 {
		atOnce = atOnce || e.finAt >= 0
		e.bothWays = true // net/ipv4/tcp_input.c, tcp_fin
	}
	if atOnce || e.rcvNxt-e.acked > int64(max(e.fullSize, smallSegment)) || e.quick > 0 && !e.bothWays {
		l.sendACK(now, side)
		return
	}
	l.delayACK(now, side)
}

// hear is net/ipv4/tcp_input.c, tcp_event_data_recv.
func (e *endpoint) hear(now time.Duration, seg *segment) {
	switch {
	case seg.size < max(e.fullSize, smallSegment):
		e.pushed = min(e.pushed+1, 2)
	case seg.flags&flagPush != 0:
		e.pushed = max(e.pushed, 1)
	}
	e.fullSize = max(e.fullSize, seg.size)
	apart, least := now-e.heardAt, e.stack.DelayedACK
	switch {
	case e.patience == 0:
		e.quicken()
		if seg.size >= growingSize {
			e.quick |= 1
		}
		e.patience = least
	case apart <= least/2:
		e.patience = e.patience/2 + least/2
	case apart < e.patience:
		e.patience = min(e.patience/2+apart, e.rto)
	case apart > e.rto:
		e.quicken()
	}
	e.heardAt = now
}

// quicken makes the next ACKs leave at once.
func (e *endpoint) quicken() {
	n := max(e.stack.Window/(2*max(e.fullSize, smallSegment)), 2)
	e.quick = max(e.quick, min(n, e.stack.QuickACKs))
}

// delayACK holds the ACK back, but not beyond one that waits already.
func (l *Law) delayACK(now time.Duration, side Side) {
	e := &l.ends[side]
	wait := e.patience
	if least := e.stack.DelayedACK; wait > least {
		most := longestAckHalf
		if e.bothWays || e.pushed > 0 {
			most = longestAck
		}
		if e.sampled {
			most = min(most, max(e.srtt, least))
		}
		wait = min(wait, most)
	}
	wait = min(max(wait, e.stack.DelayedACK), longestAck-time.Millisecond)
	switch {
	case e.ackAt <= now+wait/4: // about to leave anyway
		l.sendACK(now, side)
	default:
		e.ackAt = min(e.ackAt, e.after(now, wait))
	}
}

// acknowledgeStray says at once what is missing and what came twice.
func (l *Law) acknowledgeStray(now time.Duration, side Side, s span) {
	e := &l.ends[side]
	e.unacked = true
	if s.to <= e.rcvNxt && !e.stack.ticking() {
		e.repeated = s
		e.quicken()
		e.bothWays, e.patience = false, e.stack.DelayedACK
	}
	l.sendACK(now, side)
}

// acknowledgeTicking is lwIP's answer: at once for every second segment and a
// FIN, else on its fast timer (esp-lwip tcp.c, tcp_fasttmr).
func (l *Law) acknowledgeTicking(now time.Duration, side Side, fin bool) {
	e := &l.ends[side]
	if fin || e.unacked || e.stack.DelayedACK == 0 {
		l.sendACK(now, side)
		return
	}
	e.unacked = true
	e.ackAt = e.nextTick(now, e.stack.DelayedACK)
}

// ackLate sends the ACK that was held back to the end.
func (l *Law) ackLate(now time.Duration, side Side) {
	e := &l.ends[side]
	if e.bothWays {
		e.bothWays, e.patience = false, e.stack.DelayedACK
	} else {
		e.patience = min(2*e.patience, e.rto)
	}
	l.sendACK(now, side)
}

// ackOnRead reports whether emptying the receive buffer lets the ACK out: after
// a small segment of a stream that goes one way (net/ipv4/tcp.c,
// __tcp_cleanup_rbuf).
func (e *endpoint) ackOnRead() bool {
	return e.unacked && !e.stack.ticking() && e.read == e.rcvNxt-e.finRead() &&
		(e.pushed > 1 || e.pushed > 0 && !e.bothWays)
}

// tellsWindow reports whether reading has opened the window enough to say so:
// by a quarter, or four segments (esp-lwip opt.h, TCP_WND_UPDATE_THRESHOLD); on
// Linux, where less than half was open, to twice of that.
func (e *endpoint) tellsWindow() bool {
	if e.stack.ticking() {
		return e.edge()-e.offered >= int64(min(e.stack.Window/4, 4*e.mss))
	}
	told, now := e.offered-e.rcvNxt, e.edge()-e.rcvNxt
	return 2*told <= int64(e.stack.Window) && now > 0 && now >= 2*told
}

// acknowledged marks that a packet about to leave carries the acknowledgement.
func (e *endpoint) acknowledged() {
	if e.quick > 0 && e.unacked {
		if e.quick--; e.quick == 0 {
			e.patience = e.stack.DelayedACK
		}
	}
	e.unacked, e.pushed, e.ackAt, e.acked = false, 0, never, e.rcvNxt
	e.offered = e.offer()
}

// speak notes that data leaves: soon after data came, it is an answer
// (net/ipv4/tcp_output.c, tcp_event_data_sent).
func (e *endpoint) speak(now time.Duration) {
	e.lastSent = now
	if now-e.heardAt < e.patience {
		e.bothWays = true
	}
}

// blocks are the stretches that a selective acknowledgement names. The first
// may be one that came twice.
type blocks struct {
	spans []span
	twice bool
}

// mostBlocks is what fits beside timestamps (RFC 2018, section 3).
const mostBlocks = 3

// selective is what an ACK says of what came out of order: the newest first.
func (e *endpoint) selective() *blocks {
	b := &blocks{spans: make([]span, 0, mostBlocks)}
	if e.repeated.to > 0 {
		b.spans, b.twice = append(b.spans, e.repeated), true
		e.repeated = span{}
	}
	merged := e.merged()
	if i := slices.IndexFunc(merged, func(s span) bool { return s.from <= e.newest.from && e.newest.to <= s.to }); i >= 0 {
		b.spans = append(b.spans, merged[i])
		merged = slices.Delete(merged, i, i+1)
	}
	for i := len(merged) - 1; i >= 0 && len(b.spans) < mostBlocks; i-- {
		b.spans = append(b.spans, merged[i])
	}
	return b
}

// merged are the strays with neighbours joined.
func (e *endpoint) merged() []span {
	var m []span
	for _, s := range e.stray {
		if k := len(m); k > 0 && s.from <= m[k-1].to {
			m[k-1].to = max(m[k-1].to, s.to)
			continue
		}
		m = append(m, s)
	}
	return m
}
