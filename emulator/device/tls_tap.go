package device

import (
	"encoding/binary"
	"net"
	"strconv"
)

// TLS record and handshake message types (RFC 8446 B).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	messageServerHello     = 2
	messageServerKeyExch   = 12
)

// recordTap sits under the TLS client. It counts bytes, gives the hello the
// record version and a rejected chain the alert that the device's stack
// sends, and reads along in what the server sends in the clear: until the
// handshake ends that is all one can know about a failure.
type recordTap struct {
	net.Conn
	helloVersion uint16 // of the first record; 0: as the library writes it
	rejectAlert  byte   // replaces the library's own alert; 0: none
	in, out      int64

	watch *flightWatch // nil once the handshake is over
}

func (t *recordTap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.in += int64(n)
	if t.watch != nil {
		t.watch.server(p[:n])
	}
	return n, err
}

func (t *recordTap) Write(p []byte) (int, error) {
	if t.watch != nil {
		p = t.patched(p)
	}
	n, err := t.Conn.Write(p)
	t.out += int64(n)
	return n, err
}

// patched is p as the device would write it. The hello is the first write
// and one record; an alert in the clear is a record of 2 bytes.
func (t *recordTap) patched(p []byte) []byte {
	first := t.out == 0 && t.helloVersion != 0 && len(p) > 5 && p[0] == recordHandshake
	reject := t.rejectAlert != 0 && len(p) == 7 && p[0] == recordAlert
	if !first && !reject {
		return p
	}
	q := append([]byte(nil), p...)
	if first {
		binary.BigEndian.PutUint16(q[1:], t.helloVersion)
	}
	if reject {
		q[6] = t.rejectAlert
	}
	return q
}

// flightWatch follows the server's records of a handshake: a state machine
// over bytes in pieces of any size, with bounded memory.
type flightWatch struct {
	head  [64]byte // the first bytes, for the record of a server that speaks no TLS
	nHead int

	record    [5]byte
	nRecord   int
	left      int // bytes of the current record still to come
	encrypted bool

	message  [4]byte
	nMessage int
	msgLeft  int
	body     []byte // start of the current message, at most watchBody bytes

	alertLevel, alert byte // the last alert in the clear
	hello             bool
	version           uint16 // of the ServerHello
	suite             uint16
	etm               bool   // encrypt_then_mac (RFC 7366) chosen
	group             uint16 // of ServerKeyExchange or key_share; 0: RSA key transport
}

const watchBody = 512

// speaksTLS reports whether what came so far may be the start of a TLS
// record; it is true before the first byte.
func (w *flightWatch) speaksTLS() bool {
	h := w.head[:w.nHead]
	if len(h) > 0 && h[0] != recordAlert && h[0] != recordHandshake {
		return false
	}
	return len(h) < 2 || h[1] == 3
}

// text quotes the first line of a server that speaks no TLS.
func (w *flightWatch) text() string {
	h := w.head[:w.nHead]
	for i, b := range h {
		if b == '\r' || b == '\n' {
			h = h[:i]
			break
		}
	}
	return strconv.Quote(string(h))
}

// server takes the next bytes from the server.
func (w *flightWatch) server(p []byte) {
	w.nHead += copy(w.head[w.nHead:], p)
	for len(p) > 0 && w.speaksTLS() {
		if w.left == 0 {
			n := copy(w.record[w.nRecord:], p)
			w.nRecord, p = w.nRecord+n, p[n:]
			if w.nRecord < len(w.record) {
				return
			}
			w.nRecord = 0
			w.left = int(binary.BigEndian.Uint16(w.record[3:]))
			if w.record[0] == recordChangeCipherSpec {
				w.encrypted = true
			}
			continue
		}
		n := min(w.left, len(p))
		w.payload(p[:n])
		w.left, p = w.left-n, p[n:]
	}
}

func (w *flightWatch) payload(p []byte) {
	if w.encrypted {
		return
	}
	switch w.record[0] {
	case recordHandshake:
		w.handshake(p)
	case recordAlert:
		for _, b := range p {
			w.alertLevel, w.alert = w.alert, b // two bytes: level, description
		}
	}
}

// handshake cuts messages, which may share a record or span several.
func (w *flightWatch) handshake(p []byte) {
	for len(p) > 0 {
		if w.nMessage < len(w.message) {
			n := copy(w.message[w.nMessage:], p)
			w.nMessage, p = w.nMessage+n, p[n:]
			if w.nMessage < len(w.message) {
				return
			}
			w.msgLeft = int(w.message[1])<<16 | int(w.message[2])<<8 | int(w.message[3])
			w.body = w.body[:0]
		}
		n := min(w.msgLeft, len(p))
		w.body = append(w.body, p[:min(n, watchBody-len(w.body))]...)
		w.msgLeft, p = w.msgLeft-n, p[n:]
		if w.msgLeft == 0 {
			w.done()
			w.nMessage = 0
		}
	}
}

// done reads a whole message (its first watchBody bytes).
func (w *flightWatch) done() {
	switch w.message[0] {
	case messageServerHello:
		w.serverHello()
	case messageServerKeyExch:
		if len(w.body) > 3 && w.body[0] == 3 { // named_curve, RFC 8422 5.4
			w.group = binary.BigEndian.Uint16(w.body[1:])
		}
	}
}

// serverHello reads version, suite and three extensions (RFC 8446 4.1.3).
func (w *flightWatch) serverHello() {
	b := w.body
	if len(b) < 35 || len(b) < 35+int(b[34])+3 {
		return
	}
	w.hello = true
	w.version = binary.BigEndian.Uint16(b)
	b = b[35+int(b[34]):]
	w.suite = binary.BigEndian.Uint16(b)
	if len(b) < 5 {
		return
	}
	for b = b[5:]; len(b) >= 4; {
		id, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if b = b[4:]; n > len(b) {
			return
		}
		switch {
		case id == extEncryptThenMAC:
			w.etm = true
		case id == extSupportedVersions && n == 2:
			w.version = binary.BigEndian.Uint16(b)
		case id == extKeyShare && n >= 2:
			w.group = binary.BigEndian.Uint16(b)
		}
		b = b[n:]
	}
}
