package device

import (
	"testing"
	"time"
)

// TestCPUHandshakeTable holds the law against asymmetric work computed from
// instruction counts at one cycle rate (1.537 per instruction) for an
// ESP32-S3 at 240 MHz, X25519. Where a P-384 key verifies, the law uses the
// measured 575 ms, 67 ms less than that rate gives: tol allows for it.
func TestCPUHandshakeTable(t *testing.T) {
	s3 := CPU{MHz: 240}
	for _, c := range []struct {
		chain  string
		verify string
		wantMs float64
		tolMs  float64
	}{
		{"rsa2048_2cert", "none", 221 + 18, 1},
		{"ecdsa_p256_leaf", "none", 523, 1},
		{"rsa2048_2cert", "ca", 221 + 54, 1},
		{"ecdsa_p256_leaf", "ca", 825, 1},
		{"ecdsa_p256_2cert", "bundle", 1127, 1},
		{"ecdsa_le_E8_X1root", "bundle", 1165 + 80, 68},
		{"ecdsa_le_E7_X2root", "ca", 1808, 2*67 + 1},
		{"rsa4096_3cert", "ca", 221 + 4*80, 1},
		{"rsa2048_le_X1root", "ca", 221 + 18 + 80 + 18, 1},
	} {
		sent, root := loadChain(t, c.chain+".pem"), loadChain(t, c.chain+".root.pem")
		v := verifyChain(sent, newRootSet(root), c.verify, "localhost")
		if v.err != nil {
			t.Errorf("%s: %v", c.chain, v.err)
			continue
		}
		work := tlsWork{chain: v.signatures, leaf: keyKindOf(sent[0].PublicKey), group: groupX25519}
		got := float64(s3.handshake(work)) / float64(time.Millisecond)
		if got < c.wantMs-c.tolMs || got > c.wantMs+c.tolMs {
			t.Errorf("%s verify %s: %.0f ms, want %.0f ± %.0f", c.chain, c.verify, got, c.wantMs, c.tolMs)
		}
		if half := (CPU{MHz: 480}).handshake(work); half*2 < s3.handshake(work)-time.Microsecond {
			t.Errorf("at twice the clock: %v", half)
		}
		if zero := (CPU{}).handshake(work); zero != 0 {
			t.Errorf("without a CPU: %v", zero)
		}
	}
}

func TestCPUECDHEGroups(t *testing.T) {
	s3 := CPU{MHz: 240}
	rsaKx := s3.handshake(tlsWork{leaf: keyKind{"rsa", 2048}})
	if rsaKx != 18*time.Millisecond {
		t.Errorf("RSA key transport: %v", rsaKx)
	}
	for group, wantMs := range map[uint16]int64{groupX25519: 220, groupP256: 274, groupP384: 521} {
		if got := s3.handshake(tlsWork{group: group}).Milliseconds(); got != wantMs {
			t.Errorf("group %d: %d ms, want %d", group, got, wantMs)
		}
	}
	if a, b := s3.handshake(tlsWork{group: groupP521}), s3.handshake(tlsWork{group: groupP384}); a <= b {
		t.Errorf("P-521 %v, P-384 %v", a, b)
	}
}
