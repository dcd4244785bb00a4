package device

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	utls "github.com/refraction-networking/utls"

	"xzfleet/results"
)

// tlsConfig is one device's TLS client towards one server.
type tlsConfig struct {
	Profile    TLS
	ServerName string   // host of the URL: SNI and name check
	Roots      *rootSet // nil: none
	CPU        CPU
	// Charge is called between the server's flight and the client's answer
	// with the modelled time of the public-key work, also where the chain is
	// then rejected; the live world blocks in it until law time has passed or
	// the attempt was given up. nil: nothing is charged.
	Charge func(d time.Duration)
}

// tlsConn is an open TLS connection of a device. Close closes the connection
// below without close_notify, as the firmware does.
type tlsConn struct {
	net.Conn // the record tap's connection: addresses and deadlines

	tls       *utls.UConn
	info      results.TLS
	stack     string
	certAsked bool
}

// tlsHandshake opens TLS over conn with the device's hello and judges the
// server as the device would. The error is an *openError. When ctx ends first
// conn is closed.
func tlsHandshake(ctx context.Context, conn net.Conn, cfg tlsConfig) (*tlsConn, error) {
	hello, errs := cfg.Profile.hello(cfg.ServerName)
	if len(errs) > 0 {
		return nil, limitError("%v", errs[0])
	}
	s := &tlsOpening{
		cfg: cfg, hello: hello,
		tap: &recordTap{Conn: conn, helloVersion: hello.recordVersion(), watch: &flightWatch{}},
	}
	c, err := s.client()
	if err != nil {
		return nil, limitError("client hello: %v", err)
	}
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, s.failure(ctx, err).forStack(hello.stack)
	}
	t := &tlsConn{Conn: conn, tls: c, info: s.info(c), stack: hello.stack, certAsked: s.certAsked}
	// 2 KiB per connection that nobody needs after the handshake.
	c.Extensions, c.HandshakeState = nil, utls.PubClientHandshakeState{}
	s.tap.watch = nil
	return t, nil
}

// Info is what was negotiated and what the handshake cost on the wire.
func (t *tlsConn) Info() results.TLS { return t.info }

// Read reads application data. A fatal alert, which is how a TLS 1.3 server
// asks for a client certificate, comes as an *openError.
func (t *tlsConn) Read(p []byte) (int, error) {
	n, err := t.tls.Read(p)
	if alert, ok := remoteAlert(err); ok {
		return n, alertError(alert, t.certAsked, err).forStack(t.stack)
	}
	return n, err
}

// Write sends p, up to 16384 bytes as one record.
func (t *tlsConn) Write(p []byte) (int, error) { return t.tls.Write(p) }

// tlsOpening is one handshake under way.
type tlsOpening struct {
	cfg       tlsConfig
	hello     clientHello
	tap       *recordTap
	certAsked bool
}

