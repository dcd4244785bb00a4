//go:build cgo

package voice

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"xzfleet/server/certs"
	"xzfleet/server/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bed is a server on pipes in memory, so that it can run in a bubble of
// testing/synctest, where waits cost nothing and times are exact.
type bed struct {
	*Server
	t     *testing.T
	dial  func() net.Conn // the client's end of a new connection, without TLS
	roots *x509.CertPool
	logs  *logBuffer
	stop  func() // ends the server and waits for it
}

func testConfig() Config {
	c := Default()
	c.TLS.Chain = string(certs.P256) // quick to make
	return c
}

func newBed(t *testing.T, cfg Config) *bed {
	t.Helper()
	ln := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	return newBedOn(t, cfg, ln, func() net.Conn {
		near, far := net.Pipe()
		ln.conns <- far
		return near
	})
}

// newTCPBed is a bed on a real socket.
func newTCPBed(t *testing.T, cfg Config) *bed {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newBedOn(t, cfg, ln, func() net.Conn {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Error(err)
			c, _ = net.Pipe()
		}
		return c
	})
}

func newBedOn(t *testing.T, cfg Config, ln net.Listener, dial func() net.Conn) *bed {
	t.Helper()
	b := &bed{t: t, dial: dial, logs: &logBuffer{}}
	var err error
	b.Server, err = New(cfg, slog.New(slog.NewTextHandler(b.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	b.roots = x509.NewCertPool()
	b.roots.AppendCertsFromPEM(b.RootPEM())
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.Serve(ctx, ln); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	b.stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(b.stop)
	return b
}

func (b *bed) dialTLS(max uint16) *tls.Conn {
	c := tls.Client(b.dial(), &tls.Config{RootCAs: b.roots, ServerName: "voice.test", MaxVersion: max})
	if err := c.Handshake(); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// web is an HTTP client whose every connection leads to the server.
func (b *bed) web() *http.Client {
	tr := &http.Transport{
		DialContext:     func(context.Context, string, string) (net.Conn, error) { return b.dial(), nil },
		TLSClientConfig: &tls.Config{RootCAs: b.roots, ServerName: "voice.test", MaxVersion: tls.VersionTLS12},
	}
	b.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// waitFor gives the server time until a connection ended for that reason.
func (b *bed) waitFor(r Reason) {
	b.t.Helper()
	for range 400 {
		if b.Stats().Ended[r] > 0 {
			if want := "reason=" + string(r); !strings.Contains(b.logs.String(), want) {
				b.t.Errorf("no %q in the log", want)
			}
			return
		}
		time.Sleep(100 * time.Millisecond) // costs nothing in a bubble
	}
	b.t.Errorf("nothing ended for %s: %v\n%s", r, b.Stats().Ended, b.logs)
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// field finds a key's value in the first log line with that message.
func (l *logBuffer) field(msg, key string) string {
	for line := range strings.Lines(l.String()) {
		if !strings.Contains(line, "msg="+msg) {
			continue
		}
		if _, rest, ok := strings.Cut(line, " "+key+"="); ok {
			return strings.Fields(rest)[0]
		}
	}
	return ""
}

// speechDir holds what the emulated devices say.
const speechDir = "../../emulator/device/speech"

func clip(t testing.TB, name string) (packets [][]byte, text string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(speechDir, name+".opus"))
	if err != nil {
		t.Fatal(err)
	}
	packets, tags, err := protocol.OggOpusPackets(file)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return packets, tags["TITLE"]
}

// speechClips are the names of all clips but the wake word.
func speechClips(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(speechDir, "*.opus"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		if n := strings.TrimSuffix(filepath.Base(f), ".opus"); n != "wake" {
			names = append(names, n)
		}
	}
	return names
}

// isEnd reports whether a read error says that the other end let go.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, io.ErrUnexpectedEOF)
}
