package device

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"

	"github.com/coder/websocket"
)

// WebSocket opcodes (RFC 6455 11.8).
const (
	frameContinuation = 0x0
	frameText         = 0x1
	frameBinary       = 0x2
	frameClose        = 0x8
	framePing         = 0x9
	framePong         = 0xa
)

const (
	frameFIN        = 0x80
	frameMasked     = 0x80
	frameMaxControl = 125   // RFC 6455 5.5
	frameMaxSend    = 65535 // WebSocket::Send refuses more
	frameOurLimit   = 1 << 20
	frameNoStatus   = 1005 // RFC 6455 7.1.5
)

// frameOptions are what the firmware's generation and the transport decide.
type frameOptions struct {
	Rand  *newlibRand // of the task that sends; draws every mask
	Limit int         // bytes of a received frame, header included; 0: none (2048 in esp-ml307 1.x and 2.x)
	Rest  []byte      // read together with the response head
	// Piece cuts what is sent (730 bytes for AT+MIPSEND); 0: never. Write, if
	// set, sends piece i of a frame instead of the connection.
	Piece int
	Write func(piece []byte, i int) error
}

// frameBody is the device's WebSocket layer between coder/websocket above
// and the connection below. Upwards it is the body of a 101 response: it
// gives coder frames that RFC 6455 allows and no more than the device would
// have acted on. Downwards it writes what the firmware writes (78/esp-ml307
// 3.x src/web_socket.cc).
type frameBody struct {
	conn io.ReadWriteCloser
	frameReader
	frameWriter
	closeCode atomic.Int32 // of the server's Close frame; 0: none came
}

// newFrameBody layers frames over a connection whose upgrade is done.
func newFrameBody(conn io.ReadWriteCloser, o frameOptions) *frameBody {
	b := &frameBody{conn: conn}
	b.frameReader = frameReader{src: conn, limit: o.Limit, kind: frameText, closed: &b.closeCode, held: o.Rest}
	b.frameWriter = frameWriter{rand: o.Rand, piece: o.Piece, send: o.Write}
	if b.send == nil {
		b.send = func(p []byte, _ int) error {
			_, err := conn.Write(p)
			return err
		}
	}
	return b
}

// CloseCode is the status of the server's Close frame: 0 if none came, 1005
// if it carried none.
func (b *frameBody) CloseCode() int { return int(b.closeCode.Load()) }

// Close closes the connection, unless the server has sent a Close frame:
// then coder closes its body of itself, while the firmware keeps the TCP
// connection until the WebSocket object is destroyed. Whoever owns the
// connection closes it.
func (b *frameBody) Close() error {
	if b.closeCode.Load() != 0 {
		return nil
	}
	return b.conn.Close()
}

// errFrameTooLong is the firmware's "Data too large, maximum supported size
// is 65535 bytes": nothing is sent and the connection lives on.
var errFrameTooLong = errors.New("frame payload above 65535 bytes")

// sendFrame writes one message as one frame.
func sendFrame(ctx context.Context, conn *websocket.Conn, kind websocket.MessageType, p []byte) error {
	if len(p) > frameMaxSend {
		return errFrameTooLong
	}
	return conn.Write(ctx, kind, p)
}

// appendFrameHeader writes the first bytes of a frame: opcode with FIN, and
// the length with the mask bit, in the shortest form.
func appendFrameHeader(b []byte, first, maskBit byte, n int) []byte {
	b = append(b, first)
	switch {
	case n < 126:
		return append(b, maskBit|byte(n))
	case n <= 65535:
		return binary.BigEndian.AppendUint16(append(b, maskBit|126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, maskBit|127), uint64(n))
	}
}

// xorMask masks or unmasks p, whose first byte is number pos of the payload,
// and returns the position after it.
func xorMask(p []byte, mask [4]byte, pos int) int {
	for i := range p {
		p[i] ^= mask[(pos+i)&3]
	}
	return (pos + len(p)) & 3
}

// frameLengthBytes is the number of extended length bytes that a 7-bit length calls
// for (RFC 6455 5.2).
func frameLengthBytes(n uint64) int {
	switch n {
	case 126:
		return 2
	case 127:
		return 8
	default:
		return 0
	}
}

// validCloseCode: may be sent on the wire (RFC 6455 7.4).
func validCloseCode(code int) bool {
	reserved := code >= 1004 && code <= 1006
	return code >= 1000 && code <= 1014 && !reserved || code >= 3000 && code <= 4999
}
