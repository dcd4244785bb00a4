package netem

// byteQueue is a first-in first-out queue of bytes. Empty, it holds no memory:
// most connections are idle most of the time. What is more than a voice frame
// comes in flights, for which buffers are kept.
type byteQueue struct {
	buf []byte
	off int
}

func (q *byteQueue) len() int { return len(q.buf) - q.off }

func (q *byteQueue) write(p []byte) {
	if q.off > 0 && len(q.buf)+len(p) > cap(q.buf) {
		q.buf = q.buf[:copy(q.buf, q.buf[q.off:])]
		q.off = 0
	}
	if q.buf == nil && len(p) > smallWrite {
		q.buf = buffers.Get().(*[bufferSize]byte)[:0]
	}
	q.buf = append(q.buf, p...)
}

// smallWrite is room for a voice frame (about 150 bytes, 180 under TLS).
const smallWrite = 512

// peek is the first n bytes, without taking them.
func (q *byteQueue) peek(n int) []byte { return q.buf[q.off : q.off+n] }

func (q *byteQueue) skip(n int) {
	q.off += n
	if q.off == len(q.buf) {
		if cap(q.buf) == bufferSize {
			buffers.Put((*[bufferSize]byte)(q.buf[:bufferSize]))
		}
		q.buf, q.off = nil, 0
	}
}

func (q *byteQueue) read(p []byte) int {
	n := copy(p, q.buf[q.off:])
	q.skip(n)
	return n
}
