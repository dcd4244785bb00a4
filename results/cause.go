package results

import "slices"

// Cause says why an opening failed or a channel ended: what this end can
// know. The set is closed.
type Cause string

const (
	CauseTimeout            Cause = "timeout"
	CauseRefused            Cause = "refused"
	CauseReset              Cause = "reset"
	CauseEOF                Cause = "eof"
	CauseServerClosed       Cause = "server_closed" // a WebSocket close frame
	CauseUnreachable        Cause = "unreachable"
	CauseDNSFailed          Cause = "dns_failed"
	CauseRadioFailed        Cause = "radio_failed"
	CauseLinkLost           Cause = "link_lost"
	CauseNATExpired         Cause = "nat_expired"
	CausePlainToTLS         Cause = "plain_to_tls"
	CauseTLSToPlain         Cause = "tls_to_plain"
	CauseNoCommonVersion    Cause = "no_common_version"
	CauseHandshakeRefused   Cause = "handshake_refused" // alert 40 or 71 to the hello
	CauseNoCommonCipher     Cause = "no_common_cipher"
	CauseNoCommonGroup      Cause = "no_common_group"
	CauseUnrecognizedName   Cause = "unrecognized_name"
	CauseUntrustedChain     Cause = "untrusted_chain"
	CauseIncompleteChain    Cause = "incomplete_chain"
	CauseBadSignature       Cause = "bad_signature"
	CauseNameMismatch       Cause = "name_mismatch"
	CauseExpired            Cause = "expired"
	CauseNotYetValid        Cause = "not_yet_valid"
	CauseClientCertRequired Cause = "client_cert_required"
	CauseTLSAlert           Cause = "tls_alert"
	CauseRecordTooLarge     Cause = "record_too_large"
	CauseOutOfMemory        Cause = "out_of_memory"
	CauseHTTPStatus         Cause = "http_status"
	CauseRedirect           Cause = "redirect"
	CauseBadUpgrade         Cause = "bad_upgrade"
	CauseAuthFailed         Cause = "auth_failed"
	CauseNotActivated       Cause = "not_activated"
	CauseOTABadAnswer       Cause = "ota_bad_answer"
	CauseOtherTransport     Cause = "other_transport" // the OTA answer says mqtt
	CauseBadHello           Cause = "bad_hello"
	CauseProtocolError      Cause = "protocol_error"
	CauseFrameTooLarge      Cause = "frame_too_large"
	CausePingDeadlock       Cause = "ping_deadlock"
	CauseSendFailed         Cause = "send_failed"
	CauseUARTOverflow       Cause = "uart_overflow"
	CauseQueueOverflow      Cause = "queue_overflow"
	CauseCrash              Cause = "crash"
	CauseEmulatorLimit      Cause = "emulator_limit" // ours: kept out of every rate, counted apart
)

var causes = []Cause{
	CauseTimeout, CauseRefused, CauseReset, CauseEOF, CauseServerClosed, CauseUnreachable,
	CauseDNSFailed, CauseRadioFailed, CauseLinkLost, CauseNATExpired, CausePlainToTLS,
	CauseTLSToPlain, CauseNoCommonVersion, CauseHandshakeRefused, CauseNoCommonCipher,
	CauseNoCommonGroup, CauseUnrecognizedName, CauseUntrustedChain, CauseIncompleteChain,
	CauseBadSignature, CauseNameMismatch, CauseExpired, CauseNotYetValid,
	CauseClientCertRequired, CauseTLSAlert, CauseRecordTooLarge, CauseOutOfMemory,
	CauseHTTPStatus, CauseRedirect, CauseBadUpgrade, CauseAuthFailed, CauseNotActivated,
	CauseOTABadAnswer, CauseOtherTransport, CauseBadHello, CauseProtocolError,
	CauseFrameTooLarge, CausePingDeadlock, CauseSendFailed, CauseUARTOverflow,
	CauseQueueOverflow, CauseCrash, CauseEmulatorLimit,
}

// Known reports whether c is in the closed set.
func (c Cause) Known() bool { return slices.Contains(causes, c) }
