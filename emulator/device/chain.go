package device

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net"
	"slices"
	"strings"

	"xzfleet/results"
)

// rootSet is a device's trust store, by subject as the firmware's bundle is.
type rootSet struct {
	bySubject map[string][]*x509.Certificate
}

// newRootSet indexes the roots; one set serves every device of a run.
func newRootSet(roots []*x509.Certificate) *rootSet {
	s := &rootSet{bySubject: make(map[string][]*x509.Certificate, len(roots))}
	for _, c := range roots {
		s.bySubject[string(c.RawSubject)] = append(s.bySubject[string(c.RawSubject)], c)
	}
	return s
}

func (s *rootSet) named(subject []byte) []*x509.Certificate {
	if s == nil {
		return nil
	}
	return s.bySubject[string(subject)]
}

// maxIntermediates is MBEDTLS_X509_MAX_INTERMEDIATE_CA.
const maxIntermediates = 8

// minRSABits is rsa_min_bitlen of mbedtls_x509_crt_profile_default.
const minRSABits = 2048

// TLS alerts that mbedTLS sends for a rejected chain (ssl_tls.c,
// ssl_parse_certificate_verify): picked by flag, access_denied where the
// verification itself failed and all flags are set.
const (
	alertBadCertificate         = 42
	alertUnsupportedCertificate = 43
	alertUnknownCA              = 48
	alertAccessDenied           = 49
)

// chainVerdict is the outcome of a verification and what it computed.
type chainVerdict struct {
	signatures []keyKind // the keys that verified a signature, in order
	err        *openError
	alert      byte // that the device sends where err is set
}

// verifyChain judges what a server presented, leaf first, as mbedTLS 3.6 does
// on an ESP32 (library/x509_crt.c, x509_crt_verify_chain): the issuer is
// searched among the roots, then among the certificates presented after the
// child, so that a chain in reverse order fails. Validity dates are not
// looked at (MBEDTLS_HAVE_TIME_DATE is off). In mode "bundle" a chain that
// does not end in a root makes esp_crt_bundle's callback fail, which turns
// the code from -0x2700 into -0x3000. Mode "none" accepts everything.
func verifyChain(presented []*x509.Certificate, roots *rootSet, mode, name string) chainVerdict {
	if mode == "none" || mode == "" {
		return chainVerdict{}
	}
	w := chainWalk{presented: presented, roots: roots, bundle: mode == "bundle"}
	v := chainVerdict{err: w.walk()}
	v.signatures = w.signatures
	switch {
	case v.err != nil && v.err.Detail.MbedTLS == mbedFatalX509:
		v.alert = alertAccessDenied
	case v.err != nil:
		v.alert = alertUnknownCA
	case !matchesName(presented[0], name):
		v.alert = alertBadCertificate
		v.err = chainError(results.CauseNameMismatch, mbedVerifyFailed,
			"certificate is for %s, not %s", strings.Join(namesOf(presented[0]), ", "), name)
	case w.weak != "":
		v.alert = alertUnsupportedCertificate
		v.err = chainError(results.CauseUntrustedChain, mbedVerifyFailed, "%s", w.weak)
	}
	return v
}

func chainError(cause results.Cause, code, format string, args ...any) *openError {
	return &openError{Cause: cause, Detail: results.Detail{
		Text: fmt.Sprintf(format, args...), MbedTLS: code, Modem: modemVerifyFailed,
	}}
}

// chainWalk is one climb from the leaf to a root.
type chainWalk struct {
	presented  []*x509.Certificate
	roots      *rootSet
	bundle     bool
	signatures []keyKind
	selfIssued int
	weak       string // a key or digest below the default profile
}

func (w *chainWalk) walk() *openError {
	leaf := w.presented[0]
	if slices.ContainsFunc(w.roots.named(leaf.RawSubject), leaf.Equal) {
		return nil // an end-entity certificate that is itself a root
	}
	w.judgeKey(leaf)
	for at, depth := 0, 0; ; depth++ {
		child := w.presented[at]
		w.judgeDigest(child)
		forged := false
		for _, root := range w.roots.named(child.RawIssuer) {
			if !mayIssue(root, true, depth-w.selfIssued) {
				continue
			}
			if w.signed(child, root) {
				if !w.bundle {
					w.judgeKey(root)
				}
				return nil
			}
			forged = true
		}
		next := w.parentAfter(at, depth)
		switch {
		case next < 0 && forged:
			return chainError(results.CauseBadSignature, w.code(),
				"%s is not signed by the root named %s", child.Subject, child.Issuer)
		case next < 0:
			return w.untrusted(child)
		case depth >= maxIntermediates:
			return chainError(results.CauseUntrustedChain, mbedFatalX509, "more than %d intermediates", maxIntermediates)
		case !w.signed(child, w.presented[next]):
			return chainError(results.CauseBadSignature, w.code(),
				"%s is not signed by the %s sent with it", child.Subject, child.Issuer)
		}
		if depth > 0 && bytes.Equal(child.RawIssuer, child.RawSubject) {
			w.selfIssued++
		}
		w.judgeKey(w.presented[next])
		at = next
	}
}

