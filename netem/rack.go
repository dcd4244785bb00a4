package netem

import "time"

// leastTimeout is added to the reordering and the probe timer (TCP_TIMEOUT_MIN_US).
const leastTimeout = 2 * time.Millisecond

// tag marks what a selective acknowledgement names (net/ipv4/tcp_input.c,
// tcp_sacktag_write_queue).
func (e *endpoint) tag(now time.Duration, told *blocks, ack int64, n *news) {
	for i, b := range told.spans {
		twice := i == 0 && told.twice
		if twice {
			n.twice = true
			n.probe = e.probeTo == b.to
			n.delivered++
			if e.undoFrom >= 0 && e.undoLeft > 0 && b.to <= e.una && b.to > e.undoFrom {
				e.undoLeft--
			}
		}
		for j := range e.sent {
			if s := &e.sent[j]; b.from <= s.seq && s.end() <= b.to {
				e.tagOne(now, s, ack, twice, n)
			}
		}
	}
}

func (e *endpoint) tagOne(now time.Duration, s *sentSegment, ack int64, twice bool, n *news) {
	if twice && s.repeats > 0 && e.undoFrom >= 0 && e.undoLeft > 0 && s.end() > e.undoFrom {
		e.undoLeft--
	}
	if s.end() <= ack {
		return
	}
	if s.score&scoreSACKed == 0 {
		e.rackAdvance(now, s)
		if s.score&scoreAgain == 0 && s.repeats == 0 {
			n.original = n.original || s.end() <= e.highest
			n.sackFirst, n.sackLast = min(n.sackFirst, s.at), s.at
		}
		if s.score&scoreLost != 0 {
			e.unmark(s, scoreLost|scoreAgain)
		}
		s.score |= scoreSACKed
		e.sackedOut++
		n.sacked = true
		n.delivered++
	}
	if twice {
		e.unmark(s, scoreAgain)
	}
}

// rackAdvance notes the segment sent last among those known to have arrived
// (RFC 8985, 6.2; net/ipv4/tcp_input.c, tcp_rack_advance). A repeat that is
// answered sooner than any round trip was not the one that arrived.
func (e *endpoint) rackAdvance(now time.Duration, s *sentSegment) {
	rtt := now - s.at
	if rtt < e.minRTT && s.repeats > 0 {
		return
	}
	e.rackNews, e.rackRTT = true, rtt
	e.rackOrder = max(e.rackOrder, s.order)
}

// rackLost marks what was sent before something that arrived and is late by
// more than it may be out of order, and waits for what may yet come; it reports
// whether it waits.
func (e *endpoint) rackLost(now time.Duration) bool {
	if !e.rackNews {
		return false
	}
	e.rackNews = false
	wait := e.rackDetect(now)
	if wait > 0 {
		e.set(now, timerReorder, min(wait+leastTimeout, e.rto))
	}
	return wait > 0
}

func (e *endpoint) rackDetect(now time.Duration) (wait time.Duration) {
	late := e.rackRTT + e.reorderWindow()
	for i := range e.sent {
		s := &e.sent[i]
		if s.score&scoreSACKed != 0 || s.score&(scoreLost|scoreAgain) == scoreLost || s.order >= e.rackOrder {
			continue
		}
		if left := late - (now - s.at); left <= 0 {
			e.loseSegment(s)
		} else {
			wait = max(wait, left)
		}
	}
	return wait
}

// reorderWindow is a quarter of the least round trip, and nothing once loss is
// plain (net/ipv4/tcp_recovery.c, tcp_rack_reo_wnd). A link keeps the order, so
// nothing widens it.
func (e *endpoint) reorderWindow() time.Duration {
	if e.ca >= caRecovery || e.stack.DupAcks > 0 && e.sackedOut >= e.stack.DupAcks {
		return 0
	}
	return min(e.minRTT/4, e.srtt)
}

// reorderOver repeats what has not come by now (tcp_rack_reo_timeout).
func (l *Law) reorderOver(now time.Duration, side Side) {
	e := &l.ends[side]
	flying, lost := e.flying(), e.lostEver
	e.rackDetect(now)
	if e.flying() != flying {
		if e.ca != caRecovery {
			e.enterRecovery()
			e.cut(1, e.lostEver-lost, false)
		}
		l.resend(now, side, resendLost)
	}
	if e.timer != timerRTO || e.rtoAt <= now {
		l.rearm(now, side)
	}
}

// setTimer restarts the timer after an acknowledgement.
func (l *Law) setTimer(now time.Duration, side Side) {
	e := &l.ends[side]
	if !e.armProbe(now, true) {
		l.rearm(now, side)
	}
}

// rearm sets the retransmission time-out. What a probe or the reordering timer
// stood in for counts from the first segment's last sending.
func (l *Law) rearm(now time.Duration, side Side) {
	e := &l.ends[side]
	if len(e.sent) == 0 {
		e.rtoAt = never
		return
	}
	d := e.rto
	if e.rtoAt != never && e.timer != timerRTO {
		d = max(e.sent[0].at+e.rto-now, time.Microsecond)
	}
	e.set(now, timerRTO, d)
}

// armProbe sets the timer of a tail loss probe in place of the time-out (RFC
// 8985, 7.2; net/ipv4/tcp_output.c, tcp_schedule_loss_probe): two round trips
// on, and a delayed ACK more where one segment is out.
func (e *endpoint) armProbe(now time.Duration, advancing bool) bool {
	if e.reno || len(e.sent) == 0 || e.ca != caOpen && e.ca != caReduced {
		return false
	}
	d := e.stack.SynRTO
	if e.sampled {
		d = 2*e.srtt + leastTimeout
		if len(e.sent) == 1 {
			d = 2*e.srtt + e.stack.MinRTO
		}
	}
	left := e.rto
	if !advancing {
		left = e.sent[0].at + e.rto - now
	}
	if left > 0 {
		d = min(d, left)
	}
	e.set(now, timerProbe, d)
	return true
}

// sentNew sees to the timer and the window after new segments left.
func (l *Law) sentNew(now time.Duration, side Side, k int) {
	e := &l.ends[side]
	if k > 0 || e.flying() >= e.cwnd {
		e.sentFlight()
	}
	if k > 0 {
		if e.cutting() {
			e.released += k
		}
		e.armProbe(now, false)
	}
}

// probeTail sends one new segment, or the last one again, to learn what became
// of the flight's end; then the time-out counts from now.
func (l *Law) probeTail(now time.Duration, side Side) {
	e := &l.ends[side]
	if e.probeTo < 0 {
		e.probeAgain = false
		if upto := min(e.end, e.nxt+int64(e.mss)); e.nxt < e.end && upto <= e.peerEdge {
			l.sendNext(now, side, upto)
		} else {
			e.probeAgain = true
			l.repeat(now, side, len(e.sent)-1)
		}
		e.probeTo = e.nxt
		e.set(now, timerRTO, e.rto)
		return
	}
	l.rearm(now, side)
}

// probeAnswered ends a probe. If nothing says that the segment came twice, it
// was lost, which is congestion (RFC 8985, 7.4; tcp_process_tlp_ack).
func (e *endpoint) probeAnswered(ack int64, n *news) {
	switch {
	case e.probeTo < 0 || ack < e.probeTo:
	case !e.probeAgain || n.probe:
		e.probeTo = -1
	case ack > e.probeTo:
		e.beginCut()
		e.ca = caReduced
		e.endCut()
		e.keepOpen()
	case !(n.advanced || n.data || n.window || n.acked || n.sacked):
		e.probeTo = -1
	}
}
