package netem

import (
	"testing"
	"time"
)

// script is a conversation taken from bytes: who writes how much, reads how
// much, closes which way, and when. Each operation is two bytes.
type script struct {
	t       *testing.T
	l       *Law
	now     time.Duration
	written [2]int64 // by side
	read    [2]int64
	eof     [2]bool // seen by side
	gone    [2]bool
	shut    [2]bool // has closed for writing
	closed  [2]bool // has closed altogether
	steps   int
}

// check holds the law against itself after every step.
func (s *script) check() {
	t, l := s.t, s.l
	t.Helper()
	for side := DeviceSide; side <= ServerSide; side++ {
		e, peer := &l.ends[side], &l.ends[side.other()]
		if e.una > e.nxt || e.nxt > e.end {
			t.Fatalf("side %d: una %d, nxt %d, end %d", side, e.una, e.nxt, e.end)
		}
		if peer.rcvNxt < e.una || peer.rcvNxt > e.nxt {
			t.Fatalf("side %d: una %d, nxt %d, but the peer has %d", side, e.una, e.nxt, peer.rcvNxt)
		}
		if got := s.read[side.other()] + int64(l.Readable(side.other())); got > s.written[side] {
			t.Fatalf("side %d wrote %d bytes, %d arrived", side, s.written[side], got)
		}
		if w := l.Readable(side); w > e.stack.Window {
			t.Fatalf("side %d: %d bytes wait in a window of %d", side, w, e.stack.Window)
		}
		if e.end-e.una > int64(e.stack.SendBuffer)+1 {
			t.Fatalf("side %d: %d bytes in a send buffer of %d", side, e.end-e.una, e.stack.SendBuffer)
		}
		next := e.una
		for _, seg := range e.sent {
			if seg.seq != next {
				t.Fatalf("side %d: a segment at %d, want %d", side, seg.seq, next)
			}
			next = seg.end()
		}
		if next != e.nxt {
			t.Fatalf("side %d: segments end at %d, nxt %d", side, next, e.nxt)
		}
		s.checkScores(e)
		if f := l.flight[side]; len(f) > 1 && f[len(f)-1].at < f[len(f)-2].at {
			t.Fatalf("side %d: a packet overtook another", side)
		}
	}
}

// checkScores holds the counts of segments against the segments.
func (s *script) checkScores(e *endpoint) {
	var sacked, lost, again int
	for _, seg := range e.sent {
		sacked += int(seg.score & scoreSACKed / scoreSACKed)
		lost += int(seg.score & scoreLost / scoreLost)
		again += int(seg.score & scoreAgain / scoreAgain)
		if seg.score&(scoreSACKed|scoreLost) == scoreSACKed|scoreLost {
			s.t.Fatalf("segment at %d both arrived and lost", seg.seq)
		}
	}
	if e.reno {
		if sacked > 0 || e.sackedOut > len(e.sent) || e.sackedOut < 0 {
			s.t.Fatalf("%d duplicates counted, %d segments out", e.sackedOut, len(e.sent))
		}
		sacked = e.sackedOut
	}
	if e.sackedOut != sacked || e.lostOut != lost || e.againOut != again || e.flying() < 0 {
		s.t.Fatalf("counted %d arrived, %d lost, %d again; are %d, %d, %d", e.sackedOut, e.lostOut, e.againOut, sacked, lost, again)
	}
	if e.cwnd < 1 {
		s.t.Fatalf("a window of %d", e.cwnd)
	}
}

// settle steps the law until limit, one due time at a time.
func (s *script) settle(limit time.Duration) {
	s.t.Helper()
	for {
		due, ok := s.l.Due()
		if !ok || due > limit {
			break
		}
		if s.steps++; s.steps > 200_000 {
			s.t.Fatalf("no end: at %v something is due at %v", s.now, due)
		}
		s.now = max(s.now, due)
		notes := append([]Note(nil), s.l.Step(s.now)...)
		if next, ok := s.l.Due(); ok && next <= s.now {
			s.t.Fatalf("after a step to %v, %v is still due", s.now, next)
		}
		for _, n := range notes {
			s.take(n)
		}
		s.check()
	}
	s.now = max(s.now, limit)
}

func (s *script) take(n Note) {
	t := s.t
	if s.gone[n.Side] && n.Kind != Closed {
		t.Fatalf("side %d is gone, and %+v", n.Side, n)
	}
	switch n.Kind {
	case Arrived:
		s.l.Accept(n.At)
	case Readable:
		if n.Upto > s.written[n.Side.other()] || n.Upto < s.read[n.Side] {
			t.Fatalf("%+v, but %d written", n, s.written[n.Side.other()])
		}
	case EOF:
		if s.eof[n.Side] || !s.shut[n.Side.other()] || n.Upto != s.written[n.Side.other()] {
			t.Fatalf("%+v: second, unasked or early EOF of %d bytes", n, s.written[n.Side.other()])
		}
		s.eof[n.Side] = true
	case Reset, Refused, GaveUp:
		s.gone[n.Side] = true
	}
}

func (s *script) write(side Side, n int) {
	if s.closed[side] {
		return
	}
	took := s.l.Write(s.now, side, n)
	if took < 0 || took > n {
		s.t.Fatalf("took %d of %d bytes", took, n)
	}
	s.written[side] += int64(took)
}

