package main

import (
	"time"

	"xzfleet/netem"
)

// Stack is gVisor's TCP as the oracle sets it up, in the law's parameters
// (pkg/tcpip/transport/tcp: snd.go, connect.go, protocol.go): SYN after 1, 2,
// 4 s and so on, data RTO as RFC 6298 has it with 200 ms at least, ten segments
// at first, every segment acknowledged at once.
func Stack(sack bool) netem.Stack {
	s := netem.Stack{
		MSS:    1460,
		SynRTO: time.Second, SynBackoff: true, SynRetries: 6,
		MinRTO: 200 * time.Millisecond, MaxRTO: 120 * time.Second,
		Retries: 15, Window: 1 << 20, SendBuffer: 1 << 20, InitCwnd: 10, DupAcks: 3,
		SACK: sack, Timestamps: true, TimedSYNACK: true,
	}
	if sack {
		s.MSS -= 28 // gVisor keeps room for three blocks (initSender)
	}
	return s
}

// lawSample puts n connections through a script under the law, in virtual
// time.
func lawSample(c condition, sack bool, script []step, n int, seed netem.Key) []attempt {
	sample := make([]attempt, n)
	for i := range sample {
		key := seed.Of(uint64(i))
		l := netem.NewLaw(netem.NewPath(c.profile(), key), Stack(sack), Stack(sack), key)
		sample[i] = newLawRun(l, script).run()
	}
	return sample
}

// lawRun is one connection of the law in a script.
type lawRun struct {
	law    *netem.Law
	script []step
	at     int // step under way
	unsent int // bytes of it that the send buffer did not take
	attempt
}

func newLawRun(l *netem.Law, script []step) *lawRun {
	return &lawRun{law: l, script: script, unsent: script[0].n, attempt: newAttempt(script)}
}

func (r *lawRun) run() attempt {
	r.law.Open(0)
	for r.at < len(r.script) {
		due, ok := r.law.Due()
		if !ok || due > patience {
			break
		}
		for _, n := range append([]netem.Note(nil), r.law.Step(due)...) {
			r.take(n)
		}
	}
	r.lost = int(r.law.Counts().Lost)
	return r.attempt
}

func (r *lawRun) take(n netem.Note) {
	if n.Kind == netem.Arrived {
		r.law.Accept(n.At)
	}
	if r.at == len(r.script) {
		return
	}
	from := r.script[r.at].from
	switch {
	case n.Kind == netem.Opened && r.at == 0 && n.Side == from:
		r.opened = n.At
		r.write(n.At)
	case n.Kind == netem.Writable && n.Side == from:
		r.write(n.At)
	case n.Kind == netem.Readable && n.Side != from:
		r.read(n)
	}
}

func (r *lawRun) write(now time.Duration) {
	r.unsent -= r.law.Write(now, r.script[r.at].from, r.unsent)
}

func (r *lawRun) read(n netem.Note) {
	if r.law.Readable(n.Side) < r.script[r.at].n {
		return
	}
	r.law.Read(n.At, n.Side, r.script[r.at].n)
	r.done[r.at] = n.At
	if r.at++; r.at < len(r.script) {
		r.unsent = r.script[r.at].n
		r.write(n.At)
	}
}
