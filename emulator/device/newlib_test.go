package device

import (
	"encoding/base64"
	"encoding/hex"
	"testing"
)

// TestNewlibRandAgainstTraces compares with what real devices sent: the key
// and masks of a v2.2.5 logic-analyser trace, and the masks in the log of
// https://github.com/78/xiaozhi-esp32/issues/1131.
func TestNewlibRandAgainstTraces(t *testing.T) {
	main := newNewlibRand()
	key := make([]byte, 16)
	main.fill(key)
	if got := base64.StdEncoding.EncodeToString(key); got != "Lc9GKQS0eNhop/8/K/H82Q==" {
		t.Errorf("first key = %s", got)
	}
	masks := map[int]string{16: "7a96092c", 20: "a5577464", 1344: "a859065c", 1348: "c087fd04"}
	for at := 16; at <= 1348; at += 4 {
		m := main.mask()
		if want, ok := masks[at]; ok && hex.EncodeToString(m[:]) != want {
			t.Errorf("mask at %d = %x, want %s", at, m, want)
		}
	}
	fresh := newNewlibRand().mask() // the Pong of the URC task in the same log
	if hex.EncodeToString(fresh[:]) != "2dcf4629" {
		t.Errorf("first mask of a fresh stream = %x", fresh)
	}
}
