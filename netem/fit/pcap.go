package fit

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// frame is a captured packet: its first bytes, and when.
type frame struct {
	at     time.Duration // since 1970
	link   uint32        // LINKTYPE of its first header
	data   []byte        // valid until the next one
	length int           // on the wire
}

// frames reads one capture file. At its end the error is io.EOF, or errCut
// where it ends inside a packet.
type frames interface {
	next() (frame, error)
}

// errCut says that a file ends in the middle, as one does whose writer was
// killed.
var errCut = errors.New("cut off")

const (
	// headerBytes of a packet are kept: two VLAN tags, IPv6 with extensions
	// and TCP with options fit in.
	headerBytes = 256
	// longestPacket is tcpdump's MAXIMUM_SNAPLEN, bytes.
	longestPacket = 256 << 10
)

// classic is a file as libpcap writes it (IETF draft-ietf-opsawg-pcap).
type classic struct {
	in    *bufio.Reader
	order binary.ByteOrder
	unit  time.Duration // of the second time field
	link  uint32
	buf   [headerBytes]byte
}

// pcapMagic tells byte order and unit of time of a classic file.
func pcapMagic(b []byte) (binary.ByteOrder, time.Duration, bool) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(b) {
		case 0xa1b2c3d4:
			return order, time.Microsecond, true
		case 0xa1b23c4d:
			return order, time.Nanosecond, true
		}
	}
	return nil, 0, false
}

// openCapture reads a file's header.
func openCapture(in *bufio.Reader) (frames, error) {
	magic, err := in.Peek(4)
	if err != nil {
		return nil, err
	}
	order, unit, ok := pcapMagic(magic)
	if !ok {
		return &nextGeneration{in: in}, nil
	}
	var head [24]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, fmt.Errorf("a file header of less than %d bytes", len(head))
	}
	link := order.Uint32(head[20:]) & 0x0fffffff // above it: the length of a checksum
	if _, known := linkHeaders[link]; !known {
		return nil, unknownLink(link)
	}
	return &classic{in: in, order: order, unit: unit, link: link}, nil
}

func (c *classic) next() (frame, error) {
	var head [16]byte
	if n, err := io.ReadFull(c.in, head[:]); n == 0 && err == io.EOF {
		return frame{}, io.EOF
	} else if err != nil {
		return frame{}, cut(err)
	}
	kept, length := c.order.Uint32(head[8:]), c.order.Uint32(head[12:])
	data, err := take(c.in, c.buf[:], kept)
	at := time.Duration(c.order.Uint32(head[:]))*time.Second + time.Duration(c.order.Uint32(head[4:]))*c.unit
	return frame{at: at, link: c.link, data: data, length: int(length)}, err
}

// take reads a packet of which length bytes are in the file and keeps its
// beginning in buf.
func take(in *bufio.Reader, buf []byte, length uint32) ([]byte, error) {
	if length > longestPacket {
		return nil, fmt.Errorf("found a length of %d bytes, want at most %d", length, longestPacket)
	}
	n := min(int(length), len(buf))
	if _, err := io.ReadFull(in, buf[:n]); err != nil {
		return nil, cut(err)
	}
	if _, err := in.Discard(int(length) - n); err != nil {
		return nil, cut(err)
	}
	return buf[:n], nil
}

// cut is an error from the middle of a packet.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errCut
	}
	return err
}

// Blocks of a pcapng file (IETF draft-ietf-opsawg-pcapng).
const (
	ngSection   = 0x0a0d0d0a
	ngInterface = 1
	ngPacket    = 6 // Enhanced Packet Block; the others carry no time
	ngByteOrder = 0x1a2b3c4d

	optionEnd        = 0
	optionResolution = 9  // if_tsresol
	optionOffset     = 14 // if_tsoffset

	longestBlock  = 16 << 20
	maxInterfaces = 1024
)

// nextGeneration is a pcapng file.
type nextGeneration struct {
	in     *bufio.Reader
	order  binary.ByteOrder
	links  []ngLink // of the present section
	buf    [headerBytes]byte
	blocks int
}

// ngLink is an interface that was captured on.
type ngLink struct {
	link   uint32
	unit   float64 // s
	offset time.Duration
}

