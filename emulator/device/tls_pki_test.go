package device

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// testKeys are made once: a 4096-bit key takes seconds.
var testKeys = struct{ rsa1024, rsa2048, rsa4096, p256, p384 func() crypto.Signer }{
	rsaKeyOnce(1024), rsaKeyOnce(2048), rsaKeyOnce(4096), ecKeyOnce(elliptic.P256()), ecKeyOnce(elliptic.P384()),
}

func rsaKeyOnce(bits int) func() crypto.Signer {
	return sync.OnceValue(func() crypto.Signer {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		return k
	})
}

func ecKeyOnce(curve elliptic.Curve) func() crypto.Signer {
	return sync.OnceValue(func() crypto.Signer {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
}

// testCert is one certificate with its key.
type testCert struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate named cn; parent nil: self-signed.
func issue(t testing.TB, cn string, key crypto.Signer, parent *testCert, edit func(*x509.Certificate)) *testCert {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: cn, Organization: []string{"xzfleet test"}},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if edit != nil {
		edit(tmpl)
	}
	signer, issuer := key, tmpl
	if parent != nil {
		signer, issuer = parent.key, parent.cert
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, issuer, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &testCert{cert, key}
}

// forHost makes a template a server certificate.
func forHost(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.DNSNames = false, x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment, names
	}
}

// testChain is root ← intermediates ← leaf for voice.test, all with one kind
// of key.
type testChain struct {
	root *testCert
	sent []*testCert // leaf first
}

func newTestChain(t testing.TB, key func() crypto.Signer, intermediates int, leaf func(*x509.Certificate)) testChain {
	t.Helper()
	c := testChain{root: issue(t, "Root", key(), nil, nil)}
	parent := c.root
	for i := range intermediates {
		ca := issue(t, "Intermediate "+string(rune('A'+i)), key(), parent, nil)
		c.sent = append([]*testCert{ca}, c.sent...)
		parent = ca
	}
	if leaf == nil {
		leaf = forHost("voice.test")
	}
	c.sent = append([]*testCert{issue(t, "voice.test", key(), parent, leaf)}, c.sent...)
	return c
}

func (c testChain) certificate() tls.Certificate {
	out := tls.Certificate{PrivateKey: c.sent[0].key}
	for _, s := range c.sent {
		out.Certificate = append(out.Certificate, s.cert.Raw)
	}
	return out
}

func (c testChain) presented() []*x509.Certificate {
	var out []*x509.Certificate
	for _, s := range c.sent {
		out = append(out, s.cert)
	}
	return out
}

func (c testChain) roots() *rootSet { return newRootSet([]*x509.Certificate{c.root.cert}) }

// pemFiles writes chain and key for openssl.
func (c testChain) pemFiles(t testing.TB) (chain, key string) {
	t.Helper()
	var out []byte
	for _, s := range c.sent {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.sent[0].key)
	if err != nil {
		t.Fatal(err)
	}
	chain, key = filepath.Join(t.TempDir(), "chain.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, b := range map[string][]byte{chain: out, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return chain, key
}

// loadChain reads a PEM chain from testdata/chains.
func loadChain(t testing.TB, name string) []*x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "chains", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// serveOnce runs serve on the first connection to a loopback listener and
// returns the dialled client end. The test waits for serve to return.
func serveOnce(t testing.TB, serve func(net.Conn)) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		serve(c)
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); l.Close(); wg.Wait() })
	return c
}

// serveTLS echoes over crypto/tls until the client goes.
func serveTLS(cfg *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, cfg)
		buf := make([]byte, 4096)
		for {
			n, err := s.Read(buf)
			if err != nil {
				return
			}
			if _, err := s.Write(buf[:n]); err != nil {
				return
			}
		}
	}
}
