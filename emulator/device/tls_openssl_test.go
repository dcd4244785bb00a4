package device

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"

	"xzfleet/results"
)

// sServer starts `openssl s_server -rev` with the chain and more arguments
// (CERT and KEY stand for its files) and dials it.
func sServer(t *testing.T, chain testChain, more string) net.Conn {
	t.Helper()
	cert, key := chain.pemFiles(t)
	args := []string{"s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", cert, "-cert_chain", cert, "-key", key}
	args = append(args, strings.Fields(strings.NewReplacer("CERT", cert, "KEY", key).Replace(more))...)
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	var addr string
	for addr == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("openssl %v: %v", args, err)
		}
		addr, _ = strings.CutPrefix(strings.TrimSpace(line), "ACCEPT ")
		if !strings.HasPrefix(line, "ACCEPT") {
			addr = ""
		}
	}
	drained := make(chan struct{})
	go func() { defer close(drained); _, _ = io.Copy(io.Discard, lines) }()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		_ = cmd.Process.Kill()
		<-drained
		_ = cmd.Wait()
	})
	return conn
}

type opensslCase struct {
	name    string
	profile TLS
	chain   testChain
	args    string
	want    results.TLS   // without sizes
	cause   results.Cause // empty: succeeds
	text    string
}

func opensslCases(t *testing.T) []opensslCase {
	rsa2 := newTestChain(t, testKeys.rsa2048, 1, nil)
	rsa4 := newTestChain(t, testKeys.rsa4096, 2, nil)
	ec := newTestChain(t, testKeys.p256, 1, nil)
	ecdheRSA := results.TLS{Version: "TLS 1.2", Cipher: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Group: "x25519", CertType: "rsa-2048"}
	p256, rsa4096, ecdsa, rsaKx, cbc := ecdheRSA, ecdheRSA, ecdheRSA, ecdheRSA, ecdheRSA
	p256.Group = "secp256r1"
	rsa4096.CertType = "rsa-4096"
	ecdsa.CertType, ecdsa.Cipher = "ecdsa-p256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
	rsaKx.Cipher, rsaKx.Group = "TLS_RSA_WITH_AES_128_GCM_SHA256", ""
	cbc.Cipher = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
	both := mbedtlsProfile
	both.MaxVersion = "1.3"
	return []opensslCase{
		{"mbedtls RSA-2048", mbedtlsProfile, rsa2, "", ecdheRSA, "", ""},
		{"mbedtls RSA-4096", mbedtlsProfile, rsa4, "", rsa4096, "", ""},
		{"mbedtls ECDSA", mbedtlsProfile, ec, "", ecdsa, "", ""},
		{"mbedtls 1.3", both, ec, "", results.TLS{Version: "TLS 1.3", Cipher: "TLS_AES_256_GCM_SHA384", Group: "x25519", CertType: "ecdsa-p256"}, "", ""},
		{"modem RSA-2048", modemProfile, rsa2, "", p256, "", ""},
		{"RSA key transport", modemProfile, rsa2, "-cipher AES128-GCM-SHA256", rsaKx, "", ""},
		{"CBC without encrypt-then-mac", mbedtlsProfile, rsa2, "-cipher ECDHE-RSA-AES128-SHA -no_etm", cbc, "", ""},
		{"CBC with encrypt-then-mac", mbedtlsProfile, rsa2, "-cipher ECDHE-RSA-AES128-SHA", results.TLS{}, results.CauseEmulatorLimit, "encrypt-then-mac"},
		{"CBC SHA-384", modemProfile, rsa2, "-cipher ECDHE-RSA-AES256-SHA384", results.TLS{}, results.CauseEmulatorLimit, "CBC_SHA384"},
		{"CCM", mbedtlsProfile, ec, "-cipher ECDHE-ECDSA-AES128-CCM", results.TLS{}, results.CauseEmulatorLimit, "AES_128_CCM"},
		{"Brainpool", mbedtlsProfile, rsa2, "-curves brainpoolP256r1", results.TLS{}, results.CauseEmulatorLimit, "brainpoolP256r1"},
		{"no common group", mbedtlsProfile, rsa2, "-curves X448 -cipher ECDHE+AESGCM", results.TLS{}, results.CauseHandshakeRefused, "alert 40"},
		{"ChaCha only", mbedtlsProfile, rsa2, "-cipher ECDHE-RSA-CHACHA20-POLY1305", results.TLS{}, results.CauseHandshakeRefused, "alert 40"},
		{"ECDSA, modem", modemProfile, ec, "", results.TLS{}, results.CauseHandshakeRefused, "alert 40"},
		{"TLS 1.3 only", modemProfile, rsa2, "-tls1_3", results.TLS{}, results.CauseNoCommonVersion, "alert 70"},
		{"client certificate", mbedtlsProfile, rsa2, "-Verify 1", results.TLS{}, results.CauseClientCertRequired, "alert 40"},
		{"server name unknown", mbedtlsProfile, rsa2, "-servername elsewhere.test -servername_fatal -cert2 CERT -key2 KEY", results.TLS{}, results.CauseUnrecognizedName, "alert 112"},
		{"untrusted", mbedtlsProfile, ec, "", results.TLS{}, results.CauseUntrustedChain, "not a root"},
	}
}

// TestTLSAgainstOpenSSL: the server that most devices meet, nginx included.
func TestTLSAgainstOpenSSL(t *testing.T) {
	for _, c := range opensslCases(t) {
		t.Run(c.name, c.run)
	}
}

func (c opensslCase) run(t *testing.T) {
	roots := c.chain.roots()
	if c.cause == results.CauseUntrustedChain {
		roots = nil
	}
	conn, err := tlsHandshake(t.Context(), sServer(t, c.chain, c.args), tlsConfig{Profile: c.profile, ServerName: "voice.test", Roots: roots})
	if c.cause != "" {
		if e, ok := errors.AsType[*openError](err); !ok || e.Cause != c.cause || !strings.Contains(e.Error(), c.text) {
			t.Fatalf("%v, want %s %s", err, c.cause, c.text)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got := conn.Info()
	got.ChainBytes, got.BytesIn, got.BytesOut = 0, 0, 0
	if got != c.want {
		t.Errorf("got %+v\nwant %+v", got, c.want)
	}
	if _, err := conn.Write([]byte("oiez\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "zeio\n" {
		t.Errorf("%q, %v", line, err)
	}
}
