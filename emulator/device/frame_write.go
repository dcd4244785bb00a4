package device

import (
	"encoding/binary"
)

// frameKeep is the buffer that stays with an idle device: room for a voice
// frame (about 150 bytes) and the usual JSON.
const frameKeep = 1024

// frameHead is the room before the payload: two bytes, a 16-bit length, a
// mask. The device never uses the 64-bit form.
const frameHead = 8

// frameWriter turns coder's frames, which may come in several writes, into
// the device's: the same opcode and payload under a mask of the device's own,
// in one write or in pieces. coder's Close frames go nowhere: the firmware
// sends none.
type frameWriter struct {
	rand  *newlibRand
	piece int
	send  func(piece []byte, i int) error

	header  [14]byte // of coder's frame under way
	nHeader int
	left    int // payload bytes still to come
	drop    bool
	key     [4]byte // coder's
	keyPos  int
	mask    [4]byte // the device's
	maskPos int
	out     []byte // frameHead bytes, then the payload masked by the device
}

// Write takes coder's bytes. Its error is the connection's.
func (w *frameWriter) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if w.left == 0 {
			n, whole := w.collect(p[done:])
			done += n
			if !whole {
				continue
			}
			w.begin()
		} else {
			n := min(w.left, len(p)-done)
			w.payload(p[done : done+n])
			done += n
		}
		if w.left == 0 {
			if err := w.end(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// collect gathers the header and reports when it is whole.
func (w *frameWriter) collect(p []byte) (n int, whole bool) {
	for n < len(p) {
		w.header[w.nHeader] = p[n]
		w.nHeader++
		n++
		if w.nHeader >= 2 && w.nHeader == w.headerLen() {
			return n, true
		}
	}
	return n, false
}

func (w *frameWriter) headerLen() int {
	n := 2
	switch w.header[1] &^ frameMasked {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if w.header[1]&frameMasked != 0 {
		n += 4
	}
	return n
}

// begin starts a frame: coder's key is the end of its header, the device's
// mask is drawn now, except for frames that the device never sends.
func (w *frameWriter) begin() {
	w.left = int(w.header[1] &^ frameMasked)
	switch w.left {
	case 126:
		w.left = int(binary.BigEndian.Uint16(w.header[2:]))
	case 127:
		w.left = int(binary.BigEndian.Uint64(w.header[2:]))
	}
	w.key, w.keyPos, w.maskPos = [4]byte{}, 0, 0
	if w.header[1]&frameMasked != 0 {
		copy(w.key[:], w.header[w.nHeader-4:w.nHeader])
	}
	w.nHeader = 0
	w.drop = w.header[0]&0xf == frameClose || w.left > frameMaxSend
	if w.drop {
		return
	}
	w.mask = w.rand.mask()
	w.out = append(w.out[:0], make([]byte, frameHead)...)
}

func (w *frameWriter) payload(p []byte) {
	w.left -= len(p)
	if w.drop {
		return
	}
	at := len(w.out)
	w.out = append(w.out, p...)
	w.keyPos = xorMask(w.out[at:], w.key, w.keyPos)
	w.maskPos = xorMask(w.out[at:], w.mask, w.maskPos)
}

// end writes the header backwards from the payload and sends the frame.
func (w *frameWriter) end() error {
	if w.drop {
		return nil
	}
	n := len(w.out) - frameHead
	start := frameHead - 6
	if n > 125 {
		start = 0
	}
	head := appendFrameHeader(w.out[start:start], w.header[0], frameMasked, n)
	copy(w.out[start+len(head):], w.mask[:])
	err := w.sendPieces(w.out[start:])
	if cap(w.out) > frameKeep {
		w.out = nil
	}
	return err
}

func (w *frameWriter) sendPieces(frame []byte) error {
	size := w.piece
	if size <= 0 {
		size = len(frame)
	}
	for i := 0; len(frame) > 0; i++ {
		n := min(size, len(frame))
		if err := w.send(frame[:n], i); err != nil {
			return err
		}
		frame = frame[n:]
	}
	return nil
}

// WritePong answers a ping; masks come from rng, since some versions of the
// firmware answer from a task of their own. It shares no state with Write
// and must be called from the goroutine that writes messages. More than 125
// bytes are refused in silence, as SendControlFrame does.
func (w *frameWriter) WritePong(payload []byte, rng *newlibRand) error {
	if len(payload) > frameMaxControl {
		return nil
	}
	var buf [6 + frameMaxControl]byte
	frame := appendFrameHeader(buf[:0], frameFIN|framePong, frameMasked, len(payload))
	mask := rng.mask()
	frame = append(frame, mask[:]...)
	frame = append(frame, payload...)
	xorMask(frame[6:], mask, 0)
	return w.sendPieces(frame)
}
