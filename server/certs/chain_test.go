package certs

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestMakeVerifies(t *testing.T) {
	now := time.Now()
	for _, k := range []KeyType{RSA2048, P256, P384} {
		c, err := Make(Options{Key: k, Names: []string{"voice.test", "127.0.0.1"}, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(c.RootPEM) {
			t.Fatalf("%s: no root in the PEM", k)
		}
		client := tls.Config{RootCAs: roots, ServerName: "voice.test", MaxVersion: tls.VersionTLS12}
		if err := handshake(&client, &tls.Config{Certificates: []tls.Certificate{c.Certificate}}); err != nil {
			t.Errorf("%s: %v", k, err)
		}
		client.ServerName = "127.0.0.1"
		if err := handshake(&client, &tls.Config{Certificates: []tls.Certificate{c.Certificate}}); err != nil {
			t.Errorf("%s by address: %v", k, err)
		}
		client.ServerName = "other.test"
		if err := handshake(&client, &tls.Config{Certificates: []tls.Certificate{c.Certificate}}); err == nil {
			t.Errorf("%s: another name is accepted", k)
		}
	}
}

func TestChainSentWithoutRoot(t *testing.T) {
	c, err := Make(Options{Key: RSA2048, Names: []string{"voice.test"}, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	sent := c.Certificate.Certificate
	if len(sent) != 2 || string(sent[1]) == string(c.Root.Raw) {
		t.Fatalf("%d certificates sent", len(sent))
	}
	for i, der := range sent {
		if len(der) < 800 || len(der) > 1400 {
			t.Errorf("certificate %d has %d bytes of DER", i, len(der))
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	_, err := Make(Options{Key: "rsa-1024", Names: []string{"voice.test"}, Now: time.Now()})
	if err == nil || !strings.Contains(err.Error(), `unknown key type "rsa-1024" (there are rsa-2048, rsa-3072, rsa-4096, p256, p384)`) {
		t.Errorf("%v", err)
	}
	if _, err := Make(Options{Key: P256, Now: time.Now()}); err == nil {
		t.Error("a chain without names was made")
	}
}

func TestKeyTypes(t *testing.T) {
	for _, k := range KeyTypes() {
		if k == RSA4096 || k == RSA3072 {
			continue // seconds each; the same call with another length
		}
		if _, err := k.generate(); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
}

// handshake runs one over a pipe and gives the client's view.
func handshake(client, server *tls.Config) error {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := tls.Server(far, server)
		if s.Handshake() == nil {
			_, _ = io.Copy(io.Discard, s)
		}
		_ = far.Close()
	}()
	c := tls.Client(near, client)
	err := c.Handshake()
	_ = near.Close()
	<-done
	return err
}