// code is the return value of a chain that no root verifies.
func (w *chainWalk) code() string {
	if w.bundle {
		return mbedFatalX509
	}
	return mbedVerifyFailed
}

// parentAfter finds the issuer of certificate at among those presented after
// it, or -1.
func (w *chainWalk) parentAfter(at, depth int) int {
	child := w.presented[at]
	for i := at + 1; i < len(w.presented); i++ {
		p := w.presented[i]
		if bytes.Equal(p.RawSubject, child.RawIssuer) && mayIssue(p, false, depth-w.selfIssued) {
			return i
		}
	}
	return -1
}

// mayIssue is x509_crt_check_parent with the path length: below is the
// number of intermediates under the parent that count.
func mayIssue(p *x509.Certificate, root bool, below int) bool {
	if !(p.BasicConstraintsValid && p.IsCA) && !(root && p.Version < 3) {
		return false
	}
	if p.KeyUsage != 0 && p.KeyUsage&x509.KeyUsageCertSign == 0 {
		return false
	}
	limited := p.MaxPathLen > 0 || p.MaxPathLenZero
	return !limited || below <= p.MaxPathLen
}

// signed verifies child's signature by parent's key and counts the work.
func (w *chainWalk) signed(child, parent *x509.Certificate) bool {
	w.signatures = append(w.signatures, keyKindOf(parent.PublicKey))
	return parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) == nil
}

func (w *chainWalk) judgeKey(c *x509.Certificate) {
	if k := keyKindOf(c.PublicKey); k.alg == "rsa" && k.bits < minRSABits {
		w.weak = fmt.Sprintf("%s has a key of %d bits; mbedTLS wants %d", c.Subject, k.bits, minRSABits)
	}
}

// judgeDigest: SHA-1 is outside the default profile; the bundle's callback
// forgives it (esp_crt_bundle.c, flags_filtered).
func (w *chainWalk) judgeDigest(c *x509.Certificate) {
	sha1 := c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1
	if sha1 && !w.bundle {
		w.weak = fmt.Sprintf("%s is signed with SHA-1", c.Subject)
	}
}

// untrusted tells a chain that lacks an intermediate from one that ends
// outside the trust store: top is where the climb stopped.
func (w *chainWalk) untrusted(top *x509.Certificate) *openError {
	last := w.presented[len(w.presented)-1]
	selfIssued := bytes.Equal(last.RawIssuer, last.RawSubject)
	if !selfIssued && len(w.roots.named(last.RawIssuer)) == 0 && len(last.IssuingCertificateURL) > 0 {
		return chainError(results.CauseIncompleteChain, w.code(),
			"the issuer of %s, %s, was not sent", last.Subject, last.Issuer)
	}
	if bytes.Equal(top.RawIssuer, top.RawSubject) {
		return chainError(results.CauseUntrustedChain, w.code(), "%s is self-signed and not a root of the device", top.Subject)
	}
	return chainError(results.CauseUntrustedChain, w.code(),
		"%s, the issuer of %s, is not a root of the device", top.Issuer, top.Subject)
}

// oidSubjectAltName is 2.5.29.17, oidCommonName 2.5.4.3 (RFC 5280).
var (
	oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidCommonName     = asn1.ObjectIdentifier{2, 5, 4, 3}
)

// namesOf are the names mbedTLS compares: those of the subject alternative
// name, and the common names only where that extension is absent.
func namesOf(c *x509.Certificate) []string {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSubjectAltName) {
			names := slices.Clone(c.DNSNames)
			for _, ip := range c.IPAddresses {
				names = append(names, ip.String())
			}
			return names
		}
	}
	var names []string
	for _, a := range c.Subject.Names {
		if s, ok := a.Value.(string); ok && a.Type.Equal(oidCommonName) {
			names = append(names, s)
		}
	}
	return names
}

// matchesName is x509_crt_verify_name: without regard to case; "*." stands
// for exactly one first label; addresses as numbers.
func matchesName(c *x509.Certificate, host string) bool {
	if ip := net.ParseIP(host); ip != nil && slices.ContainsFunc(c.IPAddresses, ip.Equal) {
		return true
	}
	_, parent, dotted := strings.Cut(host, ".")
	for _, n := range namesOf(c) {
		wild, isWild := strings.CutPrefix(n, "*.")
		if strings.EqualFold(n, host) || isWild && dotted && strings.EqualFold(wild, parent) {
			return true
		}
	}
	return false
}
