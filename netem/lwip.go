package netem

import "time"

// ackTicking takes an acknowledgement as lwIP does: Reno, which leaves fast
// recovery with the first new one (esp-lwip tcp_in.c, tcp_receive).
func (l *Law) ackTicking(now time.Duration, side Side, seg *segment, grew bool) {
	e := &l.ends[side]
	switch {
	case seg.ack > e.una:
		l.advanceTicking(now, side, seg.ack)
	case seg.ack == e.una && seg.size == 0 && !grew && e.rtoAt != never && seg.flags&(flagFIN|flagProbe) == 0:
		l.duplicateTicking(now, side)
	default:
		e.dupAcks = 0
	}
	if e.timedAt != never && e.timedSeq < seg.ack {
		e.sampleTicks(now)
	}
}

func (l *Law) advanceTicking(now time.Duration, side Side, ack int64) {
	e := &l.ends[side]
	if e.inflated {
		e.inflated, e.cwnd, e.credit = false, e.ssthresh, 0
	}
	e.timeouts, e.dupAcks = 0, 0
	e.rto = e.tickRTO(0)
	acked := int(ack - e.una)
	e.una = ack
	if e.cwnd < e.ssthresh {
		most := 2 * e.mss
		if e.ca == caLoss {
			most = e.mss
		}
		e.cwnd += min(acked, most)
	} else if e.credit += acked; e.credit >= e.cwnd {
		e.credit -= e.cwnd
		e.cwnd += e.mss
	}
	k := 0
	for ; k < len(e.sent) && e.sent[k].end() <= ack; k++ {
		e.unmark(&e.sent[k], e.sent[k].score)
	}
	e.sent = append(e.sent[:0], e.sent[k:]...)
	if e.ca == caLoss && (len(e.sent) == 0 || e.sent[0].seq >= e.highest) {
		e.ca = caOpen
	}
	e.rtoAt = never
	if e.flying() > 0 {
		e.set(now, timerRTO, e.rto)
	}
	l.tell(now, side)
}

// duplicateTicking repeats the first segment at the third duplicate (esp-lwip
// tcp_out.c, tcp_rexmit_fast).
func (l *Law) duplicateTicking(now time.Duration, side Side) {
	e := &l.ends[side]
	e.dupAcks++
	if e.stack.DupAcks == 0 || e.dupAcks < e.stack.DupAcks {
		return
	}
	if e.dupAcks > e.stack.DupAcks {
		e.cwnd += e.mss
	}
	if e.inflated || e.flying() == 0 {
		return
	}
	e.inflated = true
	e.timeouts++
	e.timedAt = never
	e.ssthresh = e.halfWindow()
	e.cwnd = e.ssthresh + 3*e.mss
	for i := range e.sent {
		if s := &e.sent[i]; s.score&(scoreLost|scoreAgain) != scoreLost {
			e.unmark(s, scoreAgain)
			e.loseSegment(s)
			break
		}
	}
	e.set(now, timerRTO, e.rto)
}

// halfWindow is lwIP's slow start threshold after a loss.
func (e *endpoint) halfWindow() int {
	return max(min(e.cwnd, int(e.peerEdge-e.una))/2, 2*e.mss)
}

// retransmitTicking goes back to the first segment: all that is out counts as
// not sent (esp-lwip tcp.c, tcp_slowtmr; tcp_out.c, tcp_rexmit_rto_prepare).
func (l *Law) retransmitTicking(now time.Duration, side Side) {
	e := &l.ends[side]
	l.counts.RTOs++
	l.path.watch(PathEvent{Kind: TimedOut, Side: side, At: now})
	for i := range e.sent {
		s := &e.sent[i]
		e.unmark(s, scoreAgain)
		e.loseSegment(s)
	}
	e.timeouts++
	e.rto = e.tickRTO(e.timeouts)
	e.ssthresh, e.cwnd, e.credit = e.halfWindow(), e.mss, 0
	e.ca, e.highest, e.timedAt = caLoss, e.nxt, never
	e.set(now, timerRTO, e.rto)
	l.resendTicking(now, side)
	e.lastRepeat(now, e.timeouts >= e.stack.Retries)
}

// resendTicking sends what was put back, in order, as far as the windows let
// it, and reports whether nothing of it is left.
func (l *Law) resendTicking(now time.Duration, side Side) bool {
	e := &l.ends[side]
	for i := 0; i < len(e.sent) && e.againOut < e.lostOut; i++ {
		s := &e.sent[i]
		if s.score&(scoreLost|scoreAgain) != scoreLost {
			continue
		}
		if s.end() > e.peerEdge || !e.mayFly(s.end()) {
			return false
		}
		s.score |= scoreAgain
		e.againOut++
		if e.rtoAt == never {
			e.set(now, timerRTO, e.rto)
		}
		l.repeat(now, side, i)
	}
	return true
}
