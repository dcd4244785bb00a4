package device

import (
	"fmt"
	"slices"
	"strings"
)

// tlsSuite is a cipher suite by its IANA number and name. Finish says
// whether our TLS client (utls v1.8.2) can complete a handshake with it; the
// hello offers the others too, because the device does.
type tlsSuite struct {
	id     uint16
	name   string
	finish bool
}

// scsvRenegotiation, TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 3.3), ends
// the list of every TLS 1.2 hello of mbedTLS.
const scsvRenegotiation = 0x00ff

// mbedtlsSuites are the suites of mbedTLS 3.6.5 as ESP-IDF v5.5.2 builds it,
// in the order of its ClientHello: four of TLS 1.3, then 58 of TLS 1.2.
var mbedtlsSuites = []tlsSuite{
	{0x1302, "TLS_AES_256_GCM_SHA384", true},
	{0x1301, "TLS_AES_128_GCM_SHA256", true},
	{0x1304, "TLS_AES_128_CCM_SHA256", false},
	{0x1305, "TLS_AES_128_CCM_8_SHA256", false},
	{0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", true},
	{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", true},
	{0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", false},
	{0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", false},
	{0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", false},
	{0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", true},
	{0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", true},
	{0xc0af, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", false},
	{0xc05d, "TLS_ECDHE_ECDSA_WITH_ARIA_256_GCM_SHA384", false},
	{0xc061, "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384", false},
	{0xc049, "TLS_ECDHE_ECDSA_WITH_ARIA_256_CBC_SHA384", false},
	{0xc04d, "TLS_ECDHE_RSA_WITH_ARIA_256_CBC_SHA384", false},
	{0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", true},
	{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", true},
	{0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", false},
	{0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", true},
	{0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", true},
	{0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", true},
	{0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", true},
	{0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", false},
	{0xc05c, "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256", false},
	{0xc060, "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", false},
	{0xc048, "TLS_ECDHE_ECDSA_WITH_ARIA_128_CBC_SHA256", false},
	{0xc04c, "TLS_ECDHE_RSA_WITH_ARIA_128_CBC_SHA256", false},
	{0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", true},
	{0xc09d, "TLS_RSA_WITH_AES_256_CCM", false},
	{0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", false},
	{0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", true},
	{0xc032, "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384", false},
	{0xc02a, "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384", false},
	{0xc00f, "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA", false},
	{0xc02e, "TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384", false},
	{0xc026, "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384", false},
	{0xc005, "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA", false},
	{0xc0a1, "TLS_RSA_WITH_AES_256_CCM_8", false},
	{0xc05f, "TLS_ECDH_ECDSA_WITH_ARIA_256_GCM_SHA384", false},
	{0xc063, "TLS_ECDH_RSA_WITH_ARIA_256_GCM_SHA384", false},
	{0xc051, "TLS_RSA_WITH_ARIA_256_GCM_SHA384", false},
	{0xc04b, "TLS_ECDH_ECDSA_WITH_ARIA_256_CBC_SHA384", false},
	{0xc04f, "TLS_ECDH_RSA_WITH_ARIA_256_CBC_SHA384", false},
	{0xc03d, "TLS_RSA_WITH_ARIA_256_CBC_SHA384", false},
	{0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", true},
	{0xc09c, "TLS_RSA_WITH_AES_128_CCM", false},
	{0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", true},
	{0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", true},
	{0xc031, "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", false},
	{0xc029, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256", false},
	{0xc00e, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", false},
	{0xc02d, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", false},
	{0xc025, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256", false},
	{0xc004, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", false},
	{0xc0a0, "TLS_RSA_WITH_AES_128_CCM_8", false},
	{0xc05e, "TLS_ECDH_ECDSA_WITH_ARIA_128_GCM_SHA256", false},
	{0xc062, "TLS_ECDH_RSA_WITH_ARIA_128_GCM_SHA256", false},
	{0xc050, "TLS_RSA_WITH_ARIA_128_GCM_SHA256", false},
	{0xc04a, "TLS_ECDH_ECDSA_WITH_ARIA_128_CBC_SHA256", false},
	{0xc04e, "TLS_ECDH_RSA_WITH_ARIA_128_CBC_SHA256", false},
	{0xc03c, "TLS_RSA_WITH_ARIA_128_CBC_SHA256", false},
}

// chachaSuites are off in ESP-IDF's default configuration
// (MBEDTLS_CHACHA20_C n); a scenario may name them.
var chachaSuites = []tlsSuite{
	{0x1303, "TLS_CHACHA20_POLY1305_SHA256", true},
	{0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", true},
	{0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", true},
}

// tls13 reports whether the suite belongs to TLS 1.3 (RFC 8446 B.4).
func (s tlsSuite) tls13() bool { return s.id>>8 == 0x13 }

// since12 reports whether the suite exists from TLS 1.2 on only: all but the
// CBC suites with HMAC-SHA1 (RFC 5246, RFC 5288, RFC 5289).
func (s tlsSuite) since12() bool { return !strings.HasSuffix(s.name, "_CBC_SHA") }

func (s tlsSuite) cbc() bool   { return strings.Contains(s.name, "_CBC_") }
func (s tlsSuite) ecdsa() bool { return strings.HasPrefix(s.name, "TLS_ECDHE_ECDSA_") }

// rsaKey reports whether an RSA certificate serves this suite with RSA key
// transport or ECDHE.
func (s tlsSuite) rsaKey() bool {
	return strings.HasPrefix(s.name, "TLS_RSA_") || strings.HasPrefix(s.name, "TLS_ECDHE_RSA_")
}

// suiteByID finds a suite in either table.
func suiteByID(id uint16) (tlsSuite, bool) {
	for _, list := range [][]tlsSuite{mbedtlsSuites, chachaSuites} {
		if i := slices.IndexFunc(list, func(s tlsSuite) bool { return s.id == id }); i >= 0 {
			return list[i], true
		}
	}
	return tlsSuite{}, false
}

// suiteNamed finds a suite by its IANA name, its mbedTLS name (dashes for
// underscores) or its OpenSSL name.
func suiteNamed(name string) (tlsSuite, error) {
	all := slices.Concat(mbedtlsSuites, chachaSuites)
	exact := strings.ReplaceAll(strings.ToUpper(name), "-", "_")
	for _, s := range all {
		if s.name == exact {
			return s, nil
		}
	}
	for _, s := range all {
		if !s.tls13() && suiteKey(s.name) == suiteKey(name) {
			return s, nil
		}
	}
	var known []string
	for _, s := range all {
		if s.finish {
			known = append(known, s.name)
		}
	}
	return tlsSuite{}, fmt.Errorf("unknown cipher suite %q (known: %s; the CCM, ARIA, CBC_SHA384 and ECDH suites of mbedTLS can be offered too)",
		name, strings.Join(known, ", "))
}

// suiteKey reduces the spellings of a TLS 1.2 suite to one: OpenSSL drops
// TLS, WITH, the underscores, CBC and the RSA of RSA key transport.
func suiteKey(name string) string {
	drop := strings.NewReplacer("TLS", "", "WITH", "", "CBC", "", "_", "", "-", "", "POLY1305SHA256", "POLY1305")
	key := drop.Replace(strings.ReplaceAll(strings.ToUpper(name), "_SHA256", "SHA256"))
	key = strings.ReplaceAll(key, "POLY1305SHA256", "POLY1305")
	if rest, ok := strings.CutPrefix(key, "RSA"); ok {
		return rest
	}
	return key
}
