package fit

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// segment is what counts of a TCP segment.
type segment struct {
	from, to netip.AddrPort
	flags    byte
	seq, ack uint32
	payload  int
}

const (
	flagFIN = 1 << 0
	flagSYN = 1 << 1
	flagRST = 1 << 2
	flagACK = 1 << 4
)

// linkHeaders are the link types that are read (tcpdump.org/linktypes.html):
// how long the header is and where in it the EtherType stands, −1 where IP
// begins at once.
var linkHeaders = map[uint32]struct{ length, etherType int }{
	1:   {14, 12}, // Ethernet
	12:  {0, -1},  // raw IP, as some systems number it
	101: {0, -1},  // raw IP
	113: {16, 14}, // Linux cooked
	228: {0, -1},  // IPv4
	229: {0, -1},  // IPv6
	276: {20, 0},  // Linux cooked, version 2
}

func unknownLink(link uint32) error {
	return fmt.Errorf("found link type %d, want Ethernet (1), raw IP (12, 101, 228, 229) or Linux cooked (113, 276)", link)
}

// parseSegment finds the TCP segment in a frame.
func parseSegment(f frame) (segment, bool) {
	link := linkHeaders[f.link]
	b := f.data
	if len(b) < link.length {
		return segment{}, false
	}
	length := f.length - link.length // on the wire, of what follows
	if link.etherType >= 0 {
		kind := binary.BigEndian.Uint16(b[link.etherType:])
		b = b[link.length:]
		for range 2 { // VLAN tags, IEEE 802.1Q and 802.1ad
			if kind != 0x8100 && kind != 0x88a8 || len(b) < 4 {
				break
			}
			kind, b, length = binary.BigEndian.Uint16(b[2:]), b[4:], length-4
		}
		if kind != 0x0800 && kind != 0x86dd {
			return segment{}, false
		}
	}
	if len(b) == 0 {
		return segment{}, false
	}
	switch b[0] >> 4 {
	case 4:
		return parseIPv4(b, length)
	case 6:
		return parseIPv6(b, length)
	}
	return segment{}, false
}

// protocolTCP is its number in IP.
const protocolTCP = 6

// parseIPv4 reads an IPv4 packet (RFC 791). A total length of 0 is that of
// one which the network card was to cut up.
func parseIPv4(b []byte, length int) (segment, bool) {
	if len(b) < 20 {
		return segment{}, false
	}
	head := int(b[0]&0xf) * 4
	if total := int(binary.BigEndian.Uint16(b[2:])); total > 0 {
		length = total
	}
	fragment := binary.BigEndian.Uint16(b[6:]) & 0x1fff
	if head < 20 || len(b) < head || b[9] != protocolTCP || fragment != 0 {
		return segment{}, false
	}
	from, to := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	return parseTCP(b[head:], length-head, from, to)
}

// parseIPv6 reads an IPv6 packet (RFC 8200) past its extension headers.
func parseIPv6(b []byte, length int) (segment, bool) {
	if len(b) < 40 {
		return segment{}, false
	}
	if payload := int(binary.BigEndian.Uint16(b[4:])); payload > 0 {
		length = 40 + payload
	}
	from, to := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	next := b[6]
	b, length = b[40:], length-40
	for next != protocolTCP {
		if len(b) < 8 {
			return segment{}, false
		}
		size := (int(b[1]) + 1) * 8
		switch next {
		case 0, 43, 60: // hop-by-hop, routing, destination options
		case 44: // fragment
			size = 8
			if binary.BigEndian.Uint16(b[2:])>>3 != 0 {
				return segment{}, false
			}
		default:
			return segment{}, false
		}
		if len(b) < size {
			return segment{}, false
		}
		next, b, length = b[0], b[size:], length-size
	}
	return parseTCP(b, length, from, to)
}

// parseTCP reads a TCP header (RFC 9293).
func parseTCP(b []byte, length int, from, to netip.Addr) (segment, bool) {
	if len(b) < 20 {
		return segment{}, false
	}
	head := int(b[12]>>4) * 4
	if head < 20 || length < head {
		return segment{}, false
	}
	return segment{
		from:  netip.AddrPortFrom(from, binary.BigEndian.Uint16(b)),
		to:    netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:])),
		flags: b[13], seq: binary.BigEndian.Uint32(b[4:]), ack: binary.BigEndian.Uint32(b[8:]),
		payload: length - head,
	}, true
}
