package netem

import "time"

// roundTrip is an end's estimate of the round-trip time and the time-out that
// follows from it.
type roundTrip struct {
	rto          time.Duration // back-off included, on Linux
	srtt, rttvar time.Duration
	minRTT       time.Duration
	sampled      bool
	wasOut       int // segments outstanding when the ACK came

	// Linux.
	mdev, mdevMax time.Duration // 4 × deviation, and its largest in this flight
	rttSeq        int64         // the flight's end

	// lwIP, in ticks: 8 × mean, 4 × deviation; one segment at a time is timed.
	sa, sv   int
	timedAt  time.Duration // never: none is
	timedSeq int64
}

// sample takes a round-trip time.
func (e *endpoint) sample(rtt time.Duration) {
	switch {
	case e.stack.RTOSlack > 0:
		e.sampleLinux(rtt)
	case !e.sampled:
		e.srtt, e.rttvar = rtt, 2*rtt
	default: // RFC 6298, section 2; rttvar is four times that of the RFC
		// With a sample for every ACK each counts that much less (RFC 7323,
		// appendix G).
		n := time.Duration(max(1, (e.wasOut+1)/2))
		e.rttvar += (4*(e.srtt-rtt).Abs() - e.rttvar) / (4 * n)
		e.srtt += (rtt - e.srtt) / (8 * n)
	}
	e.rto = min(max(e.srtt+e.rttvar, e.stack.MinRTO), e.stack.MaxRTO)
	e.sampled, e.backoff = true, 0
}

// sampleLinux is net/ipv4/tcp_input.c, tcp_rtt_estimator: the largest deviation
// of a flight counts, a shorter time raises it by an eighth only, and it falls
// by a quarter of the difference per flight.
func (e *endpoint) sampleLinux(rtt time.Duration) {
	if !e.sampled {
		e.srtt, e.mdev = rtt, 2*rtt
		e.rttvar = max(e.mdev, e.stack.RTOSlack)
		e.mdevMax, e.rttSeq = e.rttvar, e.nxt
		return
	}
	m := rtt - e.srtt
	e.srtt += m / 8
	if m < 0 {
		if m = -m - e.mdev/4; m > 0 {
			m /= 8
		}
	} else {
		m -= e.mdev / 4
	}
	e.mdev += m
	if e.mdev > e.mdevMax {
		e.mdevMax = e.mdev
		e.rttvar = max(e.rttvar, e.mdevMax)
	}
	if e.una > e.rttSeq {
		if e.mdevMax < e.rttvar {
			e.rttvar -= (e.rttvar - e.mdevMax) / 4
		}
		e.rttSeq, e.mdevMax = e.nxt, e.stack.RTOSlack
	}
}

// time starts lwIP's clock for a segment, unless it runs (esp-lwip tcp_out.c,
// tcp_output_segment).
func (e *endpoint) time(now time.Duration, seq int64) {
	if e.timedAt == never {
		e.timedAt, e.timedSeq = now, seq
	}
}

// sampleTicks takes the time of the segment timed, in whole ticks, as lwIP does
// (esp-lwip tcp_in.c, tcp_receive, after Van Jacobson 1988). Truncation leaves
// a deviation of three ticks standing: a time-out of 1.5 s on a quick path, of
// 2.0 s after a round trip that a tick fell into.
func (e *endpoint) sampleTicks(now time.Duration) {
	k := e.stack.Tick
	m := int((e.nextTick(now, k) - e.nextTick(e.timedAt, k)) / k)
	e.timedAt = never
	m -= e.sa >> 3
	e.sa += m
	e.sv += max(m, -m) - e.sv>>2
	e.rto = e.tickRTO(0)
}

// tickRTO is lwIP's time-out after n of them (esp-lwip tcp.c, tcp_backoff).
func (e *endpoint) tickRTO(n int) time.Duration {
	return min(time.Duration((e.sa>>3+e.sv)<<min(n, 7))*e.stack.Tick, e.stack.MaxRTO)
}
