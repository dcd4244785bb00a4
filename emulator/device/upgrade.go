package device

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"xzfleet/results"
)

// upgradeHeaders are the device's own headers of the WebSocket request.
type upgradeHeaders struct {
	Token    string // empty: no Authorization header
	DeviceID string // MAC address, lower case with colons
	ClientID string // UUID
	Version  int    // of the binary protocol: 1, 2 or 3
}

// upgradeKey draws the Sec-WebSocket-Key, sixteen values of rand()%256.
func upgradeKey(r *newlibRand) string {
	var key [16]byte
	r.fill(key[:])
	return base64.StdEncoding.EncodeToString(key[:])
}

// upgradeRequest is the device's request byte for byte (78/esp-ml307 3.x
// src/web_socket.cc; headers of 78/xiaozhi-esp32
// main/protocols/websocket_protocol.cc): Host without the port, then the
// headers of a std::map, sorted by bytes. A token without a space is sent as
// "Bearer token".
func upgradeRequest(u deviceURL, h upgradeHeaders, key string) []byte {
	var b []byte
	line := func(name, value string) {
		b = append(b, name...)
		b = append(b, ": "...)
		b = append(b, value...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "GET "+u.Path+" HTTP/1.1\r\n"...)
	line("Host", u.Host)
	if h.Token != "" {
		token := h.Token
		if !strings.Contains(token, " ") {
			token = "Bearer " + token
		}
		line("Authorization", token)
	}
	line("Client-Id", h.ClientID)
	line("Connection", "Upgrade")
	line("Device-Id", h.DeviceID)
	line("Protocol-Version", strconv.Itoa(h.Version))
	line("Sec-WebSocket-Key", key)
	line("Sec-WebSocket-Version", "13")
	line("Upgrade", "websocket")
	return append(b, "\r\n"...)
}

// maxUpgradeHead bounds what is kept of a response head. The firmware has no
// bound but its heap.
const maxUpgradeHead = 16 << 10

// readUpgrade collects the response until its header block is complete and
// judges it as the firmware does: success is the text "HTTP/1.1 101" in the
// block, nothing else is looked at. rest is what followed the block and
// belongs to the frame layer. An *openError carries the cause; a connection
// that ends early is reported as it ended, although the firmware notices
// nothing and waits out its 10 s: that rule is the device's, not this
// reader's.
func readUpgrade(r io.Reader) (rest []byte, err error) {
	buf := make([]byte, 0, 512)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):min(cap(buf), maxUpgradeHead)])
		from := max(0, len(buf)-3)
		buf = buf[:len(buf)+n]
		if i := bytes.Index(buf[from:], []byte("\r\n\r\n")); i >= 0 {
			end := from + i + 4
			if refusal := upgradeRefusal(buf[:end]); refusal != nil {
				return nil, refusal
			}
			return bytes.Clone(buf[end:]), nil
		}
		if err != nil {
			return nil, ioError(err)
		}
		if len(buf) == maxUpgradeHead {
			return nil, badUpgrade(0, fmt.Sprintf("no end of the header block in %d bytes", maxUpgradeHead))
		}
	}
}

// upgradeRefusal is nil for a head that the firmware takes as success.
func upgradeRefusal(head []byte) error {
	if bytes.Contains(head, []byte("HTTP/1.1 101")) {
		return nil
	}
	first, _, _ := bytes.Cut(head, []byte("\r\n"))
	text := fmt.Sprintf("server answered %q", first[:min(len(first), 80)])
	proto, after, _ := strings.Cut(string(first), " ")
	code, _, _ := strings.Cut(after, " ")
	status, err := strconv.Atoi(code)
	if err != nil || status < 100 || status > 999 || !strings.HasPrefix(proto, "HTTP/") {
		return badUpgrade(0, text)
	}
	e := badUpgrade(status, text)
	switch {
	case status == 101: // HTTP/1.0 101 is no success either
	case status/100 == 3:
		e.Cause = results.CauseRedirect
	default:
		e.Cause = results.CauseHTTPStatus
	}
	return e
}

func badUpgrade(status int, text string) *openError {
	return &openError{Cause: results.CauseBadUpgrade, Detail: results.Detail{HTTPStatus: status, Text: text}}
}
