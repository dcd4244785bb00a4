package device

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"testing"
	"time"

	"xzfleet/results"
)

type chainCase struct {
	name  string
	sent  []*x509.Certificate
	roots *rootSet
	mode  string
	host  string
	cause results.Cause // empty: accepted
	code  string
	alert byte
}

// TestVerifyChain follows what the real client (mbedTLS 3.6.5, ESP-IDF
// v5.5.2) returned for the same chains.
func TestVerifyChain(t *testing.T) {
	key := testKeys.p256
	aia := func(c *x509.Certificate) {
		forHost("voice.test")(c)
		c.IssuingCertificateURL = []string{"http://ca.test/int.der"}
	}
	good := newTestChain(t, key, 2, nil)
	other := newTestChain(t, key, 1, nil)
	withAIA := newTestChain(t, key, 1, aia)
	expired := newTestChain(t, key, 1, func(c *x509.Certificate) {
		forHost("voice.test")(c)
		c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(1, 0)
	})
	long := newTestChain(t, key, 8, nil)
	tooLong := newTestChain(t, key, 9, nil)
	notCA := newTestChain(t, key, 0, nil)
	byLeaf := issue(t, "voice.test", key(), notCA.sent[0], forHost("voice.test"))
	weak := newTestChain(t, testKeys.rsa1024, 0, nil)
	sameName := newTestChain(t, testKeys.p384, 1, nil)
	selfSigned := issue(t, "voice.test", key(), nil, forHost("voice.test"))
	reversed := good.presented()
	slices.Reverse(reversed[1:])
	withRoot := append(good.presented(), good.root.cert)
	swapped := []*x509.Certificate{good.sent[0].cert, other.sent[1].cert, good.sent[2].cert}

	const pem, bundle = "ca", "bundle"
	checkChains(t, []chainCase{
		{"good", good.presented(), good.roots(), pem, "voice.test", "", "", 0},
		{"good, bundle", good.presented(), good.roots(), bundle, "voice.test", "", "", 0},
		{"not verified", selfSigned.list(), nil, "none", "x", "", "", 0},
		{"root sent too", withRoot, good.roots(), bundle, "voice.test", "", "", 0},
		{"expired is accepted", expired.presented(), expired.roots(), pem, "voice.test", "", "", 0},
		{"eight intermediates", long.presented(), long.roots(), pem, "voice.test", "", "", 0},
		{"nine intermediates", tooLong.presented(), tooLong.roots(), pem, "voice.test", results.CauseUntrustedChain, "-0x3000", 49},
		{"unknown root, PEM", good.presented(), nil, pem, "voice.test", results.CauseUntrustedChain, "-0x2700", 48},
		{"unknown root, bundle", good.presented(), nil, bundle, "voice.test", results.CauseUntrustedChain, "-0x3000", 49},
		{"self-signed", selfSigned.list(), good.roots(), bundle, "voice.test", results.CauseUntrustedChain, "-0x3000", 49},
		{"self-signed and a root", selfSigned.list(), newRootSet(selfSigned.list()), bundle, "voice.test", "", "", 0},
		{"intermediate missing, AIA", withAIA.presented()[:1], withAIA.roots(), pem, "voice.test", results.CauseIncompleteChain, "-0x2700", 48},
		{"intermediate missing, no AIA", good.presented()[:1], good.roots(), bundle, "voice.test", results.CauseUntrustedChain, "-0x3000", 49},
		{"reverse order", reversed, good.roots(), pem, "voice.test", results.CauseUntrustedChain, "-0x2700", 48},
		{"issuer of the same name, other key", swapped, good.roots(), pem, "voice.test", results.CauseUntrustedChain, "-0x2700", 48},
		{"root of the same name, other key", good.presented(), sameName.roots(), bundle, "voice.test", results.CauseBadSignature, "-0x3000", 49},
		{"issuer is no CA", []*x509.Certificate{byLeaf.cert, notCA.sent[0].cert}, notCA.roots(), pem, "voice.test", results.CauseUntrustedChain, "-0x2700", 48},
		{"1024-bit key", weak.presented(), weak.roots(), bundle, "voice.test", results.CauseUntrustedChain, "-0x2700", 43},
	})
}

