package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrOgg says that bytes are not an Ogg Opus file (RFC 3533, RFC 7845), or
// one of the kinds that are not read here: several streams, damaged pages.
var ErrOgg = errors.New("bad Ogg Opus file")

// An Ogg page (RFC 3533 section 6): capture pattern, version, flags, granule
// position, serial, sequence, checksum, number of segments, lacing values.
const (
	oggHeader    = 27
	oggContinued = 1
	oggFirst     = 2
	oggLast      = 4
)

type oggPage struct {
	flags   byte
	granule uint64 // samples at 48 kHz up to the end of the page (RFC 7845 section 4)
	serial  uint32
	seq     uint32
	lacing  []byte
	body    []byte
}

// nextPage takes the first page off file and gives what is left.
func nextPage(file []byte) (p oggPage, rest []byte, err error) {
	if len(file) < oggHeader || string(file[:4]) != "OggS" || file[4] != 0 {
		return p, nil, fmt.Errorf("%w: no page header", ErrOgg)
	}
	segments := int(file[26])
	if len(file) < oggHeader+segments {
		return p, nil, fmt.Errorf("%w: page cut off", ErrOgg)
	}
	p = oggPage{
		flags:   file[5],
		granule: binary.LittleEndian.Uint64(file[6:]),
		serial:  binary.LittleEndian.Uint32(file[14:]),
		seq:     binary.LittleEndian.Uint32(file[18:]),
		lacing:  file[oggHeader : oggHeader+segments],
	}
	size := 0
	for _, l := range p.lacing {
		size += int(l)
	}
	end := oggHeader + segments + size
	if len(file) < end {
		return p, nil, fmt.Errorf("%w: page cut off", ErrOgg)
	}
	p.body = file[oggHeader+segments : end]
	sum := oggCRC(0, file[:22])
	sum = oggCRC(sum, []byte{0, 0, 0, 0})
	sum = oggCRC(sum, file[26:end])
	if sum != binary.LittleEndian.Uint32(file[22:]) {
		return p, nil, fmt.Errorf("%w: page %d: wrong checksum", ErrOgg, p.seq)
	}
	return p, file[end:], nil
}

// oggCRC continues the checksum of RFC 3533 section 6: polynomial 0x04c11db7,
// most significant bit first, no inversion.
func oggCRC(sum uint32, data []byte) uint32 {
	for _, b := range data {
		sum ^= uint32(b) << 24
		for range 8 {
			top := sum >> 31
			sum = sum<<1 ^ top*0x04c11db7
		}
	}
	return sum
}

// OggOpusPackets takes the Opus packets out of a file with one logical
// stream, and its comments by upper-case name (RFC 7845 section 5.2). Packets
// point into file where they do not span pages.
func OggOpusPackets(file []byte) (packets [][]byte, tags map[string]string, err error) {
	all, err := oggPackets(file)
	if err != nil {
		return nil, nil, err
	}
	if len(all) < 2 {
		return nil, nil, fmt.Errorf("%w: no header packets", ErrOgg)
	}
	head := all[0]
	if len(head) < 19 || string(head[:8]) != "OpusHead" || head[8]>>4 != 0 {
		return nil, nil, fmt.Errorf("%w: no OpusHead", ErrOgg)
	}
	if head[9] != 1 || head[18] != 0 {
		return nil, nil, fmt.Errorf("%w: %d channels of mapping family %d, not mono", ErrOgg, head[9], head[18])
	}
	if tags, err = opusTags(all[1]); err != nil {
		return nil, nil, err
	}
	return all[2:], tags, nil
}

func oggPackets(file []byte) ([][]byte, error) {
	var packets [][]byte
	var part []byte // of a packet that goes on
	open := false
	var serial uint32
	for seq := uint32(0); ; seq++ {
		p, rest, err := nextPage(file)
		if err != nil {
			return nil, err
		}
		if seq == 0 {
			serial = p.serial
		}
		if p.serial != serial || p.seq != seq || (p.flags&oggFirst != 0) != (seq == 0) || (p.flags&oggContinued != 0) != open {
			return nil, fmt.Errorf("%w: page %d is not the next of one stream", ErrOgg, p.seq)
		}
		packets, part, open = splitPage(packets, part, open, p)
		if p.flags&oggLast != 0 {
			if open || len(rest) > 0 {
				return nil, fmt.Errorf("%w: does not end with its last page", ErrOgg)
			}
			return packets, nil
		}
		file = rest
	}
}

// splitPage cuts a page's body into packets; the last may go on.
func splitPage(packets [][]byte, part []byte, open bool, p oggPage) ([][]byte, []byte, bool) {
	body, n := p.body, 0
	for _, l := range p.lacing {
		n += int(l)
		if l == 255 {
			continue
		}
		packet := body[:n:n]
		if open {
			packet, part, open = append(part, packet...), nil, false
		}
		packets = append(packets, packet)
		body, n = body[n:], 0
	}
	if len(p.lacing) > 0 && p.lacing[len(p.lacing)-1] == 255 {
		return packets, append(part, body...), true
	}
	return packets, part, open
}

func opusTags(p []byte) (map[string]string, error) {
	bad := fmt.Errorf("%w: damaged OpusTags", ErrOgg)
	p, ok := bytes.CutPrefix(p, []byte("OpusTags"))
	if !ok {
		return nil, bad
	}
	field := func() (string, bool) {
		if len(p) < 4 {
			return "", false
		}
		n := uint64(binary.LittleEndian.Uint32(p))
		if n > uint64(len(p)-4) {
			return "", false
		}
		s := string(p[4 : 4+n])
		p = p[4+n:]
		return s, true
	}
	if _, ok := field(); !ok || len(p) < 4 { // the vendor
		return nil, bad
	}
	count := binary.LittleEndian.Uint32(p)
	p = p[4:]
	tags := make(map[string]string)
	for range count {
		s, ok := field()
		name, value, eq := strings.Cut(s, "=")
		if !ok || !eq {
			return nil, bad
		}
		tags[strings.ToUpper(name)] = value
	}
	return tags, nil
}
