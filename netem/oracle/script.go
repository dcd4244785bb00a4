package main

import (
	"time"

	"xzfleet/netem"
)

// step is one message of a script: n bytes from one side. The side that gets
// the last byte of it sends the next one at once.
type step struct {
	from netem.Side
	n    int
}

// handshake is an opening by its sizes: a ClientHello, the server's flight
// with its chain, the client's key exchange and Finished, the server's
// Finished (TLS 1.2, RFC 5246, section 7.3), then a WebSocket upgrade.
var handshake = []step{
	{netem.DeviceSide, 250},
	{netem.ServerSide, 3500},
	{netem.DeviceSide, 150},
	{netem.ServerSide, 60},
	{netem.DeviceSide, 250},
	{netem.ServerSide, 200},
}

// finished is the step of handshake that ends TLS.
const finished = 3

// bulk is one transfer of 24 kB, a little more than the window that TCP
// begins with.
func bulk(from netem.Side) []step { return []step{{from, 24_000}} }

// never is the time of what did not happen within patience.
const never = time.Duration(1<<63 - 1)

// patience is how long an attempt may take, under both the law and the
// oracle.
const patience = 30 * time.Second

// attempt is one connection that went through a script.
type attempt struct {
	opened time.Duration   // since the connect, at the side that writes first
	done   []time.Duration // since the connect: the last byte of each step is there
	lost   int             // packets
}

func newAttempt(script []step) attempt {
	a := attempt{opened: never, done: make([]time.Duration, len(script))}
	for i := range a.done {
		a.done[i] = never
	}
	return a
}

// phase is a stretch of an attempt: whether the attempt entered it and how
// long it took, never included.
type phase struct {
	name string
	of   func(attempt) (time.Duration, bool)
}

var (
	phaseTCP   = phase{"tcp", func(a attempt) (time.Duration, bool) { return a.opened, true }}
	phaseTLS   = phase{"tls", func(a attempt) (time.Duration, bool) { return since(a.done[finished], a.opened) }}
	phaseTotal = phase{"total", func(a attempt) (time.Duration, bool) { return a.done[len(a.done)-1], true }}
	// phaseBulk runs from when the sender may write.
	phaseBulk = phase{"bulk", func(a attempt) (time.Duration, bool) { return since(a.done[len(a.done)-1], a.opened) }}
)

func since(end, start time.Duration) (time.Duration, bool) {
	if end == never {
		return never, start != never
	}
	return end - start, start != never
}

// condition is a path: its round-trip time and the loss of each packet, either
// way.
type condition struct {
	rtt  time.Duration
	loss float64
}

func (c condition) profile() netem.Profile {
	return netem.Profile{
		RTTFloor: netem.RTTFloor{Min: float64(c.rtt) / float64(time.Millisecond)},
		GE:       netem.GE{LossGood: c.loss, LossBad: c.loss},
	}
}
