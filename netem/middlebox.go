package netem

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"syscall"
)

// clearBox is a carrier's box that reads what is not encrypted: a WebSocket
// upgrade in clear text is reset, or loses the headers that ask for it, so
// that the server answers an ordinary request. It stands before the far end.
type clearBox struct {
	farEnd
	strip bool
	held  []byte // of the request's head, until it is whole
	done  bool   // what comes is passed on
}

// headLimit is how much of a head is looked at; a longer one passes.
const headLimit = 8 << 10

// guard puts the path's box before a far end.
func (p *Path) guard(far farEnd) farEnd {
	switch mode := p.classes[p.class].profile.Middlebox.ClearUpgrade; mode {
	case "reset", "strip":
		return &clearBox{farEnd: far, strip: mode == "strip"}
	}
	return far
}

// blocks reports whether the carrier lets no SYN to a port through.
func (p *Path) blocks(port int) bool {
	return slices.Contains(p.classes[p.class].profile.Middlebox.BlockPorts, port)
}

// port is the one that the device asked for.
func (r Route) port() int {
	if r.Port != 0 {
		return r.Port
	}
	_, text, err := net.SplitHostPort(r.Addr)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(text)
	return port
}

func (b *clearBox) tryWrite(p []byte) (int, error) {
	if b.done {
		return b.farEnd.tryWrite(p)
	}
	b.held = append(b.held, p...)
	end := bytes.Index(b.held, []byte("\r\n\r\n"))
	switch {
	case !looksLikeHTTP(b.held) || end < 0 && len(b.held) > headLimit:
	case end < 0:
		return len(p), nil
	case upgrades(b.held[:end]):
		if !b.strip {
			return 0, syscall.ECONNRESET
		}
		b.held = append(withoutUpgrade(b.held[:end]), b.held[end:]...)
	}
	// A head goes into an empty socket's buffer at once.
	out := b.held
	b.done, b.held = true, nil
	for len(out) > 0 {
		n, err := b.farEnd.tryWrite(out)
		if err != nil {
			return 0, err
		}
		out = out[n:]
	}
	return len(p), nil
}

// looksLikeHTTP reports whether what came so far begins as a method does.
func looksLikeHTTP(p []byte) bool {
	for _, c := range p[:min(3, len(p))] {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// headerLines are the lines of a head, the request line first.
func headerLines(head []byte) [][]byte { return bytes.Split(head, []byte("\r\n")) }

func headerName(line []byte) string {
	name, _, _ := bytes.Cut(line, []byte(":"))
	return string(bytes.ToLower(bytes.TrimSpace(name)))
}

// upgrades reports whether a head asks for a WebSocket.
func upgrades(head []byte) bool {
	for _, line := range headerLines(head)[1:] {
		if headerName(line) == "upgrade" && bytes.Contains(bytes.ToLower(line), []byte("websocket")) {
			return true
		}
	}
	return false
}

// withoutUpgrade is a head without the hop-by-hop headers of an upgrade, as a
// proxy that does not know it forwards it (RFC 9110, 7.6.1).
func withoutUpgrade(head []byte) []byte {
	var kept [][]byte
	for i, line := range headerLines(head) {
		if name := headerName(line); i == 0 || name != "upgrade" && name != "connection" {
			kept = append(kept, line)
		}
	}
	return bytes.Join(kept, []byte("\r\n"))
}
