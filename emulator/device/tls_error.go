package device

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"syscall"

	utls "github.com/refraction-networking/utls"

	"xzfleet/results"
)

// openError is why an opening failed: the cause and detail of its record.
type openError struct {
	Cause  results.Cause
	Detail results.Detail
	Err    error // what led to it; may be nil
}

func (e *openError) Error() string {
	switch {
	case e.Detail.Text != "":
		return fmt.Sprintf("%s: %s", e.Cause, e.Detail.Text)
	case e.Err != nil:
		return fmt.Sprintf("%s: %v", e.Cause, e.Err)
	default:
		return string(e.Cause)
	}
}

func (e *openError) Unwrap() error { return e.Err }

// mbedTLS 3.6 error codes (include/mbedtls/{ssl,x509,rsa,ecp,net_sockets}.h)
// as the real client returned them in the same situations.
const (
	mbedFatalAlert     = "-0x7780"
	mbedPeerNotify     = "-0x7880"
	mbedInvalidRecord  = "-0x7200"
	mbedBadInput       = "-0x7100" // a record larger than the input buffer
	mbedBadVersion     = "-0x6E80"
	mbedIllegal        = "-0x6600"
	mbedConnEOF        = "-0x7280"
	mbedConnReset      = "-0x0050"
	mbedSendFailed     = "-0x004E"
	mbedVerifyFailed   = "-0x2700"
	mbedFatalX509      = "-0x3000"
	mbedRSAVerify      = "-0x4380"
	mbedECPVerify      = "-0x4E00"
	modemVerifyFailed  = 752 // China Mobile IoT "SSL user manual" V5.4.5, error codes
	modemNegotiateFail = 754
)

// TLS alert descriptions (RFC 8446 6) that have a cause of their own.
const (
	alertHandshakeFailure     = 40
	alertProtocolVersion      = 70
	alertInsufficientSecurity = 71
	alertUnrecognizedName     = 112
	alertCertificateRequired  = 116
)

// ioError names the cause of a failed read or write below or above TLS. It
// keeps an openError it finds; what it does not know is a protocol error. A
// cancelled context is a time-out: only a device that gave up cancels.
func ioError(err error) *openError {
	if known, ok := errors.AsType[*openError](err); ok {
		return known
	}
	e := &openError{Cause: results.CauseProtocolError, Detail: results.Detail{Text: err.Error()}, Err: err}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, context.Canceled):
		e.Cause, e.Detail.Text = results.CauseTimeout, ""
	case errors.Is(err, syscall.ECONNRESET):
		e.Cause, e.Detail = results.CauseReset, results.Detail{MbedTLS: mbedConnReset}
	case errors.Is(err, syscall.EPIPE):
		e.Cause, e.Detail = results.CauseReset, results.Detail{MbedTLS: mbedSendFailed}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.Cause, e.Detail = results.CauseEOF, results.Detail{MbedTLS: mbedConnEOF}
	}
	return e
}

// alertError is the openError of a fatal alert from the server. certAsked:
// the server wanted a client certificate, which no device has; TLS 1.2
// servers then say bad_certificate or handshake_failure.
func alertError(alert int, certAsked bool, err error) *openError {
	e := &openError{Cause: results.CauseTLSAlert, Err: err, Detail: results.Detail{
		Alert: alert, MbedTLS: mbedFatalAlert, Modem: modemNegotiateFail,
		Text: "server sent alert " + alertName(alert),
	}}
	switch {
	case certAsked || alert == alertCertificateRequired:
		e.Cause = results.CauseClientCertRequired
	case alert == alertProtocolVersion:
		e.Cause = results.CauseNoCommonVersion
	case alert == alertHandshakeFailure, alert == alertInsufficientSecurity:
		e.Cause = results.CauseHandshakeRefused
	case alert == alertUnrecognizedName:
		e.Cause = results.CauseUnrecognizedName
	}
	return e
}

func alertName(alert int) string {
	return fmt.Sprintf("%d (%v)", alert, utls.AlertError(alert))
}

// remoteAlert digs the number out of utls's "remote error": its alert type
// is a uint8 that the package does not export.
func remoteAlert(err error) (int, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return 0, false
	}
	v := reflect.ValueOf(op.Err)
	if v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return int(v.Uint()), true
}

// forStack drops the codes of the TLS stack that the device does not have.
func (e *openError) forStack(stack string) *openError {
	if stack == "modem" {
		e.Detail.MbedTLS = ""
	} else {
		e.Detail.Modem = 0
	}
	return e
}
