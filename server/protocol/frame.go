// Package protocol is what a xiaozhi device and its server say to each other:
// messages as JSON text frames, audio as binary frames, the OTA request and
// answer, and the files that keep encoded speech.
package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// FrameKind is what a binary frame carries.
type FrameKind uint16

const (
	FrameOpus FrameKind = 0 // one Opus packet
	FrameJSON FrameKind = 1 // a message that would otherwise be a text frame
)

// Frame is one binary WebSocket message, taken apart.
type Frame struct {
	Kind      FrameKind
	Timestamp uint32 // ms, version 2 only; not 0 only with server-side echo cancellation
	Payload   []byte // points into the message
}

// Header lengths of BinaryProtocol2 and BinaryProtocol3, both packed and big
// endian (78/xiaozhi-esp32 v2.4.2 main/protocols/protocol.h).
const (
	header2 = 16 // u16 version, u16 type, u32 reserved, u32 timestamp, u32 payload size
	header3 = 4  // u8 type, u8 reserved, u16 payload size
)

var (
	// ErrVersion says that a Protocol-Version is not 1, 2 or 3.
	ErrVersion = errors.New("unknown protocol version")
	// ErrFrame says that a binary frame contradicts itself.
	ErrFrame = errors.New("bad binary frame")
)

// AppendFrame appends f in the layout of version (the Protocol-Version header
// of the connection: 1, 2 or 3) to dst. Version 1 is the bare payload and
// carries Opus only; version 3 carries at most 65535 bytes.
func AppendFrame(dst []byte, version int, f Frame) ([]byte, error) {
	switch version {
	case 1:
		if f.Kind != FrameOpus {
			return dst, fmt.Errorf("%w: version 1 carries Opus only", ErrFrame)
		}
	case 2:
		if uint64(len(f.Payload)) > math.MaxUint32 {
			return dst, fmt.Errorf("%w: payload of %d bytes", ErrFrame, len(f.Payload))
		}
		dst = binary.BigEndian.AppendUint16(dst, 2)
		dst = binary.BigEndian.AppendUint16(dst, uint16(f.Kind))
		dst = binary.BigEndian.AppendUint32(dst, 0)
		dst = binary.BigEndian.AppendUint32(dst, f.Timestamp)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.Payload)))
	case 3:
		if f.Kind > math.MaxUint8 || len(f.Payload) > math.MaxUint16 {
			return dst, fmt.Errorf("%w: kind %d with a payload of %d bytes", ErrFrame, f.Kind, len(f.Payload))
		}
		dst = append(dst, byte(f.Kind), 0)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.Payload)))
	default:
		return dst, fmt.Errorf("%w %d", ErrVersion, version)
	}
	return append(dst, f.Payload...), nil
}

// DecodeFrame takes a binary message of a connection of the given version
// apart, without copying. The announced size must be the size that is there;
// the firmware itself trusts it unchecked.
func DecodeFrame(version int, msg []byte) (Frame, error) {
	switch version {
	case 1:
		return Frame{Payload: msg}, nil
	case 2:
		return decode2(msg)
	case 3:
		return decode3(msg)
	}
	return Frame{}, fmt.Errorf("%w %d", ErrVersion, version)
}

func decode2(msg []byte) (Frame, error) {
	if len(msg) < header2 {
		return Frame{}, fmt.Errorf("%w: %d bytes where version 2 has a header of %d", ErrFrame, len(msg), header2)
	}
	if v := binary.BigEndian.Uint16(msg); v != 2 {
		return Frame{}, fmt.Errorf("%w: says version %d on a connection of version 2", ErrFrame, v)
	}
	f := Frame{
		Kind:      FrameKind(binary.BigEndian.Uint16(msg[2:])),
		Timestamp: binary.BigEndian.Uint32(msg[8:]),
		Payload:   msg[header2:],
	}
	return checked(f, uint64(binary.BigEndian.Uint32(msg[12:])))
}

func decode3(msg []byte) (Frame, error) {
	if len(msg) < header3 {
		return Frame{}, fmt.Errorf("%w: %d bytes where version 3 has a header of %d", ErrFrame, len(msg), header3)
	}
	f := Frame{Kind: FrameKind(msg[0]), Payload: msg[header3:]}
	return checked(f, uint64(binary.BigEndian.Uint16(msg[2:])))
}

func checked(f Frame, announced uint64) (Frame, error) {
	if f.Kind != FrameOpus && f.Kind != FrameJSON {
		return Frame{}, fmt.Errorf("%w: type %d", ErrFrame, f.Kind)
	}
	if announced != uint64(len(f.Payload)) {
		return Frame{}, fmt.Errorf("%w: announces %d bytes and carries %d", ErrFrame, announced, len(f.Payload))
	}
	return f, nil
}
