package device

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"xzfleet/results"
)

type tlsSuccessCase struct {
	name    string
	chain   testChain
	profile TLS
	server  *tls.Config
	want    results.TLS // without sizes
	compute time.Duration
}

func tlsSuccesses(t *testing.T) []tlsSuccessCase {
	rsa2 := newTestChain(t, testKeys.rsa2048, 1, nil)
	rsa4 := newTestChain(t, testKeys.rsa4096, 2, nil)
	ec := newTestChain(t, testKeys.p256, 1, nil)
	both := mbedtlsProfile
	both.MaxVersion = "1.3"
	rsaKx := mbedtlsProfile
	rsaKx.Ciphers = []string{"TLS_RSA_WITH_AES_128_GCM_SHA256"}
	return []tlsSuccessCase{
		{
			"mbedtls RSA-2048", rsa2, mbedtlsProfile, &tls.Config{},
			results.TLS{Version: "TLS 1.2", Cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Group: "x25519", CertType: "rsa-2048"},
			275 * time.Millisecond,
		},
		{
			"mbedtls RSA-4096 three certs", rsa4, mbedtlsProfile, &tls.Config{},
			results.TLS{Version: "TLS 1.2", Cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Group: "x25519", CertType: "rsa-4096"},
			541 * time.Millisecond,
		},
		{
			"mbedtls P-256, group P-384", ec, mbedtlsProfile, &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}},
			results.TLS{Version: "TLS 1.2", Cipher: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Group: "secp384r1", CertType: "ecdsa-p256"},
			1428 * time.Millisecond,
		},
		{
			"mbedtls AES-256", rsa2, mbedtlsProfile, &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}},
			results.TLS{Version: "TLS 1.2", Cipher: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Group: "x25519", CertType: "rsa-2048"},
			275 * time.Millisecond,
		},
		{
			"mbedtls RSA key transport", rsa2, rsaKx, &tls.Config{CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
			results.TLS{Version: "TLS 1.2", Cipher: "TLS_RSA_WITH_AES_128_GCM_SHA256", CertType: "rsa-2048"},
			54 * time.Millisecond,
		},
		{
			"mbedtls 1.3", ec, both, &tls.Config{},
			results.TLS{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Group: "x25519", CertType: "ecdsa-p256"},
			1127 * time.Millisecond,
		},
		{
			"mbedtls 1.3, hello retry", ec, both, &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP256}},
			results.TLS{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Group: "secp256r1", CertType: "ecdsa-p256"},
			1180 * time.Millisecond,
		},
		{
			"modem RSA-2048", rsa2, modemProfile, &tls.Config{},
			results.TLS{Version: "TLS 1.2", Cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Group: "secp256r1", CertType: "rsa-2048"},
			0,
		},
		{
			"modem TLS 1.0", rsa2, modemProfile, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10},
			results.TLS{Version: "TLS 1.0", Cipher: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Group: "secp256r1", CertType: "rsa-2048"},
			0,
		},
	}
}

func TestTLSHandshakeSucceeds(t *testing.T) {
	for _, c := range tlsSuccesses(t) {
		t.Run(c.name, c.run)
	}
}

func (c tlsSuccessCase) run(t *testing.T) {
	cfg := c.server.Clone()
	cfg.Certificates = []tls.Certificate{c.chain.certificate()}
	counted := &countingConn{Conn: serveOnce(t, serveTLS(cfg))}
	var charged time.Duration
	var before int64
	client := tlsConfig{
		Profile: c.profile, ServerName: "voice.test", Roots: c.chain.roots(), CPU: CPU{MHz: 240},
		Charge: func(d time.Duration) { charged += d; before = counted.out },
	}
	if c.profile.Stack == "modem" {
		client.CPU = CPU{}
	}
	conn, err := tlsHandshake(t.Context(), counted, client)
	if err != nil {
		t.Fatal(err)
	}
	got := conn.Info()
	if got.BytesIn != counted.in || got.BytesOut != counted.out {
		t.Errorf("bytes %d in %d out, on the wire %d and %d", got.BytesIn, got.BytesOut, counted.in, counted.out)
	}
	c.want.BytesIn, c.want.BytesOut = got.BytesIn, got.BytesOut
	for _, s := range c.chain.sent {
		c.want.ChainBytes += len(s.cert.Raw)
	}
	if got != c.want {
		t.Errorf("got  %+v\nwant %+v", got, c.want)
	}
	if diff := charged - c.compute; diff.Abs() > 2*time.Millisecond {
		t.Errorf("charged %v, want %v", charged, c.compute)
	}
	if charged > 0 && (before == 0 || before >= got.BytesOut) {
		t.Errorf("charged after %d of %d bytes out", before, got.BytesOut)
	}
	echo(t, conn, 3000)
}

// echo sends n bytes and reads them back.
func echo(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	msg := strings.Repeat("x", n)
	if _, err := conn.Write([]byte(msg)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, n)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != msg {
		t.Fatalf("echo: %v", err)
	}
}

type countingConn struct {
	net.Conn
	in, out int64
	writes  int
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in += int64(n)
	return n, err
}

func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out += int64(n)
	c.writes++
	return n, err
}

