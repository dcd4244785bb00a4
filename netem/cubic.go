package netem

import (
	"math"
	"time"
)

// caState is what the sender makes of its losses (net/ipv4/tcp_input.c, "Linux
// NewReno/SACK/ECN state machine"). lwIP knows open and recovery.
type caState uint8

const (
	caOpen     caState = iota
	caDisorder         // something is missing
	caReduced          // the window has been cut
	caRecovery         // repeating what is lost
	caLoss             // after a time-out
)

// congestion is an end's congestion window: in segments, as Linux counts, or,
// of a ticking stack, in bytes.
type congestion struct {
	ca       caState
	cwnd     int
	ssthresh int
	credit   int // towards the next step of congestion avoidance
	cubic    cubic

	priorCwnd, priorSsthresh int // before the cut
	delivered, released      int // in this cut (RFC 6937, PRR)

	limited  bool // the window held something back in the flight that ends at flightTo
	maxOut   int  // segments out at most in that flight
	flightTo int64
}

const unlimited = math.MaxInt32

// openCwnd sets the initial window.
func (e *endpoint) openCwnd() {
	e.cwnd, e.ssthresh = unlimited, unlimited
	switch {
	case e.stack.InitCwnd == 0:
	case e.stack.ticking():
		e.cwnd, e.ssthresh = e.stack.InitCwnd*e.mss, e.stack.SendBuffer
	default:
		e.cwnd = e.stack.InitCwnd
	}
}

// flying is how much of what was sent is taken to be in the network.
func (e *endpoint) flying() int { return len(e.sent) - e.sackedOut - e.lostOut + e.againOut }

// mayFly reports whether the congestion window lets a segment out that ends at
// upto.
func (e *endpoint) mayFly(upto int64) bool {
	if e.stack.ticking() {
		return upto-e.una <= int64(e.cwnd)
	}
	return e.flying() < e.cwnd
}

// sentFlight notes whether the window holds the sender back: it grows only if
// so (net/ipv4/tcp_output.c, tcp_cwnd_validate).
func (e *endpoint) sentFlight() {
	held := e.flying() >= e.cwnd
	if e.una >= e.flightTo || held || !e.limited && len(e.sent) > e.maxOut {
		e.limited, e.maxOut, e.flightTo = held, len(e.sent), e.nxt
	}
}

func (e *endpoint) isLimited() bool {
	return e.limited || e.cwnd < e.ssthresh && e.cwnd < 2*e.maxOut
}

// grow opens the window for acked segments (RFC 5681; net/ipv4/tcp_cong.c,
// tcp_slow_start and tcp_cong_avoid_ai).
func (e *endpoint) grow(now time.Duration, acked int) {
	if e.cwnd >= unlimited || !e.isLimited() {
		return
	}
	if e.cwnd < e.ssthresh {
		opened := min(e.cwnd+acked, e.ssthresh)
		acked -= opened - e.cwnd
		e.cwnd = opened
		if acked == 0 {
			return
		}
	}
	every := e.cwnd
	if e.stack.Cubic {
		every = e.cubic.every(now, e.cwnd, acked, e.minRTT)
	}
	if e.credit >= every {
		e.credit = 0
		e.cwnd++
	}
	e.credit += acked
	e.cwnd += e.credit / every
	e.credit %= every
}

// cutTo is the slow start threshold after a loss.
func (e *endpoint) cutTo() int {
	if e.stack.Cubic {
		return e.cubic.cut(e.cwnd)
	}
	return max(e.cwnd/2, 2)
}

// beginCut starts a reduction that ends when what is out now has been
// acknowledged.
func (e *endpoint) beginCut() {
	e.highest, e.probeTo, e.credit = e.nxt, -1, 0
	e.priorCwnd, e.delivered, e.released = e.cwnd, 0, 0
	e.ssthresh = e.cutTo()
}

// cut lets out in proportion to what is delivered (RFC 6937;
// net/ipv4/tcp_input.c, tcp_cwnd_reduction).
func (e *endpoint) cut(delivered, lost int, advanced bool) {
	if delivered <= 0 || e.priorCwnd == 0 {
		return
	}
	e.delivered += delivered
	n := 0
	if room := e.ssthresh - e.flying(); room < 0 {
		n = (e.ssthresh*e.delivered+e.priorCwnd-1)/e.priorCwnd - e.released
	} else {
		n = max(e.delivered-e.released, delivered)
		if advanced && lost == 0 {
			n++
		}
		n = min(room, n)
	}
	if e.released == 0 {
		n = max(n, 1)
	}
	e.cwnd = e.flying() + max(n, 0)
}

