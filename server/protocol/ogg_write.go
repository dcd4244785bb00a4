package protocol

import (
	"encoding/binary"
	"slices"
	"time"
)

// OggOpus is what an Ogg Opus file says beside its packets.
type OggOpus struct {
	InputRate int      // Hz, of the audio before encoding
	PreSkip   int      // samples at 48 kHz to leave out at the start
	Vendor    string   // of the encoder
	Tags      []string // "NAME=value"
}

// packetsPerPage keeps pages near one second of speech (RFC 7845 section 6)
// and, with packets up to maxOggPacket, below the 255 lacing values of a page.
const (
	packetsPerPage = 15
	maxOggPacket   = 15 * 255
)

// oggSerial numbers the one stream of a file; some tools dislike 0.
const oggSerial = 1

// AppendOggOpus appends a mono Ogg Opus file with these packets to dst. It
// fails with ErrPacket on none, on what is not an Opus packet and on one over
// 3825 bytes.
func AppendOggOpus(dst []byte, info OggOpus, packets [][]byte) ([]byte, error) {
	if len(packets) == 0 {
		return dst, ErrPacket
	}
	head := append([]byte("OpusHead"), 1, 1) // version, channels
	head = binary.LittleEndian.AppendUint16(head, uint16(info.PreSkip))
	head = binary.LittleEndian.AppendUint32(head, uint32(info.InputRate))
	head = append(head, 0, 0, 0) // gain, mapping family

	tags := []byte("OpusTags")
	tags = appendField(tags, info.Vendor)
	tags = binary.LittleEndian.AppendUint32(tags, uint32(len(info.Tags)))
	for _, t := range info.Tags {
		tags = appendField(tags, t)
	}
	dst = appendPage(dst, oggPage{flags: oggFirst}, head)
	dst = appendPage(dst, oggPage{seq: 1}, tags)

	page := oggPage{seq: 2}
	for chunk := range slices.Chunk(packets, packetsPerPage) {
		for _, p := range chunk {
			d, err := PacketDuration(p)
			if err != nil || len(p) > maxOggPacket {
				return dst, ErrPacket
			}
			page.granule += uint64(d * 48 / time.Millisecond)
		}
		if int(page.seq-2)*packetsPerPage+len(chunk) == len(packets) {
			page.flags = oggLast
		}
		dst = appendPage(dst, page, chunk...)
		page.seq++
	}
	return dst, nil
}

func appendField(dst []byte, s string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

// appendPage appends a page that holds whole packets.
func appendPage(dst []byte, p oggPage, packets ...[]byte) []byte {
	start := len(dst)
	dst = append(dst, "OggS\x00"...)
	dst = append(dst, p.flags)
	dst = binary.LittleEndian.AppendUint64(dst, p.granule)
	dst = binary.LittleEndian.AppendUint32(dst, oggSerial)
	dst = binary.LittleEndian.AppendUint32(dst, p.seq)
	dst = append(dst, 0, 0, 0, 0, 0) // checksum, number of segments
	for _, packet := range packets {
		n := len(packet)
		for ; n >= 255; n -= 255 {
			dst = append(dst, 255)
		}
		dst = append(dst, byte(n))
	}
	dst[start+26] = byte(len(dst) - start - oggHeader)
	for _, packet := range packets {
		dst = append(dst, packet...)
	}
	binary.LittleEndian.PutUint32(dst[start+22:], oggCRC(0, dst[start:]))
	return dst
}
