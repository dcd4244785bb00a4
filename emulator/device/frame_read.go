package device

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"xzfleet/results"
)

// frameReader parses what the server sends and hands coder the frames that
// the device would have acted on: RSV bits cleared, masks removed, lengths in
// the shortest form; Pongs, unknown opcodes and oversized pings left out, as
// OnTcpData of src/web_socket.cc does. What it says of a length it says
// before any of the payload is passed on.
type frameReader struct {
	src    io.Reader
	limit  int
	closed *atomic.Int32

	held  []byte // read before the first frame, consumed first
	buf   [512]byte
	r, w  int
	ready []byte // to hand up before anything else
	small [10 + frameMaxControl]byte

	left    int // payload bytes of the current frame
	skip    bool
	aside   bool // the payload goes to stray
	asideOK bool // and is complete with this frame
	masked  bool
	mask    [4]byte
	maskPos int

	fragmented bool
	kind       byte   // of the last data message
	message    int    // bytes of the fragmented message so far
	stray      []byte // unsolicited continuation frames, until FIN
	err        error
}

// Read fills p with normalised frames. It blocks only while it has nothing.
func (f *frameReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		block := n == 0
		switch {
		case len(f.ready) > 0:
			k := copy(p[n:], f.ready)
			f.ready, n = f.ready[k:], n+k
		case f.err != nil && n > 0:
			return n, nil
		case f.err != nil:
			return 0, f.err
		case f.left > 0:
			left := f.left
			n += f.payload(p[n:], block)
			if f.left == left && f.err == nil {
				return n, nil
			}
		default:
			if !f.next(block) && f.err == nil {
				return n, nil
			}
		}
	}
	return n, nil
}

// have makes sure that k bytes are buffered (k ≤ len(f.buf)). Without block
// it only looks at what was read already.
func (f *frameReader) have(k int, block bool) bool {
	for idle := 0; f.w-f.r < k; {
		if len(f.held) == 0 && !block {
			return false
		}
		f.w = copy(f.buf[:], f.buf[f.r:f.w])
		f.r = 0
		if len(f.held) > 0 {
			m := copy(f.buf[f.w:], f.held)
			f.w, f.held = f.w+m, f.held[m:]
			if len(f.held) == 0 {
				f.held = nil
			}
			continue
		}
		m, err := f.src.Read(f.buf[f.w:])
		f.w += m
		if err != nil && f.w-f.r < k {
			f.fail(err)
			return false
		}
		if idle++; m > 0 {
			idle = 0
		} else if idle == 100 {
			f.err = io.ErrNoProgress
			return false
		}
	}
	return true
}

// fail ends the stream. An end inside a frame or a fragmented message is told
// from one between messages: coder takes a bare io.EOF there for the end of
// the message and returns what it has.
func (f *frameReader) fail(err error) {
	if err == io.EOF && (f.left > 0 || f.fragmented || f.r < f.w) {
		err = io.ErrUnexpectedEOF
	}
	f.err = err
}

// payload moves payload bytes into p (or aside, or nowhere) and returns how
// many went into p.
func (f *frameReader) payload(p []byte, block bool) int {
	direct := !f.skip && !f.aside
	var part []byte
	if f.r == f.w && len(f.held) == 0 && direct {
		if !block {
			return 0
		}
		m, err := f.src.Read(p[:min(len(p), f.left)])
		part = p[:m]
		if err != nil && m == 0 {
			f.fail(err)
		}
	} else {
		if !f.have(1, block) {
			return 0
		}
		part = f.buf[f.r : f.r+min(f.w-f.r, f.left)]
		if direct {
			part = part[:copy(p, part)]
		}
		f.r += len(part)
	}
	f.left -= len(part)
	if f.skip {
		return 0
	}
	if direct {
		f.unmask(p[:len(part)])
		return len(part)
	}
	f.unmask(part)
	f.stray = append(f.stray, part...)
	if f.left == 0 {
		f.endStray()
	}
	return 0
}

func (f *frameReader) unmask(p []byte) {
	if f.masked {
		f.maskPos = xorMask(p, f.mask, f.maskPos)
	}
}

