package netem

import (
	"math"
	"time"
)

// Side is one end of a connection.
type Side uint8

const (
	DeviceSide Side = iota
	ServerSide
)

func (s Side) other() Side { return 1 - s }

// NoteKind says what happened at one end of a law.
type NoteKind uint8

const (
	Arrived  NoteKind = iota // the SYN is at the server: answer with Accept or Refuse
	Opened                   // the end may write
	Readable                 // bytes in sequence are there
	Writable                 // a Write that was cut short may go on
	EOF                      // the peer's FIN, behind all its bytes
	Reset                    // the peer's RST
	Refused                  // an RST to the SYN
	GaveUp                   // repeats exhausted
	Closed                   // both directions are done; nothing follows
)

// Note is something that happened, at its own time.
type Note struct {
	Side Side
	Kind NoteKind
	At   time.Duration
	Upto int64 // Readable: how many bytes have come in sequence in all
}

// Counts is the traffic of a law at IP level, both directions.
type Counts struct {
	Bytes       [2]int64 // by the side that sent them
	Segments    int64
	Lost        int64
	Retransmits int64
	RTOs        int64
}

// Law is one TCP connection between two modelled stacks over two links. It
// counts bytes and holds none. Methods take the time; none blocks; Step
// processes what has fallen due, each packet and timer at its own due time.
type Law struct {
	ends   [2]endpoint
	path   *Path
	links  [2]*Link // by the side that sends
	key    Key
	phase  uint64
	flight [2][]segment // in order of arrival, by the side that sent
	blocks [2][]*blocks // of those that have some
	told   *blocks      // of the packet in hand
	counts Counts
	notes  []Note
	spare  []Note        // the notes handed out last
	passed time.Duration // when a packet last passed the NAT

	header  int    // bytes of IP and TCP before the payload
	syn     [2]int // bytes of the SYN, of the SYN-ACK
	v6      bool
	stamps  bool // both ends have timestamps
	sack    bool // both ends have SACK
	expired bool // the NAT has forgotten the connection
	dead    bool
	dialed  bool // the SYN has been noted
}

// What a handshake and a voice frame take; more grows.
const usualNotes, usualSegments = 4, 4

// NewLaw makes a connection between the device's stack and the server's over
// path. key names the draws of its packets.
func NewLaw(path *Path, device, server Stack, key Key) *Law {
	l := &Law{
		path: path, links: [2]*Link{path.Up, path.Down}, key: key,
		notes: make([]Note, 0, usualNotes), spare: make([]Note, 0, usualNotes),
	}
	for s := range l.flight {
		l.flight[s] = make([]segment, 0, usualSegments)
	}
	l.ends[DeviceSide] = newEndpoint(device, path.key)
	l.ends[ServerSide] = newEndpoint(server, path.key)
	l.agree()
	return l
}

// IPv6 makes it a connection over IPv6. It is called before Open.
func (l *Law) IPv6() {
	l.v6 = true
	l.agree()
}

// Phase names the draws of what is sent from now on. The numbering of
// segments starts anew, so that one more segment in a phase changes no draw
// of a later one.
func (l *Law) Phase(p uint64) {
	l.phase = p
	for i := range l.ends {
		l.ends[i].segments, l.ends[i].acks = 0, 0
	}
}

// Counts is the traffic so far.
func (l *Law) Counts() Counts { return l.counts }

// Open sends the SYN.
func (l *Law) Open(now time.Duration) {
	e := &l.ends[DeviceSide]
	e.state = synSent
	l.sendSYN(now, DeviceSide)
}

// Accept sends the SYN-ACK; the server's end may write once it is
// acknowledged.
func (l *Law) Accept(now time.Duration) {
	e := &l.ends[ServerSide]
	if l.dead || e.state != closed {
		return
	}
	e.state = synReceived
	l.sendSYN(now, ServerSide)
}

// Refuse answers the SYN, and every repeat of it, with an RST.
func (l *Law) Refuse(now time.Duration) {
	e := &l.ends[ServerSide]
	if l.dead || e.state != closed {
		return
	}
	e.state = gone
	l.send(now, ServerSide, &segment{flags: flagRST}, l.header, l.ackKey(ServerSide))
}

// Write offers n bytes at one end and returns how many its send buffer takes;
// where that is fewer, a Writable note follows when there is room.
func (l *Law) Write(now time.Duration, side Side, n int) int {
	e := &l.ends[side]
	if l.dead || e.state != established || e.finAt >= 0 {
		return 0
	}
	took := min(n, e.room())
	e.blocked = took < n
	e.end += int64(took)
	e.afterIdle(now)
	l.output(now, side)
	return took
}

