package netem

import "time"

type flags uint8

const (
	flagSYN flags = 1 << iota
	flagACK
	flagFIN
	flagRST
	flagPush  // ends what the sender had to say
	flagProbe // asks for an ACK
	flagSACK  // has blocks with it: they travel in Law.blocks, in the same order
	flagAgain // a repeat, for traces
)

// segment is a packet in flight. Its bytes are [seq, seq+size).
type segment struct {
	at    time.Duration
	seq   int64
	size  int
	ack   int64
	edge  int64         // ack + window: the right edge offered
	sent  time.Duration // timestamp
	echo  time.Duration // of the peer's timestamp
	flags flags
}

// arrive takes a packet at the end of its link. The NAT is at the server's end
// of the path.
func (l *Law) arrive(seg *segment, side Side) {
	switch {
	case side == ServerSide && seg.flags&flagSYN != 0:
		l.passed = seg.at
	case side == ServerSide && l.forgotten(seg.at):
		l.stopAtNAT(seg.at, seg)
		return
	}
	l.receive(seg.at, side, seg)
}

// send sends a packet, unless it is stopped at the NAT.
func (l *Law) send(now time.Duration, side Side, seg *segment, size int, key Key) {
	if side == ServerSide && l.forgotten(now) {
		l.counts.Segments++
		l.counts.Bytes[side] += int64(size)
		l.lose(now, side, seg, size, Dropped)
		return
	}
	l.launch(now, side, seg, size, key)
}

// launch puts a packet on the link.
func (l *Law) launch(now time.Duration, side Side, seg *segment, size int, key Key) {
	l.counts.Segments++
	l.counts.Bytes[side] += int64(size)
	at, fate := l.links[side].Send(now, size, key)
	if fate != Delivered {
		l.lose(now, side, seg, size, fate)
		return
	}
	if l.path.Watch != nil {
		l.trace(now, at, side, seg, size, fate)
	}
	seg.at = at
	l.flight[side] = append(l.flight[side], *seg)
	if seg.flags&flagSACK != 0 {
		l.blocks[side] = append(l.blocks[side], l.told)
	}
}

func (l *Law) lose(now time.Duration, side Side, seg *segment, size int, fate Fate) {
	l.counts.Lost++
	if l.path.Watch != nil {
		l.trace(now, 0, side, seg, size, fate)
	}
}

func (l *Law) trace(now, until time.Duration, side Side, seg *segment, size int, fate Fate) {
	l.path.watch(PathEvent{
		Kind: Packet, Side: side, At: now, Until: until, Name: seg.name(), Bytes: size,
		Seq: seg.seq, Again: seg.flags&flagAgain != 0, Fate: fate,
	})
}

// name is what traces call the packet.
func (s *segment) name() string {
	switch {
	case s.flags&flagRST != 0:
		return "RST"
	case s.flags&(flagSYN|flagACK) == flagSYN|flagACK:
		return "SYN-ACK"
	case s.flags&flagSYN != 0:
		return "SYN"
	case s.size > 0:
		return "data"
	case s.flags&flagFIN != 0:
		return "FIN"
	case s.flags&flagProbe != 0:
		return "probe"
	}
	return "ACK"
}

// sendSYN sends or repeats the SYN or SYN-ACK of one end.
func (l *Law) sendSYN(now time.Duration, side Side) {
	e := &l.ends[side]
	seg := segment{flags: flagSYN, edge: e.edge(), sent: now, echo: e.peerStamp}
	if side == ServerSide {
		seg.flags |= flagACK
	}
	if e.synRepeats == 0 {
		e.firstSYN = now
		e.time(now, -1)
	} else {
		seg.flags |= flagAgain
		e.timedAt = never
	}
	e.offered = seg.edge
	key := l.key.Of(drawSYN, uint64(side), uint64(e.synRepeats))
	e.synAt, e.rtoAt = now, e.synTimeout(now, side)
	l.send(now, side, &seg, l.syn[side], key)
}

// sentSegment is a segment not yet acknowledged; it is repeated as it was cut,
// or, by Linux, together with small ones that follow it.
type sentSegment struct {
	seq     int64
	size    int
	fin     bool
	push    bool
	score   score
	phase   uint64
	index   uint64
	repeats uint64
	at      time.Duration // sent last
	order   uint64        // among all data packets sent
}

func (s *sentSegment) end() int64 {
	if s.fin {
		return s.seq + int64(s.size) + 1
	}
	return s.seq + int64(s.size)
}

// output sends what the windows allow: whole segments only (RFC 9293,
// 3.8.6.2.1). What was lost goes first.
func (l *Law) output(now time.Duration, side Side) {
	e := &l.ends[side]
	if e.stack.ticking() && e.againOut < e.lostOut && !l.resendTicking(now, side) {
		return
	}
	if e.nxt == e.end {
		e.persistAt, e.backoff = never, 0
		return
	}
	sent := 0
	for e.nxt < e.end {
		upto := min(e.end, e.nxt+int64(e.mss))
		if upto > e.peerEdge || !e.mayFly(upto) {
			break
		}
		l.sendNext(now, side, upto)
		sent++
	}
	if !e.stack.ticking() {
		l.sentNew(now, side, sent)
	}
	l.persist(now, side)
}

