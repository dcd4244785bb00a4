package device

// newlibRand is newlib's rand() as one FreeRTOS task sees it: the state is
// kept per task (struct _reent) and the firmware never calls srand, so every
// task's stream starts from 1 at boot. WebSocket keys and masks are drawn
// from it (78/esp-ml307 src/web_socket.cc), hence the first connection of
// every device carries the same Sec-WebSocket-Key.
//
// Source: newlib/libc/stdlib/rand.c.
type newlibRand struct{ next uint64 }

// newNewlibRand is the stream of a task that has drawn nothing yet.
func newNewlibRand() *newlibRand { return &newlibRand{next: 1} }

// Next draws one value, 0 to 2^31-1.
func (r *newlibRand) Next() uint32 {
	r.next = r.next*6364136223846793005 + 1
	return uint32(r.next>>32) & 0x7fffffff
}

// fill draws one value per byte and keeps its low eight bits: both
// rand()%256 (key) and rand()&0xFF (mask) of the firmware.
func (r *newlibRand) fill(p []byte) {
	for i := range p {
		p[i] = byte(r.Next())
	}
}

// mask draws the four bytes of a frame mask.
func (r *newlibRand) mask() (m [4]byte) {
	r.fill(m[:])
	return m
}