// Room is how many bytes Write would take; where none, a Writable note
// follows when there is room.
func (l *Law) Room(side Side) int {
	e := &l.ends[side]
	if l.dead || e.state != established || e.finAt >= 0 {
		return 0
	}
	e.blocked = e.room() == 0
	return e.room()
}

// Readable is how many bytes in sequence wait at one end.
func (l *Law) Readable(side Side) int {
	e := &l.ends[side]
	return int(e.rcvNxt - e.finRead() - e.read)
}

// Read takes n bytes, which opens the window.
func (l *Law) Read(now time.Duration, side Side, n int) {
	e := &l.ends[side]
	e.read += int64(n)
	if l.dead || e.state != established {
		return
	}
	if e.tellsWindow() || e.ackOnRead() {
		l.sendACK(now, side)
	}
}

// CloseWrite ends one direction: a FIN behind what was written.
func (l *Law) CloseWrite(now time.Duration, side Side) {
	e := &l.ends[side]
	if l.dead || e.finAt >= 0 || e.state != established {
		return
	}
	e.finAt = e.end
	e.end++
	l.output(now, side)
}

// Close is what close(2) does: the other direction's bytes are no longer
// wanted, and an RST says so if some wait unread or come later.
func (l *Law) Close(now time.Duration, side Side) {
	e := &l.ends[side]
	switch {
	case l.dead:
	case e.state != established || l.Readable(side) > 0:
		l.Abort(now, side)
	default:
		e.deaf = true
		l.CloseWrite(now, side)
	}
}

// Abort sends an RST and forgets the connection at this end. Before it was
// open, a device just falls silent.
func (l *Law) Abort(now time.Duration, side Side) {
	e := &l.ends[side]
	if l.dead || e.state == closed && side == DeviceSide {
		return
	}
	if e.state == established || e.state == synReceived {
		l.send(now, side, &segment{flags: flagRST, seq: e.nxt}, l.header, l.ackKey(side))
	}
	e.stop()
	e.state = gone
	l.settle(now)
}

// Kill forgets the connection at once, without a packet.
func (l *Law) Kill() { l.dead = true }

// Done reports whether nothing will happen any more.
func (l *Law) Done() bool { return l.dead }

// Due is when Step has something to do next.
func (l *Law) Due() (time.Duration, bool) {
	due := time.Duration(math.MaxInt64)
	if l.dead {
		return due, false
	}
	for s := range l.ends {
		if len(l.flight[s]) > 0 {
			due = min(due, l.flight[s][0].at)
		}
		due = min(due, l.ends[s].due())
	}
	return due, due < math.MaxInt64
}

// Step processes what is due by now and returns what happened, in order of
// time. The notes are valid until the next call.
func (l *Law) Step(now time.Duration) []Note {
	for {
		due, ok := l.Due()
		if !ok || due > now {
			break
		}
		l.one(due)
		l.settle(due)
	}
	return l.take()
}

// take hands out the notes, also those that Write and Read left.
func (l *Law) take() []Note {
	notes := l.notes
	l.notes, l.spare = l.spare[:0], notes
	return notes
}

// one processes the first thing due: an arrival before a timer of the same
// time.
func (l *Law) one(due time.Duration) {
	for s := DeviceSide; s <= ServerSide; s++ {
		if f := l.flight[s]; len(f) > 0 && f[0].at <= due {
			seg := f[0]
			l.flight[s] = append(f[:0], f[1:]...)
			if seg.flags&flagSACK != 0 {
				l.told, l.blocks[s] = l.blocks[s][0], l.blocks[s][1:]
			}
			l.arrive(&seg, s.other())
			return
		}
	}
	for s := DeviceSide; s <= ServerSide; s++ {
		if l.ends[s].due() <= due {
			l.timeOut(due, s)
			return
		}
	}
}

func (l *Law) note(side Side, kind NoteKind, at time.Duration) {
	e := &l.ends[side]
	l.notes = append(l.notes, Note{side, kind, at, e.rcvNxt - e.finRead()})
}

// settle ends the law when neither end has anything left to do.
func (l *Law) settle(now time.Duration) {
	d, s := &l.ends[DeviceSide], &l.ends[ServerSide]
	if l.dead || !d.over() || !s.over() {
		return
	}
	// An end that is gone answers what is still in flight with an RST.
	if d.finished() && s.finished() || len(l.flight[0])+len(l.flight[1]) == 0 {
		l.dead = true
		l.note(DeviceSide, Closed, now)
	}
}

func (l *Law) ackKey(side Side) Key {
	e := &l.ends[side]
	e.acks++
	return l.key.Of(drawACK, l.phase, uint64(side), e.acks)
}
