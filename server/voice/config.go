// Package voice is a voice server for xiaozhi devices: the OTA answer, the
// WebSocket audio channel over TLS, Opus in and out, and the turns of a
// conversation in the order and at the pace of the reference server
// (xinnan-tech/xiaozhi-esp32-server).
package voice

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"xzfleet/server/certs"
)

// Config is every setting of the server. Default has the values it starts
// from.
type Config struct {
	TLS    TLS    `toml:"tls"`
	Voice  Voice  `toml:"voice"`
	Limits Limits `toml:"limits"`
}

// ChainNone as TLS.Chain turns TLS off: http and ws.
const ChainNone = "none"

// TLS is what clients see before HTTP.
type TLS struct {
	// Chain is made at the start: a certs.KeyType, or ChainNone.
	Chain      string   `toml:"chain"`
	Names      []string `toml:"names"`       // DNS names and addresses in the leaf
	MinVersion string   `toml:"min_version"` // "1.0" to "1.3"
	MaxVersion string   `toml:"max_version"`
}

// Voice is how a conversation goes.
type Voice struct {
	// VADSilence after speech ends an utterance in the modes auto and
	// realtime. It is counted in steps of 20 ms.
	VADSilence time.Duration `toml:"vad_silence"`
	// Prebuffer is how many frames of an answer are sent at once, before the
	// rest follows one each 60 ms.
	Prebuffer int `toml:"prebuffer"`
	// Ping is the interval of WebSocket pings, and how long each may go
	// unanswered; 0: none, since they lock some modems up.
	Ping time.Duration `toml:"ping"`
}

// Limits keep the server alive.
type Limits struct {
	// Sessions is the most audio channels at once; more are refused with 503.
	// As many connections again may be on their way there.
	Sessions int `toml:"sessions"`
	// Idle ends a session from which no frame came for so long; 0: never.
	Idle time.Duration `toml:"idle"`
}

// Default is what the reference server does: 200 ms of silence
// (min_silence_duration_ms in its config.yaml), 5 frames ahead
// (PRE_BUFFER_COUNT), no pings since its pull request 3351, and the end of a
// silent session after 180 s (close_connection_no_voice_time and 60 s).
func Default() Config {
	return Config{
		TLS: TLS{
			Chain: string(certs.RSA2048), Names: []string{"voice.test", "localhost", "127.0.0.1", "::1"},
			MinVersion: "1.2", MaxVersion: "1.3",
		},
		Voice:  Voice{VADSilence: 200 * time.Millisecond, Prebuffer: 5},
		Limits: Limits{Sessions: 10000, Idle: 180 * time.Second},
	}
}

// Validate gives all complaints at once, each with the key it is about.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
	}
	if c.TLS.on() {
		if err := certs.KeyType(c.TLS.Chain).Validate(); err != nil {
			bad("tls.chain", "%w, or none", err)
		}
		if len(c.TLS.Names) == 0 {
			bad("tls.names", "no name for the certificate")
		}
		low, errLow := tlsVersion(c.TLS.MinVersion)
		high, errHigh := tlsVersion(c.TLS.MaxVersion)
		if errLow != nil {
			bad("tls.min_version", "%w", errLow)
		}
		if errHigh != nil {
			bad("tls.max_version", "%w", errHigh)
		}
		if errLow == nil && errHigh == nil && low > high {
			bad("tls.min_version", "%s is above max_version %s", c.TLS.MinVersion, c.TLS.MaxVersion)
		}
	}
	if c.Voice.VADSilence < vadWindow || c.Voice.VADSilence > 10*time.Second {
		bad("voice.vad_silence", "%v is not within %v and 10s", c.Voice.VADSilence, vadWindow)
	}
	// A device queues 40 packets for decoding and drops the next
	// (78/xiaozhi-esp32 main/audio/audio_service.h).
	if c.Voice.Prebuffer < 0 || c.Voice.Prebuffer > 40 {
		bad("voice.prebuffer", "%d is not within 0 and 40 frames", c.Voice.Prebuffer)
	}
	if c.Voice.Ping < 0 || c.Voice.Ping > 0 && c.Voice.Ping < time.Second {
		bad("voice.ping", "%v is neither 0 nor at least 1s", c.Voice.Ping)
	}
	if c.Limits.Sessions < 1 {
		bad("limits.sessions", "%d is below 1", c.Limits.Sessions)
	}
	if c.Limits.Idle < 0 {
		bad("limits.idle", "%v is below 0", c.Limits.Idle)
	}
	return errors.Join(errs...)
}

func (t TLS) on() bool { return t.Chain != ChainNone }

func tlsVersion(s string) (uint16, error) {
	switch s {
	case "1.0":
		return tls.VersionTLS10, nil
	case "1.1":
		return tls.VersionTLS11, nil
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("%q is not one of 1.0, 1.1, 1.2, 1.3", s)
}

// serverTLS is the configuration behind the settings. Suites are those that
// nginx accepts by default (HIGH:!aNULL) and crypto/tls has, RSA key exchange
// at the end: there are modems without ECDHE.
func serverTLS(t TLS, chain certs.Chain) (*tls.Config, error) {
	low, errLow := tlsVersion(t.MinVersion)
	high, errHigh := tlsVersion(t.MaxVersion)
	if err := errors.Join(errLow, errHigh); err != nil {
		return nil, err
	}
	var suites []uint16
	for _, s := range tls.CipherSuites() {
		suites = append(suites, s.ID)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{chain.Certificate},
		MinVersion:   low,
		MaxVersion:   high,
		CipherSuites: append(
			suites,
			tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
		),
	}, nil
}