func (e *endpoint) cutting() bool { return e.ca == caReduced || e.ca == caRecovery }

// endCut leaves the window at the threshold, unless the cut was undone.
func (e *endpoint) endCut() {
	if e.ssthresh < unlimited && (e.ca == caReduced || e.undoFrom >= 0) {
		e.cwnd = e.ssthresh
	}
}

// afterIdle closes a window that went unused by half per time-out, down to the
// initial one (RFC 5681, 4.1; net/ipv4/tcp_output.c, tcp_cwnd_restart).
func (e *endpoint) afterIdle(now time.Duration) {
	if e.stack.ticking() || len(e.sent) > 0 || e.cwnd <= e.stack.InitCwnd || e.cwnd >= unlimited {
		return
	}
	idle := now - e.lastSent
	if idle <= e.rto {
		return
	}
	e.ssthresh = e.currentSsthresh()
	for idle -= e.rto; idle > 0 && e.cwnd > e.stack.InitCwnd; idle -= e.rto {
		e.cwnd /= 2
	}
	e.cwnd = max(e.cwnd, e.stack.InitCwnd)
}

func (e *endpoint) currentSsthresh() int {
	if e.cutting() {
		return e.ssthresh
	}
	return max(e.ssthresh, e.cwnd/2+e.cwnd/4)
}

// cubic is RFC 9438 as net/ipv4/tcp_cubic.c has it, without HyStart.
type cubic struct {
	began    time.Duration // of the epoch, 0: none
	ackedAll int           // segments in the epoch
	reno     int           // the window that Reno would have
	lastMax  int
	origin   int
	k        float64       // s
	count    int           // what every said last
	lastCwnd int           // for which window
	updated  time.Duration // and when
}

const (
	cubicC    = 0.4
	cubicBeta = 717.0 / 1024
	// renoStep is the segments that an equally fair Reno takes to grow by one,
	// per segment of window (RFC 9438, 4.3).
	renoStep = (1 + cubicBeta) / (1 - cubicBeta) / 3
	// cubicStep is a jiffy: the curve is looked at once in it.
	cubicStep = 4 * time.Millisecond
)

func (c *cubic) cut(cwnd int) int {
	c.began = 0
	if cwnd < c.lastMax {
		c.lastMax = int(float64(cwnd) * (1 + cubicBeta) / 2) // fast convergence
	} else {
		c.lastMax = cwnd
	}
	return max(int(float64(cwnd)*cubicBeta), 2)
}

// every is how many acknowledged segments open the window by one
// (net/ipv4/tcp_cubic.c, bictcp_update).
func (c *cubic) every(now time.Duration, cwnd, acked int, minRTT time.Duration) int {
	c.ackedAll += acked
	since := now - c.updated
	if c.began != 0 && c.lastCwnd == cwnd && since <= time.Second/32 {
		return c.count
	}
	if c.began == 0 || since >= cubicStep {
		c.aim(now, cwnd, acked, minRTT)
	}
	for step := max(int(float64(cwnd)*renoStep), 1); c.ackedAll > step; c.ackedAll -= step {
		c.reno++
	}
	if c.reno > cwnd {
		c.count = min(c.count, cwnd/(c.reno-cwnd))
	}
	c.count = max(c.count, 2)
	return c.count
}

// aim sets the pace by how far the window is from the curve.
func (c *cubic) aim(now time.Duration, cwnd, acked int, minRTT time.Duration) {
	c.lastCwnd, c.updated = cwnd, now
	if c.began == 0 {
		c.began, c.ackedAll, c.reno = now, acked, cwnd
		c.k, c.origin = 0, cwnd
		if c.lastMax > cwnd {
			c.k, c.origin = math.Cbrt(float64(c.lastMax-cwnd)/cubicC), c.lastMax
		}
	}
	t := (now - c.began).Seconds() - c.k
	if minRTT != never {
		t += minRTT.Seconds()
	}
	c.count = 100 * cwnd
	if target := c.origin + int(cubicC*t*t*t); target > cwnd {
		c.count = cwnd / (target - cwnd)
	}
	if c.lastMax == 0 {
		c.count = min(c.count, 20)
	}
}
