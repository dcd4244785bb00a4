package netem

import "sync"

// byteQueue is a first-in first-out queue of bytes. Empty, it holds no memory:
// most connections are idle most of the time. Buffers are kept in two sizes,
// for a voice frame and for what comes in flights.
type byteQueue struct {
	buf []byte
	off int
}

// smallBuffer is room for a voice frame (about 150 bytes, 180 under TLS).
const smallBuffer = 512

var smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}

func (q *byteQueue) len() int { return len(q.buf) - q.off }

func (q *byteQueue) write(p []byte) {
	if q.off > 0 && len(q.buf)+len(p) > cap(q.buf) {
		q.buf = q.buf[:copy(q.buf, q.buf[q.off:])]
		q.off = 0
	}
	old := q.buf
	switch need := len(old) + len(p); {
	case need <= cap(old):
	case need <= smallBuffer:
		q.buf = smallBuffers.Get().(*[smallBuffer]byte)[:0]
	case need <= bufferSize:
		q.buf = append(buffers.Get().(*[bufferSize]byte)[:0], old...)
		keep(old)
	}
	q.buf = append(q.buf, p...)
}

// keep gives a buffer back.
func keep(buf []byte) {
	switch cap(buf) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(buf[:smallBuffer]))
	case bufferSize:
		buffers.Put((*[bufferSize]byte)(buf[:bufferSize]))
	}
}

// peek is the first n bytes, without taking them.
func (q *byteQueue) peek(n int) []byte { return q.buf[q.off : q.off+n] }

func (q *byteQueue) skip(n int) {
	q.off += n
	if q.off == len(q.buf) {
		q.drop()
	}
}

// drop forgets what is left.
func (q *byteQueue) drop() {
	keep(q.buf)
	q.buf, q.off = nil, 0
}

func (q *byteQueue) read(p []byte) int {
	n := copy(p, q.buf[q.off:])
	q.skip(n)
	return n
}
