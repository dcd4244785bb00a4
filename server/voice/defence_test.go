//go:build cgo

package voice

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"xzfleet/server/protocol"
)

// attack is a client that does not behave, and what the server says of it.
type attack struct {
	name   string
	reason Reason
	do     func(b *bed)
}

// openingAttacks never become sessions.
func openingAttacks() []attack {
	return []attack{
		{"garbage instead of TLS", NotTLS, func(b *bed) {
			_, _ = b.dial().Write([]byte("GET / HTTP/1.1\r\nHost: voice.test\r\n\r\n"))
		}},
		{"nothing", TLSTimeout, func(b *bed) { b.dial() }},
		{"half a TLS handshake", TLSTimeout, func(b *bed) {
			_, _ = b.dial().Write(append([]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, make([]byte, 60)...))
		}},
		{"no version in common", TLSFailed, func(b *bed) {
			c := tls.Client(b.dial(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
			_ = c.Handshake()
		}},
		{"TLS and then nothing", NoRequest, func(b *bed) { b.dialTLS(tls.VersionTLS13) }},
		{"TLS and then garbage", NoRequest, func(b *bed) {
			c := b.dialTLS(tls.VersionTLS12)
			_, _ = c.Write([]byte("no request\r\n\r\n"))
			_, _ = c.Read(make([]byte, 1000))
			_ = c.Close()
		}},
		{"giant header", NoRequest, func(b *bed) {
			c := b.dialTLS(tls.VersionTLS12)
			_, _ = c.Write([]byte("GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 64<<10)))
			_ = c.Close()
		}},
		{"plain GET of the channel", BadUpgrade, func(b *bed) { getStatus(b, http.StatusUpgradeRequired, nil) }},
		{"unknown protocol version", BadUpgrade, func(b *bed) {
			getStatus(b, http.StatusBadRequest, http.Header{"Protocol-Version": {"4"}})
		}},
	}
}

// sessionAttacks come after the upgrade.
func sessionAttacks(t *testing.T) []attack {
	packets, _ := clip(t, "zh-weather")
	hello := func(b *bed) *client { return b.connect(channelURL, 1) }
	return []attack{
		{"no hello", NoHello, func(b *bed) { mustUpgrade(b) }},
		{"something else than hello", BadHello, func(b *bed) {
			_ = mustUpgrade(b).Write(context.Background(), websocket.MessageText, []byte(`{"type":"listen"}`))
		}},
		{"audio before hello", BadHello, func(b *bed) {
			_ = mustUpgrade(b).Write(context.Background(), websocket.MessageBinary, packets[0])
		}},
		{"1 MB of text", TooLarge, func(b *bed) {
			_ = hello(b).ws.Write(context.Background(), websocket.MessageText, bytes.Repeat([]byte(" "), 1<<20))
		}},
		{"1 MB of text for hello", TooLarge, func(b *bed) {
			_ = mustUpgrade(b).Write(context.Background(), websocket.MessageText, bytes.Repeat([]byte(" "), 1<<20))
		}},
		{"text that is no message", BadMessage, func(b *bed) { hello(b).sendText([]byte("{")) }},
		{"deep JSON", BadMessage, func(b *bed) { hello(b).sendText(bytes.Repeat([]byte("["), 60000)) }},
		{"binary frame cut off", BadFrame, func(b *bed) {
			c := b.connect(channelURL, 2)
			_ = c.ws.Write(context.Background(), websocket.MessageBinary, []byte{0, 2, 0})
		}},
		{"junk while listening", BadOpus, func(b *bed) {
			c := hello(b)
			c.sendText(protocol.AppendListenStart(nil, c.session, protocol.ModeAuto))
			c.send(packets[:5]...)
			_ = c.ws.Write(context.Background(), websocket.MessageBinary, bytes.Repeat([]byte{0xff}, 300))
		}},
		{"junk while not listening", BadOpus, func(b *bed) {
			_ = hello(b).ws.Write(context.Background(), websocket.MessageBinary, bytes.Repeat([]byte{0xff}, 300))
		}},
		{"an empty packet", BadOpus, func(b *bed) { hello(b).send(nil) }},
		{"never reads", SlowReader, func(b *bed) {
			c := &client{t: b.t, ws: mustUpgrade(b), version: 1}
			text, err := protocol.JSON(protocol.NewDeviceHello(1, protocol.Features{}))
			if err != nil {
				b.t.Fatal(err)
			}
			c.sendText(text)
			if _, _, err := c.ws.Read(context.Background()); err != nil {
				b.t.Fatal(err)
			}
			c.ask(packets)
		}},
		{"falls silent", Idle, func(b *bed) { hello(b) }},
	}
}

func getStatus(b *bed, want int, h http.Header) {
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, "https://voice.test/xiaozhi/v1/", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header = h
	resp, err := b.web().Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		b.t.Errorf("%s, not %d", resp.Status, want)
	}
}

func mustUpgrade(b *bed) *websocket.Conn {
	ws, _, err := b.upgrade(channelURL, "1")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// TestDefence has each attack beside a conversation that must not notice: its
// answers come whole and every frame at its very time.
func TestDefence(t *testing.T) {
	for _, a := range append(openingAttacks(), sessionAttacks(t)...) {
		t.Run(a.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.Limits.Idle = time.Minute
				b := newBed(t, cfg)
				c := b.connect(channelURL, 1)
				packets, text := clip(t, "zh-weather")
				before := b.Stats()
				c.ask(packets)
				a.do(b)
				checkAnswer(t, c.until("tts stop"), b.script.lines, text)
				for range 12 { // longer than every time-out
					c.ask(packets)
					checkAnswer(t, c.until("tts stop"), b.script.lines, text)
				}
				b.waitFor(a.reason)
				after := b.Stats()
				if n := after.Ended[a.reason] - before.Ended[a.reason]; n != 1 {
					t.Errorf("%d connections ended for %s: %v", n, a.reason, after.Ended)
				}
				if n := b.opening.Load(); n > 1 { // an idle HTTP connection may be there
					t.Errorf("%d connections still opening", n)
				}
				if after.Active != 1 {
					t.Errorf("%d sessions left", after.Active)
				}
			})
		})
	}
}

func TestPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.Voice.Ping = 20 * time.Second
		b := newBed(t, cfg)
		answers := b.connect(channelURL, 1) // its reader answers pings
		mute, _, err := websocket.Dial(t.Context(), channelURL, &websocket.DialOptions{
			HTTPClient:     b.web(),
			OnPingReceived: func(context.Context, []byte) bool { return false },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = mute.CloseNow() }()
		text, err := protocol.JSON(protocol.NewDeviceHello(1, protocol.Features{}))
		if err != nil {
			t.Fatal(err)
		}
		if err := mute.Write(t.Context(), websocket.MessageText, text); err != nil {
			t.Fatal(err)
		}
		if _, _, err := mute.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := mute.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusInternalError {
			t.Errorf("ended with %v", err)
		}
		time.Sleep(20 * time.Second)
		st := b.Stats()
		if st.Ended[PingTimeout] != 1 || st.Active != 1 {
			t.Errorf("%v, %d sessions", st.Ended, st.Active)
		}
		answers.sendText(protocol.AppendAbort(nil, answers.session, ""))
		answers.until("tts stop")
	})
}

func TestSessionsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.Limits.Sessions = 2
		b := newBed(t, cfg)
		first := b.connect(channelURL, 1)
		b.connect(channelURL, 1)
		_, resp, err := b.upgrade(channelURL, "1")
		if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Fatalf("%v, %v", resp, err)
		}
		b.waitFor(SessionsFull)
		first.close()
		b.waitFor(DeviceClosed)
		b.connect(channelURL, 1)
	})
}

func TestOpeningLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.Limits.Sessions = 3
		b := newBed(t, cfg)
		for range 3 {
			b.dial()
		}
		if _, err := b.dial().Read(make([]byte, 1)); !isEnd(err) {
			t.Errorf("the fourth is let in: %v", err)
		}
		b.waitFor(OpeningFull)
		b.waitFor(TLSTimeout)
		time.Sleep(time.Second)
		b.connect(channelURL, 1)
	})
}
