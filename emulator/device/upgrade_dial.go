package device

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"

	"github.com/coder/websocket"
)

// dialOver puts coder/websocket on top of a connection that has already been
// upgraded with the device's own request. onPing is called from Read with
// each server ping (nil: it is ignored); its payload is only valid during the call and no Pong is
// sent: the firmware's generation decides that. Close the result with
// CloseNow; do not give Read or Write a context that can end, for that
// closes the connection.
func dialOver(ctx context.Context, body *frameBody, onPing func(payload []byte)) (*websocket.Conn, error) {
	client := &http.Client{
		Transport:     upgradedTripper{body},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	conn, _, err := websocket.Dial(ctx, "ws://device.invalid/", &websocket.DialOptions{
		HTTPClient: client,
		OnPingReceived: func(_ context.Context, payload []byte) bool {
			if onPing != nil {
				onPing(payload)
			}
			return false
		},
	})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1) // the frame layer judges lengths
	return conn, nil
}

// upgradedTripper answers coder's request with the 101 that coder wants to
// see; the wire has carried the device's.
type upgradedTripper struct{ body io.ReadWriteCloser }

func (u upgradedTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	// RFC 6455 4.2.2.
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return &http.Response{
		Status:     "101 Switching Protocols",
		StatusCode: http.StatusSwitchingProtocols,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Upgrade":              {"websocket"},
			"Connection":           {"Upgrade"},
			"Sec-Websocket-Accept": {base64.StdEncoding.EncodeToString(sum[:])},
		},
		Body:    u.body,
		Request: req,
	}, nil
}
