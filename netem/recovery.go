package netem

import (
	"slices"
	"time"
)

// score says what is known of a segment that was sent (RFC 6675, section 3).
type score uint8

const (
	scoreSACKed score = 1 << iota // arrived, out of order
	scoreLost
	scoreAgain // a repeat of it is under way
)

// recovery is what a sender knows of its losses (net/ipv4/tcp_input.c).
type recovery struct {
	reno                         bool // no SACK
	sackedOut, lostOut, againOut int  // segments by score; without SACK, sackedOut counts duplicates
	lostEver                     int
	highest                      int64 // recovery ends when this is acknowledged
	dupAcks                      int   // lwIP
	inflated                     bool  // lwIP: in fast recovery

	frto     bool // is the time-out spurious? (RFC 5682)
	undoFrom int64
	undoLeft int           // repeats not yet reported as needless, −1: none sent
	againAt  time.Duration // first repeat of this episode, 0: none

	probeTo    int64  // tail loss probe under way until this is acknowledged, −1: none
	probeAgain bool   // it was a repeat
	sends      uint64 // data packets so far
	rackOrder  uint64 // the last of them known to have arrived
	rackRTT    time.Duration
	rackNews   bool
}

// news is what one acknowledgement says.
type news struct {
	before    int64 // acknowledged so far
	advanced  bool  // more is now
	acked     bool  // whole segments are
	sacked    bool  // some are, selectively
	original  bool  // among them one that was never repeated, from before the episode
	twice     bool  // something came twice
	probe     bool  // namely the probe
	window    bool  // its news of the window is new
	data      bool
	duplicate bool
	timer     bool // to be set anew
	lostAgain bool
	delivered int
	resend    resend
	echo      time.Duration // never: none

	first, last         time.Duration // when what is acknowledged was sent; never: unknown
	sackFirst, sackLast time.Duration
}

// resend is what may be sent once the window has been set.
type resend uint8

const (
	resendNothing resend = iota
	resendLost
	sendFresh // F-RTO: new data, to see whether the rest arrives
)

// ackLinux takes an acknowledgement (net/ipv4/tcp_input.c, tcp_ack). window
// says that its news of the window is new.
func (l *Law) ackLinux(now time.Duration, side Side, seg *segment, window bool) {
	e := &l.ends[side]
	selective := seg.flags&flagSACK != 0
	if len(e.sent) == 0 && !selective && e.probeTo < 0 {
		return // nothing of ours is out
	}
	n := news{
		before: e.una, advanced: seg.ack > e.una, window: window, data: seg.size > 0 || seg.flags&flagFIN != 0,
		echo: never, first: never, last: never, sackFirst: never, sackLast: never,
	}
	if l.stamps {
		n.echo = seg.echo
	}
	lost := e.lostEver
	if selective {
		e.tag(now, l.told, seg.ack, &n)
	}
	switch {
	case seg.ack < e.una:
		if selective {
			l.alert(now, side, &n)
			l.resend(now, side, n.resend)
		}
		return
	case len(e.sent) == 0:
		if n.twice {
			l.alert(now, side, &n)
		}
		e.probeAnswered(seg.ack, &n)
		return
	}
	e.una = seg.ack
	if n.advanced {
		e.timeouts = 0
	}
	e.clean(now, &n)
	e.probeAnswered(seg.ack, &n)
	if !(n.data || n.window || n.acked) || n.sacked || e.ca != caOpen {
		n.duplicate = !(n.advanced || n.data || n.window || n.twice)
		l.alert(now, side, &n)
	}
	if n.timer {
		l.setTimer(now, side)
	}
	l.afterACK(now, side, &n, e.lostEver-lost)
}

// afterACK sets the window by what was delivered and newly lost, and sends what
// it allows.
func (l *Law) afterACK(now time.Duration, side Side, n *news, lost int) {
	e := &l.ends[side]
	switch {
	case e.cutting():
		e.cut(n.delivered, lost, n.advanced)
	case n.acked:
		e.grow(now, n.delivered)
	}
	l.resend(now, side, n.resend)
	l.tell(now, side)
}

