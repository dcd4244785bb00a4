//go:build cgo

package voice

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestShutdown stops the server with connections in every state. Serve
// returns (and leaves no goroutine, says goleak); sessions are told.
func TestShutdown(t *testing.T) {
	b := newTCPBed(t, testConfig())
	silent := b.dial()
	defer silent.Close()
	handshaken := b.dialTLS(tls.VersionTLS12)
	defer handshaken.Close()
	b.ota()
	mustUpgrade(b)
	idle := b.connect(channelURL, 1)
	talking := b.connect(channelURL, 2)
	packets, _ := clip(t, "zh-weather")
	talking.ask(packets)
	talking.until("audio")
	start := time.Now()
	b.stop()
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("took %v", d)
	}
	for _, c := range []*client{idle, talking} {
		for range c.events {
		}
		if websocket.CloseStatus(c.err) != websocket.StatusGoingAway {
			t.Errorf("session ended with %v", c.err)
		}
	}
	st := b.Stats()
	if st.Active != 0 || st.Sessions != 2 || len(st.Ended) != 1 || st.Ended[Shutdown] != 5 {
		t.Errorf("%+v", st)
	}
	if !strings.Contains(b.logs.String(), "msg=stopped accepted=") {
		t.Error("no figures in the log")
	}
}

// TestServeProcess is the child of a run: ready line, one turn in real time,
// end with its standard input.
func TestServeProcess(t *testing.T) {
	stdin, hold := io.Pipe()
	said, stdout := io.Pipe()
	logs := &logBuffer{}
	var served sync.WaitGroup
	served.Go(func() {
		if err := ServeProcess(t.Context(), Default(), "127.0.0.1:0", true, stdin, stdout, logs); err != nil {
			t.Errorf("%v", err)
		}
		_ = stdout.Close()
	})
	lines := bufio.NewScanner(said)
	var ready readyLine
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &ready) != nil || !ready.Ready {
		t.Fatalf("ready line %q", lines.Text())
	}
	b := &bed{t: t, logs: logs, roots: x509.NewCertPool()}
	b.roots.AppendCertsFromPEM([]byte(ready.Root))
	b.dial = func() net.Conn {
		c, err := net.Dial("tcp", ready.Addr)
		if err != nil {
			t.Error(err)
			c, _ = net.Pipe()
		}
		return c
	}
	c := b.connect(channelURL, 3)
	packets, _ := clip(t, "en-time")
	c.ask(packets)
	if got := c.until("tts stop"); len(got) < 20 {
		t.Errorf("%d messages", len(got))
	}
	_ = hold.Close()
	served.Wait()
	if lines.Scan() {
		t.Errorf("a second line %q", lines.Text())
	}
	checkHeard(t, b, packets, 0)
}

func TestServeSaysWhatIsTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	err = Serve(t.Context(), testConfig(), ln.Addr().String(), slog.New(slog.DiscardHandler), func(Ready) { t.Error("ready") })
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
}
