package netem

import "time"

// alert is the state machine of an acknowledgement that is out of the ordinary,
// or of any in an episode of loss (net/ipv4/tcp_input.c, tcp_fastretrans_alert).
func (l *Law) alert(now time.Duration, side Side, n *news) {
	e := &l.ends[side]
	if e.leave(n) {
		return
	}
	switch e.ca {
	case caRecovery:
		if !n.advanced {
			if e.reno {
				e.addReno(n)
			}
		} else if e.undoPartial(n) {
			return
		}
		if e.undoTwice() {
			e.reopen()
		}
		e.identify(now, n)
		if e.ca != caRecovery {
			if e.lostOut == 0 {
				return
			}
			e.enterRecovery()
		}
		n.resend = resendLost
		return
	case caLoss:
		e.afterTimeout(n)
		e.identify(now, n)
		if e.ca != caOpen && !n.lostAgain {
			return
		}
	}
	e.disorder(now, n)
}

// leave ends an episode once all that was out at its beginning is acknowledged,
// and reports whether that is all there is to do.
func (e *endpoint) leave(n *news) bool {
	switch {
	case e.ca == caOpen:
		e.againAt = 0
	case e.una < e.highest:
	case e.ca == caReduced && e.una != e.highest:
		e.endCut()
		e.ca = caOpen
	case e.ca == caRecovery:
		if e.reno {
			e.sackedOut = 0
		}
		if e.undoRecovery(n) {
			return true
		}
		e.endCut()
	}
	return false
}

// disorder sees whether what is missing is late or lost.
func (e *endpoint) disorder(now time.Duration, n *news) {
	if e.reno {
		if n.advanced {
			e.sackedOut = 0
		}
		e.addReno(n)
	}
	if e.ca <= caDisorder {
		e.undoTwice()
	}
	e.identify(now, n)
	if e.lostOut == 0 {
		e.reopen()
		return
	}
	e.enterRecovery()
	n.resend = resendLost
}

// identify marks what is lost: by RACK, or, without SACK, the first segment
// after enough duplicates and after each partial ACK (RFC 6582).
func (e *endpoint) identify(now time.Duration, n *news) {
	if len(e.sent) == 0 {
		return
	}
	if !e.reno {
		again := e.againOut
		if e.rackLost(now) {
			n.timer = false
		}
		n.lostAgain = n.lostAgain || e.againOut < again
		return
	}
	enough := e.stack.DupAcks > 0 && e.ca < caRecovery && e.sackedOut >= e.stack.DupAcks
	if (enough || e.ca == caRecovery && n.advanced) && e.sent[0].score&scoreLost == 0 {
		e.loseSegment(&e.sent[0])
	}
}

func (e *endpoint) enterRecovery() {
	if !e.repeatsOut() {
		e.againAt = 0
	}
	e.priorSsthresh = 0
	e.beginUndo()
	if !e.cutting() {
		e.priorSsthresh = e.currentSsthresh()
		e.beginCut()
	}
	e.ca = caRecovery
}

// reopen goes back to open, or to disorder while something is missing.
func (e *endpoint) reopen() {
	if !e.repeatsOut() {
		e.againAt = 0
	}
	if e.ca != caReduced {
		e.keepOpen()
	}
}

func (e *endpoint) keepOpen() {
	to := caOpen
	if e.sackedOut+e.lostOut > 0 || e.repeatsOut() {
		to = caDisorder
	}
	if e.ca != to {
		e.ca, e.highest = to, e.nxt
	}
}

// repeatsOut reports whether a repeat is in flight.
func (e *endpoint) repeatsOut() bool {
	return e.againOut > 0 || len(e.sent) > 0 && e.sent[0].repeats > 0
}

// afterTimeout is an acknowledgement after a time-out: it was spurious, it is
// repaired, or more is to be repeated (tcp_process_loss).
func (e *endpoint) afterTimeout(n *news) {
	repaired := e.una >= e.highest
	if n.advanced && e.mayUndo(n) {
		e.undoLoss(false)
		return
	}
	if e.frto {
		switch {
		case n.original:
			e.undoLoss(true)
			return
		case e.nxt > e.highest:
			e.frto = e.frto && !n.sacked && !n.duplicate
		case n.advanced && !repaired:
			e.highest = e.nxt
			if e.end > e.nxt && e.peerEdge > e.nxt {
				n.resend = sendFresh
				return
			}
			e.frto = false
		}
	}
	if repaired {
		e.undoRecovery(n)
		return
	}
	if e.reno {
		if e.nxt > e.highest && n.duplicate {
			e.addReno(n)
		} else if n.advanced {
			e.sackedOut = 0
		}
	}
	n.resend = resendLost
}

// beginUndo notes where the episode begins, in case it was for nothing.
func (e *endpoint) beginUndo() {
	e.undoFrom, e.undoLeft = e.una, e.againOut
	if e.probeTo >= 0 && e.probeAgain {
		e.undoLeft++
	}
	if e.undoLeft == 0 {
		e.undoLeft = -1
	}
}

// mayUndo reports whether the cut was for nothing: all repeats came twice, or
// what is acknowledged was sent before the first of them (RFC 4015).
func (e *endpoint) mayUndo(n *news) bool {
	return e.undoFrom >= 0 && (e.undoLeft == 0 || e.wasDelayed(n))
}

func (e *endpoint) wasDelayed(n *news) bool {
	if e.againAt > 0 {
		return n.echo != never && n.echo < e.againAt
	}
	return !e.reno || e.una < e.highest
}

// undo takes the cut back.
func (e *endpoint) undo(unmark bool) {
	if unmark {
		for i := range e.sent {
			e.unmark(&e.sent[i], scoreLost)
		}
	}
	if e.priorSsthresh > 0 {
		e.cwnd = max(e.cwnd, e.priorCwnd)
		e.ssthresh = max(e.ssthresh, e.priorSsthresh)
	}
	e.undoFrom = -1
	e.rackNews = true
}

// holdsOn reports whether the state stays until more is acknowledged, so that
// late duplicates begin no new episode (RFC 6582).
func (e *endpoint) holdsOn() bool {
	if e.una != e.highest || !e.reno {
		return false
	}
	if !e.repeatsOut() {
		e.againAt = 0
	}
	return true
}

func (e *endpoint) undoRecovery(n *news) bool {
	if e.mayUndo(n) {
		e.undo(false)
	}
	if e.holdsOn() {
		return true
	}
	e.ca = caOpen
	return false
}

func (e *endpoint) undoTwice() bool {
	if e.undoFrom < 0 || e.undoLeft != 0 {
		return false
	}
	e.undo(false)
	return true
}

func (e *endpoint) undoLoss(frto bool) {
	e.undo(true)
	e.timeouts = 0
	if !e.holdsOn() && (frto || !e.reno) {
		e.ca = caOpen
	}
}

// undoPartial reports whether the hole was filled by a late packet while
// repeats are still out.
func (e *endpoint) undoPartial(n *news) bool {
	if e.undoFrom < 0 || !e.wasDelayed(n) {
		return false
	}
	if e.againOut > 0 {
		return true
	}
	e.undo(true)
	e.reopen()
	return false
}