// TestVerifyChainNames: SAN before common name, wildcards of one label.
func TestVerifyChainNames(t *testing.T) {
	const pem, bundle = "ca", "bundle"
	key := testKeys.p256
	good := newTestChain(t, key, 2, nil)
	noSAN := newTestChain(t, key, 1, func(c *x509.Certificate) { forHost()(c) })
	ip := newTestChain(t, key, 1, func(c *x509.Certificate) {
		forHost("other.test")(c)
		c.Subject, c.IPAddresses = pkix.Name{CommonName: "voice.test"}, []net.IP{net.IPv4(10, 0, 0, 7)}
	})
	wild := newTestChain(t, key, 1, forHost("*.Voice.test"))
	checkChains(t, []chainCase{
		{"wrong name", good.presented(), good.roots(), bundle, "other.test", results.CauseNameMismatch, "-0x2700", 42},
		{"common name only", noSAN.presented(), noSAN.roots(), pem, "voice.test", "", "", 0},
		{"common name beside SAN", ip.presented(), ip.roots(), pem, "voice.test", results.CauseNameMismatch, "-0x2700", 42},
		{"address", ip.presented(), ip.roots(), pem, "10.0.0.7", "", "", 0},
		{"wildcard", wild.presented(), wild.roots(), pem, "a.voice.TEST", "", "", 0},
		{"wildcard, two labels", wild.presented(), wild.roots(), pem, "a.b.voice.test", results.CauseNameMismatch, "-0x2700", 42},
		{"wildcard, no label", wild.presented(), wild.roots(), pem, "voice.test", results.CauseNameMismatch, "-0x2700", 42},
	})
}

func checkChains(t *testing.T, cases []chainCase) {
	t.Helper()
	for _, c := range cases {
		v := verifyChain(c.sent, c.roots, c.mode, c.host)
		if c.cause == "" {
			if v.err != nil {
				t.Errorf("%s: %v", c.name, v.err)
			}
			continue
		}
		if v.err == nil || v.err.Cause != c.cause || v.err.Detail.MbedTLS != c.code || v.alert != c.alert {
			t.Errorf("%s: %+v alert %d, want %s %s alert %d", c.name, v.err, v.alert, c.cause, c.code, c.alert)
		}
	}
}

func (c *testCert) list() []*x509.Certificate { return []*x509.Certificate{c.cert} }

// TestVerifyChainForgedIntermediate: an issuer of the right name whose key
// did not sign the child.
func TestVerifyChainForgedIntermediate(t *testing.T) {
	good := newTestChain(t, testKeys.p256, 1, nil)
	forged := issue(t, "Intermediate A", testKeys.p384(), good.root, nil)
	sent := []*x509.Certificate{good.sent[0].cert, forged.cert}
	v := verifyChain(sent, good.roots(), "ca", "voice.test")
	if v.err == nil || v.err.Cause != results.CauseBadSignature {
		t.Errorf("%v", v.err)
	}
	if len(v.signatures) != 1 || v.signatures[0].String() != "ecdsa-p384" {
		t.Errorf("signatures checked: %v", v.signatures)
	}
}

// TestVerifyChainPathLength: a CA limited to no intermediates below it.
func TestVerifyChainPathLength(t *testing.T) {
	root := issue(t, "Root", testKeys.p256(), nil, nil)
	top := issue(t, "Top", testKeys.p256(), root, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	low := issue(t, "Low", testKeys.p256(), top, nil)
	leaf := issue(t, "voice.test", testKeys.p256(), low, forHost("voice.test"))
	sent := []*x509.Certificate{leaf.cert, low.cert, top.cert}
	if v := verifyChain(sent, newRootSet(root.list()), "ca", "voice.test"); v.err == nil {
		t.Error("chain below a CA with path length 0 was accepted")
	}
	direct := issue(t, "voice.test", testKeys.p256(), top, forHost("voice.test"))
	if v := verifyChain([]*x509.Certificate{direct.cert, top.cert}, newRootSet(root.list()), "ca", "voice.test"); v.err != nil {
		t.Errorf("leaf directly below it: %v", v.err)
	}
}
