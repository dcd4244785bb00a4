//go:build cgo

package voice

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Fatal(err)
	}
	bad := Config{
		TLS:    TLS{Chain: "rsa-1", MinVersion: "1.4", MaxVersion: "ssl3"},
		Voice:  Voice{Prebuffer: 41, Ping: time.Millisecond},
		Limits: Limits{Idle: -1},
	}
	err := bad.Validate()
	want := []string{
		`tls.chain: unknown key type "rsa-1" (there are rsa-2048, rsa-3072, rsa-4096, p256, p384), or none`,
		`tls.names: no name for the certificate`,
		`tls.min_version: "1.4" is not one of 1.0, 1.1, 1.2, 1.3`,
		`tls.max_version: "ssl3" is not one of 1.0, 1.1, 1.2, 1.3`,
		`voice.vad_silence: 0s is not within 20ms and 10s`,
		`voice.prebuffer: 41 is not within 0 and 40 frames`,
		`voice.ping: 1ms is neither 0 nor at least 1s`,
		`limits.sessions: 0 is below 1`,
		`limits.idle: -1ns is below 0`,
	}
	if err == nil || !slices.Equal(strings.Split(err.Error(), "\n"), want) {
		t.Errorf("%v", err)
	}
	swapped := Default()
	swapped.TLS.MinVersion, swapped.TLS.MaxVersion = "1.3", "1.2"
	if _, err := New(swapped, nil); err == nil || !strings.Contains(err.Error(), "tls.min_version: 1.3 is above max_version 1.2") {
		t.Errorf("%v", err)
	}
}