// clean lets go of what is acknowledged and takes its round-trip time.
func (e *endpoint) clean(now time.Duration, n *news) {
	k, repeated, sackedBefore := 0, false, e.sackedOut
	for ; k < len(e.sent) && e.sent[k].end() <= e.una; k++ {
		s := &e.sent[k]
		if s.repeats > 0 {
			repeated = true
		} else if s.score&scoreSACKed == 0 {
			n.last = s.at
			n.first = min(n.first, s.at)
			n.original = n.original || s.end() <= e.highest
		}
		if s.score&scoreSACKed == 0 && !e.reno {
			n.delivered++
			if s.repeats == 0 || n.echo == never || n.echo >= s.at {
				e.rackAdvance(now, s)
			}
		}
		e.unmark(s, s.score)
	}
	n.acked = k > 0
	e.wasOut = len(e.sent)
	e.sent = append(e.sent[:0], e.sent[k:]...)
	if len(e.sent) > 0 && e.sent[0].seq < e.una {
		e.trimHead()
	}
	if repeated {
		n.first, n.last = never, never // Karn
	}
	updated := e.updateRTT(now, n)
	switch {
	case n.acked:
		n.timer = true
		if e.reno {
			n.delivered = max(k-sackedBefore, 1)
			e.sackedOut = max(0, sackedBefore-(k-1))
			n.original = n.original && !repeated
			e.limitReno()
		}
	case len(e.sent) > 0 && updated && n.sackFirst < e.sent[0].at:
		n.timer = true
	}
}

// trimHead cuts off what is acknowledged of the first segment: an ACK of part
// of a repeat that was put together.
func (e *endpoint) trimHead() {
	s := &e.sent[0]
	s.size -= int(e.una - s.seq)
	s.seq = e.una
}

// updateRTT prefers the time from sending to the timestamp's echo, which alone
// can tell the time of a repeat (RFC 7323, 4.1; tcp_ack_update_rtt).
func (e *endpoint) updateRTT(now time.Duration, n *news) bool {
	sent, latest := n.first, n.last
	if n.sackLast != never {
		latest = n.sackLast
	}
	if sent == never {
		sent = n.sackFirst
	}
	if sent == never && n.acked && n.echo != never {
		sent, latest = n.echo, n.echo
	}
	if sent == never {
		return false
	}
	if latest != never {
		e.minRTT = min(e.minRTT, now-latest)
	}
	e.sample(now - sent)
	return true
}

// roundTripWas takes the handshake's.
func (e *endpoint) roundTripWas(d time.Duration) {
	e.minRTT = min(e.minRTT, d)
	e.sample(d)
}

// unmark takes marks off a segment.
func (e *endpoint) unmark(s *sentSegment, m score) {
	m &= s.score
	s.score &^= m
	e.sackedOut -= int(m & scoreSACKed)
	e.lostOut -= int(m & scoreLost / scoreLost)
	e.againOut -= int(m & scoreAgain / scoreAgain)
}

// loseSegment marks a segment lost, or its repeat.
func (e *endpoint) loseSegment(s *sentSegment) {
	switch {
	case s.score&scoreSACKed != 0:
	case s.score&scoreLost == 0:
		s.score |= scoreLost
		e.lostOut++
		e.lostEver++
	case s.score&scoreAgain != 0:
		e.unmark(s, scoreAgain)
		e.lostEver++
	}
}

// limitReno keeps the duplicates counted below what is out.
func (e *endpoint) limitReno() {
	holes := min(max(e.lostOut, 1), len(e.sent))
	e.sackedOut = min(e.sackedOut, len(e.sent)-holes)
}

// addReno counts a duplicate ACK where there is no SACK.
func (e *endpoint) addReno(n *news) {
	if n.duplicate && len(e.sent) > 0 {
		was := e.sackedOut
		e.sackedOut++
		e.limitReno()
		n.delivered += max(e.sackedOut-was, 0)
	}
}

