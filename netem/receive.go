package netem

import "time"

// receive takes a packet at one end.
func (l *Law) receive(now time.Duration, side Side, seg *segment) {
	e := &l.ends[side]
	switch {
	case e.state == gone:
		if seg.flags&flagRST == 0 {
			l.send(now, side, &segment{flags: flagRST}, l.header, l.ackKey(side))
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

func (l *Law) receiveSYN(now time.Duration, side Side, seg *segment) {
	e := &l.ends[side]
	switch {
	case side == ServerSide && e.state == closed:
		e.peerEdge = seg.edge
		if !l.dialed {
			l.dialed = true
			e.peerStamp = seg.sent // the first counts (RFC 7323, 4.3)
			l.note(side, Arrived, now)
		}
	case side == ServerSide && e.state == synReceived && e.stack.TimedSYNACK:
		l.sendACK(now, side)
	case side == ServerSide && e.state == synReceived:
		l.resendSYNACK(now)
	case side == DeviceSide && e.state == synSent:
		e.peerEdge, e.peerStamp = seg.edge, seg.sent
		l.establish(now, side, seg.echo)
		l.sendACK(now, side)
	default:
		l.sendACK(now, side) // the peer has not seen our ACK
	}
}

// resendSYNACK answers a repeated SYN, which puts the server's own timer off
// (net/ipv4/tcp_minisocks.c, tcp_check_req).
func (l *Law) resendSYNACK(now time.Duration) {
	l.ends[ServerSide].synRepeats++
	l.counts.Retransmits++
	l.sendSYN(now, ServerSide)
}

// retriedRTO is the data RTO after a repeated SYN or SYN-ACK whose round trip
// could not be told (RFC 6298, 5.7).
const retriedRTO = 3 * time.Second

// establish opens one end. echo is of the timestamp that its SYN or SYN-ACK
// carried.
func (l *Law) establish(now time.Duration, side Side, echo time.Duration) {
	e := &l.ends[side]
	e.state = established
	e.rtoAt = never
	e.lastSent, e.heardAt = now, now
	switch {
	case e.stack.ticking():
		// lwIP counts the SYN's repeats among those of the data that follows
		// (esp-lwip tcp_in.c, tcp_process: nrtx is left as it is).
		e.timeouts = e.synTimeouts
		if e.synTimeouts > 0 {
			e.ssthresh = 2 * e.mss
		}
	case e.synRepeats == 0:
		e.roundTripWas(now - e.synAt)
	case l.stamps:
		e.roundTripWas(now - echo)
	default:
		e.rto = max(e.rto, retriedRTO)
	}
	// More than one repeat, one of them by the timer, and the peer has not
	// answered the first: Linux takes it for congestion (net/ipv4/tcp_input.c,
	// tcp_init_transfer and tcp_try_undo_spurious_syn).
	spurious := l.stamps && echo == e.firstSYN
	if e.synRepeats > 1 && e.synTimeouts > 0 && !spurious && !e.stack.ticking() && e.stack.InitCwnd > 0 {
		e.cwnd = 1
	}
	l.note(side, Opened, now)
}

func (l *Law) receiveSegment(now time.Duration, side Side, seg *segment) {
	e := &l.ends[side]
	if e.state == synReceived {
		l.establish(now, side, seg.echo)
	}
	if to := seg.seq + int64(seg.size); seg.size > 0 && to < e.acked && !e.stack.ticking() {
		// Out of the window: Linux looks at nothing else in it (net/ipv4/
		// tcp_input.c, tcp_validate_incoming).
		l.acknowledgeStray(now, side, span{seg.seq, to})
		return
	}
	if seg.seq <= e.acked {
		e.peerStamp = seg.sent // RFC 7323, 4.3
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

func (l *Law) receiveData(now time.Duration, side Side, seg *segment) {
	e := &l.ends[side]
	to := seg.seq + int64(seg.size)
	fin := seg.flags&flagFIN != 0
	if fin {
		e.finSeq = to
		to++
	}
	had := e.finRead()
	before := e.rcvNxt
	gap := len(e.stray) > 0
	if !e.accept(seg.seq, to) {
		l.acknowledgeStray(now, side, span{seg.seq, to})
		return
	}
	if e.rcvNxt-e.finRead() > before {
		l.note(side, Readable, now)
	}
	if e.finRead() > had {
		l.note(side, EOF, now)
	}
	if e.stack.ticking() {
		l.acknowledgeTicking(now, side, fin)
		return
	}
	l.acknowledge(now, side, seg, gap)
}

// receiveACK takes the acknowledgement and the window of a segment.
func (l *Law) receiveACK(now time.Duration, side Side, seg *segment) {
	e := &l.ends[side]
	e.probes = 0
	grew := seg.edge > e.peerEdge
	if e.stack.ticking() {
		e.peerEdge = max(e.peerEdge, seg.edge)
		l.ackTicking(now, side, seg, grew)
	} else {
		// Is the window's news newer than what is known (RFC 9293, 3.10.7.4)?
		window := grew || seg.ack > e.una || seg.seq > e.peerSeq || seg.edge == seg.ack
		if window {
			e.peerSeq = max(e.peerSeq, seg.seq)
		}
		e.peerEdge = max(e.peerEdge, seg.edge)
		l.ackLinux(now, side, seg, window)
	}
	if grew && e.persistAt != never {
		e.backoff, e.persistAt = 0, never
	}
	if e.state == established {
		l.output(now, side)
	}
}

// tell notes that there is room again after a Write that was cut short.
func (l *Law) tell(now time.Duration, side Side) {
	e := &l.ends[side]
	if e.blocked && e.room() > 0 {
		e.blocked = false
		l.note(side, Writable, now)
	}
}