func (s *script) readSome(side Side, n int) {
	if k := min(n, s.l.Readable(side)); k > 0 {
		s.l.Read(s.now, side, k)
		s.read[side] += int64(k)
	}
}

func (s *script) close(side Side, whole bool) {
	open := s.l.ends[side].state == established
	if s.closed[side] {
		return
	}
	if whole {
		s.closed[side] = true
		s.shut[side] = s.shut[side] || open
		s.l.Close(s.now, side)
		s.gone[side] = s.gone[side] || s.l.ends[side].state == gone
		return
	}
	s.shut[side] = s.shut[side] || open
	s.l.CloseWrite(s.now, side)
}

// operate carries out one operation.
func (s *script) operate(op, arg byte) {
	side := Side(op & 1)
	switch op >> 1 & 7 {
	case 0, 1:
		s.write(side, 1+int(arg)*40)
	case 2, 3:
		s.readSome(side, 1+int(arg)*60)
	case 4:
		if arg < 16 {
			s.close(side, arg%2 == 0)
		}
	case 5:
		s.l.Phase(uint64(arg))
	default:
		s.settle(s.now + time.Duration(arg)*7*time.Millisecond)
	}
	s.check()
}

// converse plays a script over a path and then lets both ends read all and
// close. Every byte must be there once and in order, unless an end is gone.
func converse(t *testing.T, path *Path, device, server Stack, key Key, ops []byte) *script {
	s := &script{t: t, l: NewLaw(path, device, server, key)}
	s.l.Open(0)
	for i := 0; i+1 < len(ops); i += 2 {
		s.operate(ops[i], ops[i+1])
	}
	for range 2000 {
		for side := DeviceSide; side <= ServerSide; side++ {
			s.readSome(side, 1<<30)
		}
		if _, ok := s.l.Due(); !ok {
			break
		}
		due, _ := s.l.Due()
		s.settle(max(due, s.now))
	}
	for side := DeviceSide; side <= ServerSide; side++ {
		to := side.other()
		whole := !s.gone[0] && !s.gone[1] && !s.closed[to]
		if whole && s.read[to] != s.written[side] {
			t.Fatalf("side %d wrote %d bytes, side %d read %d", side, s.written[side], to, s.read[to])
		}
		if whole && s.shut[side] && !s.eof[to] {
			t.Fatalf("side %d closed, side %d saw no EOF", side, to)
		}
	}
	s.close(DeviceSide, true)
	s.close(ServerSide, true)
	s.settle(s.now + 24*time.Hour)
	if _, ok := s.l.Due(); ok {
		t.Fatal("a day after both ends closed, something is due")
	}
	return s
}

// deviceStack are the stacks by number.
func deviceStack(kind byte) Stack {
	switch kind % 4 {
	case 1:
		return StackModem()
	case 2:
		return StackLinux()
	case 3:
		s := StackLinux()
		s.SACK, s.Cubic, s.Jiffy = false, false, 4*time.Millisecond
		return s
	}
	return StackLwIP()
}

// cellular are paths of every kind, by number.
func cellular(kind, loss byte, key Key) *Path {
	p := Profile{RTTFloor: RTTFloor{Min: 80}}
	p.GE = GE{LossGood: float64(loss%64) / 128, LossBad: float64(loss%64) / 128}
	switch kind % 4 {
	case 1:
		p.JitterSD = 20
	case 2:
		p = cellEdge()
		p.QueueBytes = UpDown{3000, 6000}
	case 3:
		p.RTTFloor.Min = 0
	}
	return NewPath(p, key)
}

func FuzzLaw(f *testing.F) {
	f.Add(uint64(1), byte(0), byte(0), []byte{12, 40, 0, 200, 12, 100, 5, 255, 8, 0})
	f.Add(uint64(2), byte(2), byte(20), []byte{12, 255, 1, 255, 12, 255, 4, 10, 9, 1, 12, 200})
	f.Add(uint64(4), byte(9), byte(25), []byte{12, 255, 1, 255, 0, 255, 12, 90, 1, 255, 12, 255, 9, 1})
	f.Add(uint64(3), byte(3), byte(60), []byte{12, 9, 1, 255, 0, 255, 8, 2, 12, 1, 9, 4})
	f.Fuzz(func(t *testing.T, seed uint64, kind, loss byte, ops []byte) {
		if len(ops) > 400 {
			return
		}
		key := Seed(seed)
		converse(t, cellular(kind, loss, key), deviceStack(kind>>2), StackLinux(), key, ops)
	})
}

// The same on random scripts, with every test run.
func TestEveryByteArrivesOnceInOrder(t *testing.T) {
	key, whole, read, lost := Seed(70), 0, int64(0), int64(0)
	n := sampleSize() / 50
	for i := range uint64(n) {
		k := key.Of(i)
		ops := make([]byte, 120)
		for j := range ops {
			ops[j] = byte(256 * k.Of(1, uint64(j)).Uniform())
		}
		ops[0], ops[1] = 12, 255 // open first, mostly
		s := converse(t, cellular(byte(i), byte(i/7), k), deviceStack(byte(i/4)), StackLinux(), k, ops)
		if s.eof[0] && s.eof[1] {
			whole++
		}
		read += s.read[0] + s.read[1]
		lost += s.l.Counts().Lost
	}
	t.Logf("%d conversations, %d to the end both ways, %d bytes read, %d packets lost", n, whole, read, lost)
	if whole < n/10 || lost < int64(n) {
		t.Error("the scripts do not try the law")
	}
}