// TestTLSRejectAlert: the server hears mbedTLS's alert, not the library's.
func TestTLSRejectAlert(t *testing.T) {
	chain := newTestChain(t, testKeys.rsa2048, 1, nil)
	for mode, want := range map[string]string{"bundle": "access denied", "ca": "unknown certificate authority"} {
		heard := make(chan error, 1)
		conn := serveOnce(t, func(c net.Conn) {
			heard <- tls.Server(c, &tls.Config{Certificates: []tls.Certificate{chain.certificate()}}).Handshake()
		})
		p := mbedtlsProfile
		p.Verify = mode
		if _, err := tlsHandshake(t.Context(), conn, tlsConfig{Profile: p, ServerName: "voice.test"}); err == nil {
			t.Fatal("accepted without roots")
		}
		if err := <-heard; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: server heard %v, want %s", mode, err, want)
		}
	}
}

// TestTLS13ClientCertificate: a TLS 1.3 server complains after the client
// believes the handshake over.
func TestTLS13ClientCertificate(t *testing.T) {
	chain := newTestChain(t, testKeys.p256, 0, nil)
	p := mbedtlsProfile
	p.MaxVersion = "1.3"
	cfg := &tls.Config{Certificates: []tls.Certificate{chain.certificate()}, ClientAuth: tls.RequireAnyClientCert}
	conn, err := tlsHandshake(t.Context(), serveOnce(t, serveTLS(cfg)), tlsConfig{Profile: p, ServerName: "voice.test", Roots: chain.roots()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Read(make([]byte, 1))
	if e, ok := errors.AsType[*openError](err); !ok || e.Cause != results.CauseClientCertRequired || e.Detail.Alert != 116 {
		t.Errorf("read: %v", err)
	}
}

func TestTLSTimeouts(t *testing.T) {
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := tlsHandshake(ctx, serveOnce(t, silent), tlsConfig{Profile: modemProfile})
	if e, ok := errors.AsType[*openError](err); !ok || e.Cause != results.CauseTimeout {
		t.Errorf("context: %v", err)
	}
	conn := serveOnce(t, silent)
	if err := conn.SetDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err = tlsHandshake(t.Context(), conn, tlsConfig{Profile: mbedtlsProfile})
	if e, ok := errors.AsType[*openError](err); !ok || e.Cause != results.CauseTimeout {
		t.Errorf("deadline: %v", err)
	}
}

// TestTLSOneRecordPerFrame: a write of up to 16 KiB is one record and one
// write below, and Close sends nothing.
func TestTLSOneRecordPerFrame(t *testing.T) {
	chain := newTestChain(t, testKeys.rsa2048, 0, nil)
	cfg := &tls.Config{Certificates: []tls.Certificate{chain.certificate()}}
	below := &countingConn{Conn: serveOnce(t, serveTLS(cfg))}
	conn, err := tlsHandshake(t.Context(), below, tlsConfig{Profile: mbedtlsProfile, ServerName: "voice.test", Roots: chain.roots()})
	if err != nil {
		t.Fatal(err)
	}
	writes, out := below.writes, below.out
	echo(t, conn, 16384)
	if below.writes != writes+1 || below.out != out+16384+29 {
		t.Errorf("%d writes of %d bytes", below.writes-writes, below.out-out)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if below.writes != writes+1 {
		t.Error("Close wrote a close_notify")
	}
}

// TestTLSMemoryPerConnection prints what an idle TLS connection keeps on the
// heap, the test's server included, and holds an upper bound.
func TestTLSMemoryPerConnection(t *testing.T) {
	const n = 50
	chain := newTestChain(t, testKeys.p256, 1, nil)
	cfg := &tls.Config{Certificates: []tls.Certificate{chain.certificate()}}
	client := tlsConfig{Profile: mbedtlsProfile, ServerName: "voice.test", Roots: chain.roots()}
	conns := make([]*tlsConn, 0, n)
	open := func() {
		near, far := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- tls.Server(far, cfg).Handshake() }()
		c, err := tlsHandshake(t.Context(), near, client)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	open() // certificate caches
	before := heapInUse()
	for range n {
		open()
	}
	per := (heapInUse() - before) / n
	t.Logf("%d bytes per idle connection", per)
	if per > 24<<10 {
		t.Errorf("%d bytes per connection", per)
	}
	runtime.KeepAlive(conns)
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// FuzzFlightWatch: the tap's reader survives any server, in any pieces.
func FuzzFlightWatch(f *testing.F) {
	f.Add(serverHelloFor(0x0303, 0xc02f, 0, 22, 0, 0), uint8(3))
	f.Add(serverHelloFor(0x0303, 0x1301, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 29), uint8(1))
	f.Add(record(recordAlert, 2, 40), uint8(7))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		var whole, cut flightWatch
		whole.server(data)
		for p := data; len(p) > 0; {
			n := min(len(p), int(piece)+1)
			cut.server(p[:n])
			p = p[n:]
		}
		if fmt.Sprint(whole.suite, whole.version, whole.group, whole.alert, whole.etm) !=
			fmt.Sprint(cut.suite, cut.version, cut.group, cut.alert, cut.etm) {
			t.Errorf("whole %+v\ncut   %+v", whole, cut)
		}
		_ = whole.text()
	})
}
