package netem

import "time"

// sendSYN sends or repeats the SYN or SYN-ACK of one end.
func (l *Law) sendSYN(now time.Duration, side Side) {
	e := &l.ends[side]
	seg := segment{flags: flagSYN, edge: e.edge(), again: e.synRepeats > 0}
	if side == ServerSide {
		seg.flags |= flagACK
	}
	e.offered = seg.edge
	key := l.key.Of(drawSYN, uint64(side), uint64(e.synRepeats))
	e.synAt, e.rtoAt = now, e.synTimeout(now)
	l.send(now, side, seg, l.header+mssOption, key)
}

// output sends what the windows allow.
func (l *Law) output(now time.Duration, side Side) {
	e := &l.ends[side]
	for e.nxt < e.end {
		n := min(e.end-e.nxt, int64(e.stack.MSS))
		if n > e.usable() {
			n = e.usable()
			// Silly windows are left alone (RFC 9293, 3.8.6.2.1).
			if n <= 0 || len(e.sent) > 0 {
				break
			}
		}
		s := sentSegment{seq: e.nxt, size: int(n), phase: l.phase, index: e.segments}
		if e.finAt >= 0 && e.nxt+n > e.finAt {
			s.size, s.fin = int(e.finAt-e.nxt), true
		}
		e.segments++
		e.nxt += n
		e.sent = append(e.sent, s)
		l.transmit(now, side, len(e.sent)-1)
	}
	l.persist(now, side)
}

// persist starts the probe of a closed window.
func (l *Law) persist(now time.Duration, side Side) {
	e := &l.ends[side]
	if e.nxt == e.end || len(e.sent) > 0 {
		e.persistAt = never
	} else if e.persistAt == never {
		e.persistAt = e.after(now, e.timeout())
	}
}

// transmit sends or repeats the i-th outstanding segment.
func (l *Law) transmit(now time.Duration, side Side, i int) {
	e := &l.ends[side]
	s := &e.sent[i]
	key := l.key.Of(drawData, s.phase, uint64(side), s.index, s.repeats)
	s.at = now
	f := flagACK
	if s.fin {
		f |= flagFIN
	}
	if e.rtoAt == never {
		e.armRTO(now)
	}
	l.acked(side)
	l.send(now, side, segment{seq: s.seq, size: s.size, ack: e.rcvNxt, edge: e.offered, flags: f, again: s.repeats > 0}, l.header+s.size, key)
}

// acked marks that a packet about to leave carries the acknowledgement.
func (l *Law) acked(side Side) {
	e := &l.ends[side]
	e.unacked, e.ackAt = 0, never
	e.offered = max(e.offered, e.edge())
}

func (l *Law) sendACK(now time.Duration, side Side) { l.sendBare(now, side, flagACK) }

func (l *Law) sendBare(now time.Duration, side Side, f flags) {
	e := &l.ends[side]
	l.acked(side)
	l.send(now, side, segment{seq: e.nxt, ack: e.rcvNxt, edge: e.offered, flags: f}, l.header, l.ackKey(side))
}

// timer does what fell due at one end.
func (l *Law) timer(now time.Duration, side Side) {
	e := &l.ends[side]
	switch {
	case e.ackAt <= now:
		l.sendACK(now, side)
	case e.persistAt <= now:
		l.probe(now, side)
	case e.state == synSent || e.state == synReceived:
		l.repeatSYN(now, side)
	default:
		l.retransmit(now, side)
	}
}

// probe asks whether the window is still closed, the less often the longer it
// is, and for ever as long as the peer answers (RFC 9293, 3.8.6.1).
func (l *Law) probe(now time.Duration, side Side) {
	e := &l.ends[side]
	if e.probes >= e.stack.Retries {
		l.giveUp(now, side)
		return
	}
	e.probes++
	e.backoff++
	e.persistAt = e.after(now, e.timeout())
	l.sendBare(now, side, flagACK|flagProbe)
}

func (l *Law) repeatSYN(now time.Duration, side Side) {
	e := &l.ends[side]
	if e.synTimeouts >= e.stack.SynRetries {
		l.giveUp(now, side)
		return
	}
	l.path.watch(PathEvent{Kind: TimedOut, Side: side, At: now})
	e.synTimeouts++
	e.synRepeats++
	l.counts.Retransmits++
	l.sendSYN(now, side)
	e.lastRepeat(now, e.synTimeouts >= e.stack.SynRetries)
}

// retransmit repeats the first outstanding segment after its time-out
// (RFC 6298, section 5; RFC 5681, section 3.1).
func (l *Law) retransmit(now time.Duration, side Side) {
	e := &l.ends[side]
	s := &e.sent[0]
	if int(s.repeats) >= e.stack.Retries {
		l.giveUp(now, side)
		return
	}
	if e.stack.InitCwnd > 0 {
		e.ssthresh = max(float64(e.nxt-e.una)/2, 2*float64(e.stack.MSS))
		e.cwnd = float64(e.stack.MSS)
	}
	l.path.watch(PathEvent{Kind: TimedOut, Side: side, At: now})
	e.dupAcks, e.recover = 0, e.nxt
	e.backoff++
	l.counts.RTOs++
	l.repeat(now, side, 0)
	e.rtoAt = e.after(now, e.timeout())
	e.lastRepeat(now, int(s.repeats) >= e.stack.Retries)
}

func (l *Law) repeat(now time.Duration, side Side, i int) {
	l.ends[side].sent[i].repeats++
	l.counts.Retransmits++
	l.transmit(now, side, i)
}

func (l *Law) giveUp(now time.Duration, side Side) {
	l.ends[side].stop()
	l.ends[side].state = gone
	l.note(side, GaveUp, now)
}
