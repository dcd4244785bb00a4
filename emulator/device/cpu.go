package device

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"math"
	"time"
)

// keyKind is a public key as the cost of its use depends on it.
type keyKind struct {
	alg  string // "rsa", "ecdsa" or the name of another algorithm
	bits int
}

// String is the record's cert_type: "rsa-2048", "ecdsa-p256".
func (k keyKind) String() string {
	if k.alg == "ecdsa" {
		return fmt.Sprintf("ecdsa-p%d", k.bits)
	}
	return fmt.Sprintf("%s-%d", k.alg, k.bits)
}

func keyKindOf(pub any) keyKind {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return keyKind{"rsa", k.N.BitLen()}
	case *ecdsa.PublicKey:
		return keyKind{"ecdsa", k.Curve.Params().BitSize}
	default:
		return keyKind{fmt.Sprintf("%T", pub), 0}
	}
}

// Times of public-key operations on an ESP32-S3 at 240 MHz with the hardware
// MPI on, the default of ESP-IDF.
//
// ECDSA verify: measured, https://github.com/espressif/esp-idf/pull/19027
// (IDF v6.0.2, -Os). RSA public operation: the pass limits of
// components/idf_test/include/esp32s3/idf_performance_target.h in ESP-IDF
// v5.5.2, so upper bounds. ECDHE: key generation and shared secret, in
// million instructions counted with mbedTLS 3.6.5 (ESP-IDF configuration,
// rv32imc -Os, qemu -icount), times the cycles per instruction that the two
// measured verifications imply.
const (
	cpuBaseMHz       = 240
	ecdsaP256ms      = 302.1
	ecdsaP384ms      = 575.4
	cpiP256          = 1.537 // 302.1 ms for 47.2 million instructions
	cpiP384          = 1.377 // 575.4 ms for 100.3
	minstrX25519     = 34.5
	minstrP256       = 42.8
	minstrP384       = 90.9
	rsa2048ms        = 18
	rsa3072ms        = 45
	rsa4096ms        = 80
	groupX25519      = 29
	groupP256        = 23
	groupP384        = 24
	groupP521        = 25
	primeFieldGrowth = 1.86 // exponent of P-384 over P-256 in these counts; used for P-521
	rsaGrowth        = 2.15 // exponent of RSA-4096 over RSA-2048
)

// tlsWork is the public-key work of one full handshake.
type tlsWork struct {
	chain []keyKind // a signature verification each, by the issuer's key
	leaf  keyKind   // verifies the ServerKeyExchange, or encrypts the secret
	group uint16    // of the ECDHE; 0: RSA key transport
}

// handshake is the time the work takes on this CPU; 0 for the zero CPU.
func (c CPU) handshake(w tlsWork) time.Duration {
	ms := w.leaf.publicOpMs() + ecdheMs(w.group)
	for _, k := range w.chain {
		ms += k.publicOpMs()
	}
	return c.scaled(ms)
}

// verify is the time of the chain's signatures alone.
func (c CPU) verify(chain []keyKind) time.Duration {
	return c.handshake(tlsWork{chain: chain})
}

func (c CPU) scaled(ms float64) time.Duration {
	if c.MHz <= 0 {
		return 0
	}
	return time.Duration(ms * cpuBaseMHz / float64(c.MHz) * float64(time.Millisecond))
}

// publicOpMs is one signature verification, or one RSA encryption. Sizes that
// nobody measured follow the growth between the measured ones.
func (k keyKind) publicOpMs() float64 {
	switch {
	case k.alg == "rsa" && k.bits == 3072:
		return rsa3072ms
	case k.alg == "rsa" && k.bits == 4096:
		return rsa4096ms
	case k.alg == "rsa":
		return rsa2048ms * math.Pow(float64(k.bits)/2048, rsaGrowth)
	case k.alg == "ecdsa" && k.bits <= 256:
		return ecdsaP256ms
	case k.alg == "ecdsa":
		return ecdsaP384ms * math.Pow(float64(k.bits)/384, primeFieldGrowth)
	default:
		return 0
	}
}

func ecdheMs(group uint16) float64 {
	switch group {
	case groupX25519:
		return minstrX25519 * cpiP256 * 1000 / cpuBaseMHz
	case groupP256:
		return minstrP256 * cpiP256 * 1000 / cpuBaseMHz
	case groupP384:
		return minstrP384 * cpiP384 * 1000 / cpuBaseMHz
	case groupP521:
		return minstrP384 * cpiP384 * 1000 / cpuBaseMHz * math.Pow(521.0/384, primeFieldGrowth)
	default:
		return 0
	}
}