// client is utls with the device's hello, ready to shake hands.
func (s *tlsOpening) client() (*utls.UConn, error) {
	c := utls.UClient(s.tap, &utls.Config{
		InsecureSkipVerify:          true, // judged in verify, as mbedTLS does it
		MinVersion:                  s.hello.min,
		MaxVersion:                  s.hello.max,
		DynamicRecordSizingDisabled: true, // mbedTLS: one record per write
		VerifyConnection:            s.verify,
		GetClientCertificate: func(*utls.CertificateRequestInfo) (*utls.Certificate, error) {
			s.certAsked = true
			return &utls.Certificate{}, nil
		},
	}, utls.HelloCustom)
	if err := c.ApplyPreset(s.hello.spec()); err != nil {
		return nil, err
	}
	if err := c.BuildHandshakeState(); err != nil {
		return nil, err
	}
	if s.hello.max < utls.VersionTLS13 {
		// mbedTLS sends no session id without a session to resume.
		c.HandshakeState.Hello.SessionId = nil
		if err := c.MarshalClientHello(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// verify runs between the server's flight and the client's answer.
func (s *tlsOpening) verify(cs utls.ConnectionState) error {
	w := s.tap.watch
	suite, _ := suiteByID(cs.CipherSuite)
	if suite.cbc() && w.etm {
		return limitError("server chose encrypt-then-mac with %s", suite.name)
	}
	v := verifyChain(cs.PeerCertificates, s.cfg.Roots, s.cfg.Profile.Verify, s.cfg.ServerName)
	if v.err != nil {
		s.charge(s.cfg.CPU.verify(v.signatures))
		s.tap.rejectAlert = v.alert
		return v.err
	}
	s.charge(s.cfg.CPU.handshake(tlsWork{
		chain: v.signatures,
		leaf:  keyKindOf(cs.PeerCertificates[0].PublicKey),
		group: w.group,
	}))
	return nil
}

func (s *tlsOpening) charge(d time.Duration) {
	if s.cfg.Charge != nil && d > 0 {
		s.cfg.Charge(d)
	}
}

func (s *tlsOpening) info(c *utls.UConn) results.TLS {
	cs := c.ConnectionState()
	suite, _ := suiteByID(cs.CipherSuite)
	info := results.TLS{
		Version:  utls.VersionName(cs.Version),
		Cipher:   suite.name,
		Resumed:  cs.DidResume,
		BytesIn:  s.tap.in,
		BytesOut: s.tap.out,
	}
	if g, ok := groupByID(s.tap.watch.group); ok {
		info.Group = g.names[0]
	}
	for _, cert := range cs.PeerCertificates {
		info.ChainBytes += len(cert.Raw)
	}
	if len(cs.PeerCertificates) > 0 {
		info.CertType = keyKindOf(cs.PeerCertificates[0].PublicKey).String()
	}
	return info
}

// failure names why the handshake failed, from what the server was seen to
// send and then from the error.
func (s *tlsOpening) failure(ctx context.Context, err error) *openError {
	w := s.tap.watch
	if ctx.Err() != nil {
		return ioError(ctx.Err())
	}
	if limit := s.limit(); limit != nil {
		return limit
	}
	if alert, ok := remoteAlert(err); ok {
		e := alertError(alert, s.certAsked, err)
		if w.hello && e.Cause == results.CauseHandshakeRefused {
			e.Cause = results.CauseTLSAlert // the hello was accepted
		}
		return e
	}
	e := ioError(err)
	switch {
	case !w.speaksTLS():
		return &openError{Cause: results.CauseTLSToPlain, Err: err, Detail: results.Detail{
			Text: "server answered " + w.text(), MbedTLS: mbedInvalidRecord, Modem: modemNegotiateFail,
		}}
	case w.alert == alertUnrecognizedName && e.Cause == results.CauseEOF:
		// A warning, then the end: mbedTLS ignores the one and reports the other.
		e.Cause, e.Detail.Alert = results.CauseUnrecognizedName, alertUnrecognizedName
	case w.nHead > 0 && w.alertLevel == 1 && w.alert == 0 && e.Cause == results.CauseEOF:
		e.Detail.MbedTLS, e.Detail.Text = mbedPeerNotify, "server sent close_notify"
	case s.certAsked && (e.Cause == results.CauseEOF || e.Cause == results.CauseReset):
		e.Cause = results.CauseClientCertRequired
	case e.Cause == results.CauseProtocolError:
		s.protocolFailure(e)
	}
	return e
}

// protocolFailure sorts what utls found wrong with the server's messages.
func (s *tlsOpening) protocolFailure(e *openError) {
	w, text := s.tap.watch, e.Detail.Text
	switch {
	case w.hello && (w.version < s.hello.min || w.version > s.hello.max):
		e.Cause, e.Detail.MbedTLS, e.Detail.Modem = results.CauseNoCommonVersion, mbedBadVersion, modemNegotiateFail
		e.Detail.Text = "server chose " + utls.VersionName(w.version)
	case strings.Contains(text, "invalid signature by the server certificate"):
		e.Cause, e.Detail.MbedTLS = results.CauseBadSignature, mbedRSAVerify
		if suite, ok := suiteByID(w.suite); ok && suite.ecdsa() {
			e.Detail.MbedTLS = mbedECPVerify
		}
	case strings.Contains(text, "oversized record"):
		e.Cause, e.Detail.MbedTLS = results.CauseRecordTooLarge, mbedBadInput
	case strings.Contains(text, "failed to parse certificate"), strings.Contains(text, "RSA key larger than"):
		e.Cause = results.CauseEmulatorLimit // Go's x509 is stricter than mbedTLS's
	case strings.Contains(text, "unconfigured cipher suite"):
		e.Detail.MbedTLS = mbedIllegal
	}
}

// limit is the failure that is ours: the server chose something that the
// device offers and utls cannot finish.
func (s *tlsOpening) limit() *openError {
	w := s.tap.watch
	offered := slices.ContainsFunc(s.hello.suites, func(c tlsSuite) bool { return c.id == w.suite })
	if suite, ok := suiteByID(w.suite); ok && w.hello && offered && !suite.finish {
		return limitError("server chose %s", suite.name)
	}
	if g, ok := groupByID(w.group); ok && !g.finish {
		return limitError("server chose the group %s", g.names[0])
	}
	return nil
}

func limitError(format string, args ...any) *openError {
	return &openError{Cause: results.CauseEmulatorLimit, Detail: results.Detail{Text: fmt.Sprintf(format, args...)}}
}