// next reads one frame header and decides about the frame. It reports false
// where it would block, or on f.err.
func (f *frameReader) next(block bool) bool {
	if !f.have(2, block) {
		return false
	}
	size, n := 2, uint64(f.buf[f.r+1]&^frameMasked)
	f.masked = f.buf[f.r+1]&frameMasked != 0
	lengthBytes := frameLengthBytes(n)
	size += lengthBytes
	if f.masked {
		size += 4
	}
	if !f.have(size, block) {
		return false
	}
	h := f.buf[f.r : f.r+size]
	switch lengthBytes {
	case 2:
		n = uint64(binary.BigEndian.Uint16(h[2:]))
	case 8:
		n = binary.BigEndian.Uint64(h[2:])
	}
	if f.err = f.tooLarge(size, n); f.err != nil {
		return false
	}
	op, fin := h[0]&0xf, h[0]&frameFIN != 0
	if op == frameClose || op == framePing && n <= frameMaxControl {
		return f.control(op, size, int(n), block)
	}
	f.maskPos = 0
	if f.masked {
		copy(f.mask[:], h[size-4:])
	}
	f.r += size
	f.left, f.skip, f.aside = int(n), false, false
	f.data(op, fin)
	return true
}

// tooLarge judges an announced length: by the device's own buffer, then by
// ours, which bounds what a server can make the emulator hold.
func (f *frameReader) tooLarge(header int, n uint64) error {
	text, cause := "", results.CauseFrameTooLarge
	switch {
	case f.limit > 0 && (n > uint64(f.limit) || header+int(n) > f.limit):
		text = fmt.Sprintf("frame of %d bytes, the device's buffer holds %d", uint64(header)+n, f.limit)
	case n > frameOurLimit || f.message+len(f.stray)+int(n) > frameOurLimit:
		cause = results.CauseEmulatorLimit
		text = fmt.Sprintf("frame of %d bytes, the emulator stops at a message of %d", n, frameOurLimit)
	default:
		return nil
	}
	return &openError{Cause: cause, Detail: results.Detail{Text: text}}
}

// control hands up a whole Close or ping. FIN is not looked at, as in the
// firmware. A Close that coder would refuse (RFC 6455 7.4) loses its code.
func (f *frameReader) control(op byte, size, n int, block bool) bool {
	whole := min(n, frameMaxControl)
	if !f.have(size+whole, block) {
		return false
	}
	p := append(f.small[:0], frameFIN|op, byte(whole))
	p = append(p, f.buf[f.r+size:f.r+size+whole]...)
	if f.masked {
		xorMask(p[2:], [4]byte(f.buf[f.r+size-4:f.r+size]), 0)
	}
	f.r += size + whole
	f.left, f.skip = n-whole, true
	if op == framePing {
		f.ready = p
		return true
	}
	code := 0
	if whole >= 2 {
		code = int(binary.BigEndian.Uint16(p[2:]))
	}
	if !validCloseCode(code) {
		p = append(p[:0], frameFIN|frameClose, 0)
	}
	f.ready = p
	if code == 0 {
		code = frameNoStatus
	}
	f.closed.CompareAndSwap(0, int32(code)) // the first one ended the session
	return true
}

// data decides what becomes of a frame that is not a Close or a ping.
func (f *frameReader) data(op byte, fin bool) {
	if op > frameBinary || op != frameContinuation && f.fragmented {
		f.skip = true // unknown opcode or Pong; or "still while fragmenting"
		return
	}
	first := op
	if fin {
		first |= frameFIN
	}
	switch {
	case op != frameContinuation:
		f.kind, f.fragmented, f.message, f.stray = op, !fin, f.left, nil
	case f.fragmented:
		f.fragmented, f.message = !fin, f.message+f.left
	case fin && len(f.stray) == 0:
		first = frameFIN | f.kind // a message of its own, of the last kind
	default:
		f.aside, f.asideOK = true, fin
		if f.left == 0 {
			f.endStray()
		}
		return
	}
	if fin {
		f.message = 0
	}
	f.ready = appendFrameHeader(f.small[:0], first, 0, f.left)
}

// endStray ends an unsolicited continuation frame. The firmware collects
// such frames and delivers them with the FIN; a new message in between
// discards them, so they cannot be passed on one by one.
func (f *frameReader) endStray() {
	f.aside = false
	if !f.asideOK {
		return
	}
	f.ready = slices.Concat(appendFrameHeader(nil, frameFIN|f.kind, 0, len(f.stray)), f.stray)
	f.stray = nil
}
