package netem

// byteQueue is a first-in first-out queue of bytes. Empty, it holds no memory:
// most connections are idle most of the time.
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
	q.buf = append(q.buf, p...)
}

// peek is the first n bytes, without taking them.
func (q *byteQueue) peek(n int) []byte { return q.buf[q.off : q.off+n] }

func (q *byteQueue) skip(n int) {
	q.off += n
	if q.off == len(q.buf) {
		q.buf, q.off = nil, 0
	}
}

func (q *byteQueue) read(p []byte) int {
	n := copy(p, q.buf[q.off:])
	q.skip(n)
	return n
}
