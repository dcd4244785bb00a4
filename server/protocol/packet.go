package protocol

import (
	"errors"
	"time"
)

// ErrPacket says that bytes are not an Opus packet.
var ErrPacket = errors.New("not an Opus packet")

// maxPacketDuration is the longest audio one packet may hold (RFC 6716
// section 3.2.5, requirement R5).
const maxPacketDuration = 120 * time.Millisecond

// PacketDuration reads how much audio an Opus packet holds from its TOC byte
// (RFC 6716 section 3.1) and, for code 3, its frame count. It does not look
// into the frames.
func PacketDuration(packet []byte) (time.Duration, error) {
	if len(packet) == 0 {
		return 0, ErrPacket
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, ErrPacket
		}
		frames = int(packet[1] & 0x3f)
	}
	d := time.Duration(frames) * frameDuration(packet[0]>>3)
	if frames == 0 || d > maxPacketDuration {
		return 0, ErrPacket
	}
	return d, nil
}

// frameDuration is table 2 of RFC 6716 section 3.1.
func frameDuration(config byte) time.Duration {
	const ms = time.Millisecond
	switch {
	case config < 12: // SILK only
		return [4]time.Duration{10 * ms, 20 * ms, 40 * ms, 60 * ms}[config&3]
	case config < 16: // hybrid
		return [2]time.Duration{10 * ms, 20 * ms}[config&1]
	default: // CELT only
		return [4]time.Duration{2500 * time.Microsecond, 5 * ms, 10 * ms, 20 * ms}[config&3]
	}
}

// IsDTX reports whether a packet is what an encoder with DTX sends in place
// of silence: a TOC byte and no audio, 0x58 from this firmware (SILK
// wide-band, 60 ms, mono; https://github.com/78/xiaozhi-esp32/issues/1131).
func IsDTX(packet []byte) bool { return len(packet) == 1 }
