package netem

import "time"

// receive takes a packet at one end.
func (l *Law) receive(now time.Duration, side Side, seg segment) {
	e := &l.ends[side]
	switch {
	case e.state == gone:
		if seg.flags&flagRST == 0 {
			l.send(now, side, segment{flags: flagRST}, l.header, l.ackKey(side))
		}
	case seg.flags&flagRST != 0:
		l.receiveRST(now, side)
	case seg.flags&flagSYN != 0:
		l.receiveSYN(now, side, seg)
	case e.state == closed || e.state == synSent:
		// An ACK of a connection that is not there: nothing to say.
	default:
		l.receiveSegment(now, side, seg)
	}
}

func (l *Law) receiveRST(now time.Duration, side Side) {
	e := &l.ends[side]
	kind := Reset
	if e.state == synSent {
		kind = Refused
	}
	e.stop()
	e.state = gone
	l.note(side, kind, now)
}

func (l *Law) receiveSYN(now time.Duration, side Side, seg segment) {
	e := &l.ends[side]
	switch {
	case side == ServerSide && e.state == closed:
		e.peerEdge = seg.edge
		if !l.dialed {
			l.dialed = true
			l.note(side, Arrived, now)
		}
	case side == ServerSide && e.state == synReceived:
		l.resendSYNACK(now)
	case side == DeviceSide && e.state == synSent:
		e.peerEdge = seg.edge
		l.establish(now, side)
		l.sendACK(now, side)
	default:
		l.sendACK(now, side) // the peer has not seen our ACK
	}
}

// resendSYNACK answers a repeated SYN; the server's own timer goes on.
func (l *Law) resendSYNACK(now time.Duration) {
	e := &l.ends[ServerSide]
	e.synRepeats++
	l.counts.Retransmits++
	at := e.rtoAt
	l.sendSYN(now, ServerSide)
	e.rtoAt = at
}

// retriedRTO is the data RTO after a repeated SYN or SYN-ACK (RFC 6298, 5.7).
const retriedRTO = 3 * time.Second

func (l *Law) establish(now time.Duration, side Side) {
	e := &l.ends[side]
	e.state = established
	e.rtoAt = never
	switch {
	case e.synRepeats == 0:
		e.sample(e.synAt, now)
	case !e.stack.ticking():
		e.rto = max(e.rto, retriedRTO)
		// More than one repeat: Linux takes it for congestion (net/ipv4/
		// tcp_input.c, tcp_init_transfer).
		if e.synRepeats > 1 && e.stack.InitCwnd > 0 {
			e.cwnd = float64(e.stack.MSS)
		}
	}
	l.note(side, Opened, now)
}

func (l *Law) receiveSegment(now time.Duration, side Side, seg segment) {
	e := &l.ends[side]
	if e.state == synReceived {
		l.establish(now, side)
	}
	l.receiveACK(now, side, seg)
	if e.state != established {
		return
	}
	if seg.size == 0 && seg.flags&flagFIN == 0 {
		if seg.flags&flagProbe != 0 {
			l.sendACK(now, side)
		}
		return
	}
	if e.deaf && seg.seq+int64(seg.size) > e.rcvNxt {
		l.Abort(now, side)
		return
	}
	l.receiveData(now, side, seg)
}

func (l *Law) receiveData(now time.Duration, side Side, seg segment) {
	e := &l.ends[side]
	to := seg.seq + int64(seg.size)
	fin := seg.flags&flagFIN != 0
	if fin {
		e.finSeq = to
		to++
	}
	had := e.finRead()
	before := e.rcvNxt
	gap := len(e.stray) > 0 && !e.stack.ticking()
	if !e.accept(seg.seq, to) {
		l.sendACK(now, side) // out of order or a repeat: say at once what is missing
		return
	}
	if e.rcvNxt-e.finRead() > before {
		l.note(side, Readable, now)
	}
	if e.finRead() > had {
		l.note(side, EOF, now)
	}
	l.acknowledge(now, side, fin || gap)
}

// acknowledge sends the ACK at once for every second segment and, as RFC 5681
// section 4.2 asks and lwIP does not (tcp_in.c, tcp_receive), for what fills a
// gap; else after the stack's delay.
func (l *Law) acknowledge(now time.Duration, side Side, atOnce bool) {
	e := &l.ends[side]
	e.unacked++
	if atOnce || e.unacked >= 2 || e.stack.DelayedACK == 0 {
		l.sendACK(now, side)
	} else if e.ackAt == never {
		e.ackAt = e.ackTimeout(now)
	}
}

// receiveACK takes the acknowledgement and the window of a segment.
func (l *Law) receiveACK(now time.Duration, side Side, seg segment) {
	e := &l.ends[side]
	e.probes = 0
	grew := seg.edge > e.peerEdge
	e.peerEdge = max(e.peerEdge, seg.edge)
	switch {
	case seg.ack > e.una:
		l.advance(now, side, seg.ack)
	case seg.ack == e.una && seg.size == 0 && !grew && len(e.sent) > 0 && seg.flags&(flagFIN|flagProbe) == 0:
		l.duplicate(now, side)
	}
	if grew && e.persistAt != never {
		e.backoff, e.persistAt = 0, never
	}
	l.output(now, side)
}

// advance takes a new cumulative acknowledgement.
func (l *Law) advance(now time.Duration, side Side, ack int64) {
	e := &l.ends[side]
	acked := ack - e.una
	e.una = ack
	n, repeats := 0, uint64(0)
	for n < len(e.sent) && e.sent[n].end() <= ack {
		repeats += e.sent[n].repeats
		n++
	}
	// Karn: a repeat among them, and the ACK measures the repair.
	if n > 0 && repeats == 0 {
		e.sample(e.sent[n-1].at, now)
	}
	e.backoff = 0
	e.sent = append(e.sent[:0], e.sent[n:]...)
	e.dupAcks = 0
	l.grow(now, side, float64(acked))
	e.armRTO(now)
	if e.blocked && e.room() > 0 {
		e.blocked = false
		l.note(side, Writable, now)
	}
}

// grow opens the congestion window (RFC 5681), and in recovery repeats the
// next hole on a partial acknowledgement (RFC 6582).
func (l *Law) grow(now time.Duration, side Side, acked float64) {
	e := &l.ends[side]
	if e.recover > 0 {
		if e.una >= e.recover {
			e.recover = 0
			e.cwnd = min(e.cwnd, e.ssthresh)
		} else if len(e.sent) > 0 {
			l.repeat(now, side, 0)
		}
	}
	mss := float64(e.stack.MSS)
	if e.cwnd < e.ssthresh {
		e.cwnd += min(acked, 2*mss)
	} else {
		e.cwnd += mss * min(acked, mss) / e.cwnd
	}
}

// duplicate counts duplicate ACKs and repeats the hole at the threshold.
func (l *Law) duplicate(now time.Duration, side Side) {
	e := &l.ends[side]
	e.dupAcks++
	if e.stack.DupAcks == 0 || e.dupAcks != e.stack.DupAcks || e.recover > 0 {
		return
	}
	e.recover = e.nxt
	if e.stack.InitCwnd > 0 {
		e.ssthresh = max(float64(e.nxt-e.una)/2, 2*float64(e.stack.MSS))
		e.cwnd = e.ssthresh + float64(e.stack.DupAcks)*float64(e.stack.MSS)
	}
	l.repeat(now, side, 0)
	// The repeat has a time-out of its own (esp-lwip tcp_out.c,
	// tcp_rexmit_fast; Linux tcp_output.c, tcp_xmit_retransmit_queue).
	e.armRTO(now)
}
