package device

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// deviceStream is the main task's rand() after the first upgrade key.
func deviceStream() *newlibRand {
	r := newNewlibRand()
	upgradeKey(r)
	return r
}

// TestFrameWriterWireBytes: hello and an audio frame under the masks that
// real devices use for them, each in one write.
func TestFrameWriterWireBytes(t *testing.T) {
	w := newWire("")
	conn, err := dialOver(t.Context(), newFrameBody(w, frameOptions{Rand: deviceStream()}), nil)
	if err != nil {
		t.Fatal(err)
	}
	hello := `{"type":"hello","version":1,"features":{"mcp":true},"transport":"websocket","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}`
	if err := sendFrame(t.Context(), conn, websocket.MessageText, []byte(hello)); err != nil {
		t.Fatal(err)
	}
	if err := sendFrame(t.Context(), conn, websocket.MessageBinary, []byte{0x58}); err != nil {
		t.Fatal(err)
	}
	masked := []byte(hello)
	xorMask(masked, [4]byte{0x7a, 0x96, 0x09, 0x2c}, 0)
	want := append([]byte{0x81, 0xfe, 0, byte(len(hello)), 0x7a, 0x96, 0x09, 0x2c}, masked...)
	if len(w.writes) != 2 || !bytes.Equal(w.writes[0], want) {
		t.Errorf("hello: %x\nwant   %x", w.writes, want)
	}
	if got := hex.EncodeToString(w.writes[1]); got != "8281a5577464fd" {
		t.Errorf("silence frame: %s", got)
	}
}

func TestFrameWriterPieces(t *testing.T) {
	var sizes []int
	var order []int
	opts := frameOptions{Rand: deviceStream(), Piece: 730, Write: func(p []byte, i int) error {
		sizes, order = append(sizes, len(p)), append(order, i)
		return nil
	}}
	conn, err := dialOver(t.Context(), newFrameBody(newWire(""), opts), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendFrame(t.Context(), conn, websocket.MessageText, make([]byte, 8000)); err != nil {
		t.Fatal(err)
	}
	if len(sizes) != 11 || sizes[10] != 8008-7300 || order[10] != 10 {
		t.Errorf("pieces %v %v", sizes, order)
	}
	sizes = nil
	if err := sendFrame(t.Context(), conn, websocket.MessageBinary, make([]byte, 65535)); err != nil {
		t.Fatal(err)
	}
	if len(sizes) != 90 {
		t.Errorf("%d pieces of 65543 bytes", len(sizes))
	}
	if err := sendFrame(t.Context(), conn, websocket.MessageBinary, make([]byte, 65536)); !errors.Is(err, errFrameTooLong) {
		t.Errorf("65536 bytes: %v", err)
	}
	if err := sendFrame(t.Context(), conn, websocket.MessageText, nil); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
}

func TestFrameWriterError(t *testing.T) {
	w := newWire("")
	w.err = io.ErrClosedPipe
	conn, err := dialOver(t.Context(), newFrameBody(w, frameOptions{Rand: deviceStream()}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendFrame(t.Context(), conn, websocket.MessageText, []byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write: %v", err)
	}
}

// TestFramePong is the log of https://github.com/78/xiaozhi-esp32/issues/1131:
// a ping of four bytes answered by a task whose rand() was fresh.
func TestFramePong(t *testing.T) {
	w := newWire(unhex(t, "8904B594B706"))
	b := newFrameBody(w, frameOptions{Rand: deviceStream()})
	var ping []byte
	conn, err := dialOver(t.Context(), b, func(p []byte) { ping = bytes.Clone(p) })
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(context.Background()); !errors.Is(err, io.EOF) {
		t.Errorf("read: %v", err)
	}
	if len(w.writes) > 0 {
		t.Errorf("coder answered: %x", w.writes)
	}
	if err := b.WritePong(ping, newNewlibRand()); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(w.writes[0]); got != "8a842dcf4629985bf12f" {
		t.Errorf("pong %s", got)
	}
	if err := b.WritePong(make([]byte, 126), newNewlibRand()); err != nil || len(w.writes) != 1 {
		t.Errorf("pong of 126 bytes: %v, %d writes", err, len(w.writes))
	}
}

// interopServer sends the first message back in fragments, pings, says bye
// and closes with 1001.
func interopServer(t *testing.T, pong chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		ctx := r.Context()
		kind, got, err := c.Read(ctx)
		if err != nil {
			t.Error(err)
		}
		out, err := c.Writer(ctx, kind) // fragments: one frame per Write
		if err != nil {
			t.Error(err)
			return
		}
		for i := 0; i < len(got); i += 700 {
			if _, err := out.Write(got[i:min(i+700, len(got))]); err != nil {
				t.Error(err)
			}
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		readCtx := c.CloseRead(ctx)
		pong <- c.Ping(ctx)
		_ = c.Write(ctx, websocket.MessageText, []byte("bye"))
		_ = c.Close(websocket.StatusGoingAway, "restart")
		<-readCtx.Done()
	}
}

// TestFrameInterop talks to a coder server over loopback, both ways.
func TestFrameInterop(t *testing.T) {
	pong := make(chan error, 1)
	srv := httptest.NewServer(interopServer(t, pong))
	defer srv.Close()

	u, err := parseDeviceURL("ws" + strings.TrimPrefix(srv.URL, "http") + "/xiaozhi/v1/")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	rng := newNewlibRand()
	if _, err := tcp.Write(upgradeRequest(u, upgradeHeaders{DeviceID: "aa:bb:cc:dd:ee:ff", Version: 1}, upgradeKey(rng))); err != nil {
		t.Fatal(err)
	}
	rest, err := readUpgrade(tcp)
	if err != nil {
		t.Fatal(err)
	}
	body := newFrameBody(tcp, frameOptions{Rand: rng, Rest: rest, Piece: 730})
	pings := 0
	conn, err := dialOver(t.Context(), body, func(p []byte) {
		pings++
		if err := body.WritePong(p, newNewlibRand()); err != nil { // the only goroutine of this test
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	sent := bytes.Repeat([]byte("opus"), 1000)
	if err := sendFrame(t.Context(), conn, websocket.MessageBinary, sent); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	kind, got, err := conn.Read(ctx)
	if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, sent) {
		t.Fatalf("echo: %v %d bytes, %v", kind, len(got), err)
	}
	if kind, got, err = conn.Read(ctx); err != nil || kind != websocket.MessageText || string(got) != "bye" {
		t.Errorf("text: %v %q, %v", kind, got, err)
	}
	if err := <-pong; err != nil || pings != 1 {
		t.Errorf("ping: %v, %d seen", err, pings)
	}
	if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway || body.CloseCode() != 1001 {
		t.Errorf("close: %v, code %d", err, body.CloseCode())
	}
}