func (g *nextGeneration) next() (frame, error) {
	for {
		var head [12]byte
		if n, err := io.ReadFull(g.in, head[:8]); n == 0 && err == io.EOF {
			return frame{}, io.EOF
		} else if err != nil {
			return frame{}, cut(err)
		}
		g.blocks++
		if binary.BigEndian.Uint32(head[:]) == ngSection {
			if err := g.section(head[:]); err != nil {
				return frame{}, err
			}
		}
		if g.order == nil {
			return frame{}, errors.New("found no section header at the beginning")
		}
		kind, length := g.order.Uint32(head[:]), g.order.Uint32(head[4:])
		if length < 12 || length%4 != 0 || length > longestBlock {
			return frame{}, fmt.Errorf("found a block of %d bytes, want a multiple of 4 from 12 to %d", length, longestBlock)
		}
		rest := int(length) - 8
		switch kind {
		case ngSection:
			rest -= 4 // the byte order is read
		case ngInterface:
			if err := g.link(rest); err != nil {
				return frame{}, err
			}
			continue
		case ngPacket:
			return g.packet(rest)
		}
		if _, err := g.in.Discard(rest); err != nil {
			return frame{}, cut(err)
		}
	}
}

// section reads the byte order behind a section header's first 8 bytes.
func (g *nextGeneration) section(head []byte) error {
	if _, err := io.ReadFull(g.in, head[8:12]); err != nil {
		return cut(err)
	}
	g.links = nil
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(head[8:]) == ngByteOrder {
			g.order = order
			if order.Uint32(head[4:]) < 28 {
				return errors.New("found a section header of less than 28 bytes")
			}
			return nil
		}
	}
	return fmt.Errorf("found the byte order %#x, want %#x", head[8:12], ngByteOrder)
}

// link reads an interface description.
func (g *nextGeneration) link(rest int) error {
	if rest < 12 || rest > 64<<10 || len(g.links) == maxInterfaces {
		return fmt.Errorf("found a description of interface %d of %d bytes, want at most %d interfaces and 64 KiB", len(g.links), rest, maxInterfaces)
	}
	block := make([]byte, rest)
	if _, err := io.ReadFull(g.in, block); err != nil {
		return cut(err)
	}
	l := ngLink{link: uint32(g.order.Uint16(block)), unit: 1e-6}
	for opts := block[8 : rest-4]; len(opts) >= 4; {
		code, n := g.order.Uint16(opts), int(g.order.Uint16(opts[2:]))
		padded := 4 + (n+3)/4*4
		if code == optionEnd || padded > len(opts) {
			break
		}
		value := opts[4 : 4+n]
		switch {
		case code == optionResolution && n == 1 && value[0] < 0x80:
			l.unit = math.Pow(10, -float64(value[0]))
		case code == optionResolution && n == 1:
			l.unit = math.Pow(2, -float64(value[0]&0x7f))
		case code == optionOffset && n == 8:
			l.offset = time.Duration(int64(g.order.Uint64(value)) % maxEpoch * int64(time.Second))
		}
		opts = opts[padded:]
	}
	g.links = append(g.links, l)
	return nil
}

// maxEpoch bounds times, s since 1970: the year 2112.
const maxEpoch = 4_500_000_000

// packet reads the rest of an enhanced packet block.
func (g *nextGeneration) packet(rest int) (frame, error) {
	var head [20]byte
	if rest < len(head)+4 {
		return frame{}, fmt.Errorf("found a packet block of %d bytes, want at least %d", rest+8, len(head)+12)
	}
	if _, err := io.ReadFull(g.in, head[:]); err != nil {
		return frame{}, cut(err)
	}
	i, kept := g.order.Uint32(head[:]), g.order.Uint32(head[12:])
	if int64(i) >= int64(len(g.links)) {
		return frame{}, fmt.Errorf("found interface %d, of which the section has no description", i)
	}
	if int64(kept) > int64(rest-len(head)-4) {
		return frame{}, fmt.Errorf("found a packet of %d bytes in a block of %d", kept, rest+8)
	}
	data, err := take(g.in, g.buf[:], kept)
	if err != nil {
		return frame{}, err
	}
	if _, err := g.in.Discard(rest - len(head) - int(kept)); err != nil {
		return frame{}, cut(err)
	}
	l := g.links[i]
	if _, known := linkHeaders[l.link]; !known {
		return frame{}, unknownLink(l.link)
	}
	count := uint64(g.order.Uint32(head[4:]))<<32 | uint64(g.order.Uint32(head[8:]))
	at := l.offset
	if s := float64(count) * l.unit; s < maxEpoch {
		at += time.Duration(math.Round(s*1e6)) * time.Microsecond // float64 has no more
	}
	return frame{at: at, link: l.link, data: data, length: int(g.order.Uint32(head[16:]))}, nil
}