// retransmit is what the retransmission time-out does (RFC 6298, section 5;
// net/ipv4/tcp_timer.c, tcp_retransmit_timer).
func (l *Law) retransmit(now time.Duration, side Side) {
	e := &l.ends[side]
	e.enterLoss(now)
	e.timeouts++
	l.counts.RTOs++
	l.path.watch(PathEvent{Kind: TimedOut, Side: side, At: now})
	l.repeatLost(now, side, 0)
	e.rto = min(2*e.rto, e.stack.MaxRTO)
	e.set(now, timerRTO, e.rto)
}

// enterLoss takes all for lost but what was sent within the last round trip,
// and closes the window (net/ipv4/tcp_input.c, tcp_enter_loss).
func (e *endpoint) enterLoss(now time.Duration) {
	fresh := e.ca < caRecovery
	if e.reno {
		e.sackedOut = 0
	}
	for i := range e.sent {
		if i == 0 || e.rackRTT <= now-e.sent[i].at {
			e.loseSegment(&e.sent[i])
		}
	}
	if e.ca <= caDisorder || e.highest <= e.una || e.ca == caLoss && e.timeouts == 0 {
		e.priorSsthresh, e.priorCwnd = e.currentSsthresh(), e.cwnd
		e.ssthresh = e.cutTo()
		e.beginUndo()
	}
	if e.stack.InitCwnd > 0 {
		e.cwnd = e.flying() + 1
	}
	e.credit, e.cubic = 0, cubic{}
	e.ca, e.highest, e.probeTo = caLoss, e.nxt, -1
	e.frto = fresh || e.timeouts > 0
}

// repeatLost repeats a segment that is taken for lost.
func (l *Law) repeatLost(now time.Duration, side Side, i int) {
	e := &l.ends[side]
	l.repeat(now, side, i)
	if s := &e.sent[i]; s.score&scoreAgain == 0 {
		s.score |= scoreAgain
		e.againOut++
	}
	if e.againAt == 0 {
		e.againAt = now
	}
	e.undoLeft = max(e.undoLeft, 0) + 1
}

// resend repeats what is lost as far as the window lets it (net/ipv4/
// tcp_output.c, tcp_xmit_retransmit_queue), or sends what is new.
func (l *Law) resend(now time.Duration, side Side, what resend) {
	e := &l.ends[side]
	if what == sendFresh {
		l.output(now, side)
		if e.nxt > e.highest {
			return
		}
		e.frto = false
	}
	if what == resendNothing {
		return
	}
	rearm := false
	for i := 0; i < len(e.sent) && e.flying() < e.cwnd && e.againOut < e.lostOut; i++ {
		if e.sent[i].score&(scoreLost|scoreAgain) != scoreLost {
			continue
		}
		l.repeatLost(now, side, i)
		if e.cutting() {
			e.released++
		}
		rearm = rearm || i == 0 && !(e.timer == timerReorder && e.rtoAt != never)
	}
	if rearm {
		e.set(now, timerRTO, e.rto)
	}
}

// collapse joins to the i-th segment those that follow it, as far as they fit
// into one (net/ipv4/tcp_output.c, tcp_retrans_try_collapse).
func (e *endpoint) collapse(i int) {
	s := &e.sent[i]
	j := i + 1
	for ; j < len(e.sent) && !s.fin; j++ {
		next := &e.sent[j]
		if s.size+next.size > e.mss || next.score&scoreSACKed != 0 || next.end() > e.peerEdge {
			break
		}
		e.unmark(next, next.score)
		if e.sackedOut > 0 && e.reno {
			e.sackedOut--
		}
		s.size, s.fin, s.push = s.size+next.size, next.fin, next.push
		s.repeats = max(s.repeats, next.repeats)
	}
	e.sent = slices.Delete(e.sent, i+1, j)
}