// sendNext cuts the next segment and sends it.
func (l *Law) sendNext(now time.Duration, side Side, upto int64) {
	e := &l.ends[side]
	s := sentSegment{seq: e.nxt, size: int(upto - e.nxt), push: upto == e.end, phase: l.phase, index: e.segments}
	if e.finAt >= 0 && upto > e.finAt {
		s.size, s.fin = int(e.finAt-e.nxt), true
	}
	e.segments++
	e.nxt = upto
	e.sent = append(e.sent, s)
	switch {
	case e.stack.ticking():
		e.time(now, s.seq)
		if e.rtoAt == never {
			e.set(now, timerRTO, e.rto)
		}
	case len(e.sent) == 1 || e.timer == timerProbe && e.rtoAt != never:
		l.rearm(now, side)
	}
	l.transmit(now, side, len(e.sent)-1)
}

// transmit puts the i-th outstanding segment on the link.
func (l *Law) transmit(now time.Duration, side Side, i int) {
	e := &l.ends[side]
	s := &e.sent[i]
	e.sends++
	s.at, s.order = now, e.sends
	seg := segment{seq: s.seq, size: s.size, flags: flagACK}
	if s.fin {
		seg.flags |= flagFIN
	}
	if s.push {
		seg.flags |= flagPush
	}
	if s.repeats > 0 {
		seg.flags |= flagAgain
	}
	e.speak(now)
	l.sendWith(now, side, &seg, l.key.Of(drawData, s.phase, uint64(side), s.index, s.repeats))
}

// repeat sends the i-th outstanding segment again.
func (l *Law) repeat(now time.Duration, side Side, i int) {
	e := &l.ends[side]
	if !e.stack.ticking() {
		e.collapse(i)
	}
	e.sent[i].repeats++
	l.counts.Retransmits++
	l.transmit(now, side, i)
}

func (l *Law) sendACK(now time.Duration, side Side) { l.sendBare(now, side, flagACK) }

func (l *Law) sendBare(now time.Duration, side Side, f flags) {
	seg := segment{seq: l.ends[side].nxt, flags: f}
	l.sendWith(now, side, &seg, l.ackKey(side))
}

// sendWith completes a packet with the acknowledgement.
func (l *Law) sendWith(now time.Duration, side Side, seg *segment, key Key) {
	e := &l.ends[side]
	e.acknowledged()
	seg.ack, seg.edge = e.rcvNxt, e.offered
	seg.sent, seg.echo = now, e.peerStamp
	size := l.header + seg.size
	if l.sack && (len(e.stray) > 0 || e.repeated.to > 0) {
		l.told = e.selective()
		seg.flags |= flagSACK
		size += 4 + 8*len(l.told.spans)
	}
	l.send(now, side, seg, size, key)
}

// timeOut does what fell due at one end.
func (l *Law) timeOut(now time.Duration, side Side) {
	e := &l.ends[side]
	switch {
	case e.ackAt <= now:
		l.ackLate(now, side)
	case e.persistAt <= now:
		l.probe(now, side)
	case e.state == synSent || e.state == synReceived:
		l.repeatSYN(now, side)
	case e.timer == timerProbe:
		l.probeTail(now, side)
	case e.timer == timerReorder:
		l.reorderOver(now, side)
	case e.timeouts >= e.stack.Retries:
		l.giveUp(now, side)
	case e.stack.ticking():
		l.retransmitTicking(now, side)
	default:
		l.retransmit(now, side)
	}
}

func (l *Law) repeatSYN(now time.Duration, side Side) {
	e := &l.ends[side]
	tries := e.stack.synTries(side)
	if e.synTimeouts >= tries {
		l.giveUp(now, side)
		return
	}
	e.synTimeouts++
	l.path.watch(PathEvent{Kind: TimedOut, Side: side, At: now})
	e.synRepeats++
	l.counts.Retransmits++
	l.sendSYN(now, side)
	e.lastRepeat(now, e.synTimeouts >= tries)
}

// persist starts the probe of a window that takes no whole segment while
// nothing is under way.
func (l *Law) persist(now time.Duration, side Side) {
	e := &l.ends[side]
	if e.nxt == e.end || len(e.sent) > 0 {
		e.persistAt, e.backoff = never, 0
	} else if e.persistAt == never {
		e.persistAt = e.after(now, e.probeTimeout())
	}
}

// probeTimeout backs off on its own: from lwIP's 1.5 s (esp-lwip tcp.c,
// tcp_persist_backoff), on Linux from the RTO (net/ipv4/tcp_output.c,
// tcp_send_probe0).
func (e *endpoint) probeTimeout() time.Duration {
	base, most := e.rto, e.stack.MaxRTO
	if e.stack.ticking() {
		base = e.stack.MinRTO
	}
	if e.stack.MaxProbe > 0 {
		most = e.stack.MaxProbe
	}
	return min(base<<min(e.backoff, 16), most)
}

// probe asks whether the window is still closed, the less often the longer it
// is, and for ever as long as the peer answers (RFC 9293, 3.8.6.1). Where it is
// not quite closed, what fits is sent.
func (l *Law) probe(now time.Duration, side Side) {
	e := &l.ends[side]
	e.persistAt = never
	switch {
	case e.probes >= e.stack.Retries:
		l.giveUp(now, side)
	case e.peerEdge > e.nxt:
		l.sendNext(now, side, min(e.peerEdge, e.end, e.nxt+int64(e.mss)))
	default:
		e.probes++
		e.backoff++
		e.persistAt = e.after(now, e.probeTimeout())
		l.sendBare(now, side, flagACK|flagProbe)
	}
}

func (l *Law) giveUp(now time.Duration, side Side) {
	l.ends[side].stop()
	l.ends[side].state = gone
	l.note(side, GaveUp, now)
}
