package device

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"

	"xzfleet/results"
)

// record is a plaintext TLS record.
func record(typ byte, body ...byte) []byte {
	return append([]byte{typ, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
}

// send answers the hello with raw bytes, then closes.
func send(answer []byte) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1024))
		_, _ = c.Write(answer)
	}
}

// serverHelloFor is a ServerHello that picks suite, with extra extensions.
func serverHelloFor(version, suite uint16, ext ...byte) []byte {
	body := append([]byte{byte(version >> 8), byte(version)}, make([]byte, 33)...)
	body = append(body, byte(suite>>8), byte(suite), 0, byte(len(ext)>>8), byte(len(ext)))
	body = append(body, ext...)
	return record(recordHandshake, append([]byte{messageServerHello, 0, 0, byte(len(body))}, body...)...)
}

type tlsFailureCase struct {
	name    string
	profile TLS
	host    string
	serve   func(net.Conn)
	cause   results.Cause
	want    results.Detail // Text: a part of it
}

// tlsRefusals are servers that do not want this client.
func tlsRefusals(rsa2, ec testChain) []tlsFailureCase {
	crypto := func(chain testChain, edit func(*tls.Config)) func(net.Conn) {
		cfg := &tls.Config{Certificates: []tls.Certificate{chain.certificate()}}
		if edit != nil {
			edit(cfg)
		}
		return serveTLS(cfg)
	}
	fatal := func(alert byte) func(net.Conn) { return send(record(recordAlert, 2, alert)) }
	return []tlsFailureCase{
		{
			"TLS 1.3 only", mbedtlsProfile, "", crypto(rsa2, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }),
			results.CauseNoCommonVersion,
			results.Detail{Alert: 70, MbedTLS: "-0x7780", Text: "alert 70"},
		},
		{
			"TLS 1.0 only", mbedtlsProfile, "", send(serverHelloFor(0x0301, 0xc013)),
			results.CauseNoCommonVersion,
			results.Detail{MbedTLS: "-0x6E80", Text: "TLS 1.0"},
		},
		{
			"ECDSA only, modem", modemProfile, "", crypto(ec, nil),
			results.CauseHandshakeRefused,
			results.Detail{Alert: 40, Modem: 754, Text: "alert 40"},
		},
		{
			"insufficient security", mbedtlsProfile, "", fatal(71),
			results.CauseHandshakeRefused,
			results.Detail{Alert: 71, MbedTLS: "-0x7780", Text: "alert 71"},
		},
		{
			"unrecognized name", mbedtlsProfile, "", fatal(112),
			results.CauseUnrecognizedName,
			results.Detail{Alert: 112, MbedTLS: "-0x7780", Text: "alert 112"},
		},
		{
			"unrecognized name, warning", mbedtlsProfile, "", send(record(recordAlert, 1, 112)),
			results.CauseUnrecognizedName,
			results.Detail{Alert: 112, MbedTLS: "-0x7280"},
		},
		{
			"other alert", modemProfile, "", fatal(80),
			results.CauseTLSAlert,
			results.Detail{Alert: 80, Modem: 754, Text: "alert 80"},
		},
		{
			"client certificate", mbedtlsProfile, "", crypto(rsa2, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }),
			results.CauseClientCertRequired,
			results.Detail{Alert: 40, MbedTLS: "-0x7780", Text: "alert 40"},
		},
	}
}

// tlsOddities are servers that speak no TLS, or badly, or not what we can.
func tlsOddities(rsa2 testChain) []tlsFailureCase {
	return []tlsFailureCase{
		{
			"HTTP server", mbedtlsProfile, "", send([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")),
			results.CauseTLSToPlain,
			results.Detail{MbedTLS: "-0x7200", Text: `"HTTP/1.1 400 Bad Request"`},
		},
		{
			"one odd byte", modemProfile, "", send([]byte("S")),
			results.CauseTLSToPlain,
			results.Detail{Modem: 754, Text: `"S"`},
		},
		{"close", mbedtlsProfile, "", send(nil), results.CauseEOF, results.Detail{MbedTLS: "-0x7280"}},
		{"close, modem", modemProfile, "", send(nil), results.CauseEOF, results.Detail{}},
		{
			"close_notify", mbedtlsProfile, "", send(record(recordAlert, 1, 0)),
			results.CauseEOF,
			results.Detail{MbedTLS: "-0x7880", Text: "close_notify"},
		},
		{"reset", mbedtlsProfile, "", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1024))
			_ = c.(*net.TCPConn).SetLinger(0)
		}, results.CauseReset, results.Detail{MbedTLS: "-0x0050"}},
		{
			"oversized record", mbedtlsProfile, "", send([]byte{22, 3, 3, 0xff, 0xff}),
			results.CauseRecordTooLarge,
			results.Detail{MbedTLS: "-0x7100", Text: "oversized"},
		},
		{
			"CCM", mbedtlsProfile, "", send(serverHelloFor(0x0303, 0xc0ad)),
			results.CauseEmulatorLimit,
			results.Detail{Text: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM"},
		},
		{
			"suite not offered", mbedtlsProfile, "", send(serverHelloFor(0x0303, 0x0005)),
			results.CauseProtocolError,
			results.Detail{MbedTLS: "-0x6600", Text: "unconfigured"},
		},
		{
			"wrong name", mbedtlsProfile, "other.test", serveTLS(&tls.Config{Certificates: []tls.Certificate{rsa2.certificate()}}),
			results.CauseNameMismatch,
			results.Detail{MbedTLS: "-0x2700", Text: "voice.test"},
		},
	}
}

func TestTLSHandshakeFailures(t *testing.T) {
	rsa2 := newTestChain(t, testKeys.rsa2048, 1, nil)
	ec := newTestChain(t, testKeys.p256, 1, nil)
	for _, c := range append(tlsRefusals(rsa2, ec), tlsOddities(rsa2)...) {
		t.Run(c.name, func(t *testing.T) {
			host := c.host
			if host == "" {
				host = "voice.test"
			}
			_, err := tlsHandshake(t.Context(), serveOnce(t, c.serve), tlsConfig{Profile: c.profile, ServerName: host, Roots: rsa2.roots()})
			got, ok := errors.AsType[*openError](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			text := got.Detail.Text
			got.Detail.Text = c.want.Text
			if got.Cause != c.cause || got.Detail != c.want || !strings.Contains(text, c.want.Text) {
				t.Errorf("%s %+v %q (%v), want %s %+v", got.Cause, got.Detail, text, got.Err, c.cause, c.want)
			}
		})
	}
}
