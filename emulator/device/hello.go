package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	utls "github.com/refraction-networking/utls"
)

// TLS extension numbers (IANA TLS ExtensionType values).
const (
	extServerName        = 0
	extEncryptThenMAC    = 22
	extSupportedVersions = 43
	extKeyShare          = 51
)

// tlsGroup is a named group (RFC 8446 4.2.7, RFC 8422, RFC 7027) by the
// names people use for it; the first is IANA's. Finish: utls can use it.
type tlsGroup struct {
	id     utls.CurveID
	names  []string
	finish bool
}

var tlsGroups = []tlsGroup{
	{29, []string{"x25519"}, true},
	{23, []string{"secp256r1", "p-256", "prime256v1"}, true},
	{24, []string{"secp384r1", "p-384"}, true},
	{25, []string{"secp521r1", "p-521"}, true},
	{26, []string{"brainpoolP256r1"}, false},
	{27, []string{"brainpoolP384r1"}, false},
	{28, []string{"brainpoolP512r1"}, false},
	{22, []string{"secp256k1"}, false},
	{21, []string{"secp224r1", "p-224"}, false},
	{20, []string{"secp224k1"}, false},
	{19, []string{"secp192r1", "p-192"}, false},
	{18, []string{"secp192k1"}, false},
}

func groupByID(id uint16) (tlsGroup, bool) {
	i := slices.IndexFunc(tlsGroups, func(g tlsGroup) bool { return uint16(g.id) == id })
	if i < 0 {
		return tlsGroup{}, false
	}
	return tlsGroups[i], true
}

func groupNamed(name string) (tlsGroup, error) {
	var known []string
	for _, g := range tlsGroups {
		if slices.ContainsFunc(g.names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return g, nil
		}
		known = append(known, g.names[0])
	}
	return tlsGroup{}, fmt.Errorf("unknown group %q (known: %s)", name, strings.Join(known, ", "))
}

// clientHello is what a device offers, resolved from its profile.
type clientHello struct {
	stack    string
	min, max uint16
	suites   []tlsSuite
	groups   []tlsGroup
	sni      string // empty: no extension
}

// tlsVersions are the protocol versions that a stack can speak, lowest
// first: mbedTLS 3.6 has dropped TLS 1.0 and 1.1; ML307's manual (China
// Mobile IoT "SSL user manual" V5.4.5) ends at TLS 1.2.
func tlsVersions(stack string) []string {
	if stack == "modem" {
		return []string{"1.0", "1.1", "1.2"}
	}
	return []string{"1.2", "1.3"}
}

// Check reports everything in t that no hello could be built from.
func (t TLS) Check() []error {
	var errs []error
	if t.Stack != "mbedtls" && t.Stack != "modem" {
		errs = append(errs, fmt.Errorf("unknown TLS stack %q (known: mbedtls, modem)", t.Stack))
	}
	if !slices.Contains([]string{"", "none", "ca", "bundle"}, t.Verify) {
		errs = append(errs, fmt.Errorf("verify %q: must be none, ca or bundle", t.Verify))
	}
	_, more := t.hello("")
	return append(errs, more...)
}

// hello resolves the profile for one server. Complaints come all together.
func (t TLS) hello(serverName string) (clientHello, []error) {
	h := clientHello{stack: t.Stack}
	var errs []error
	if t.SNI {
		h.sni = serverName
	}
	h.min, h.max, errs = t.versions()
	for _, name := range t.Ciphers {
		s, err := suiteNamed(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		h.suites = append(h.suites, s)
	}
	if len(t.Ciphers) == 0 {
		h.suites = defaultSuites(t.Stack)
	}
	h.suites = slices.DeleteFunc(h.suites, func(s tlsSuite) bool {
		return s.tls13() && h.max < utls.VersionTLS13 || s.since12() && h.max < utls.VersionTLS12
	})
	if len(errs) == 0 && !slices.ContainsFunc(h.suites, func(s tlsSuite) bool { return s.finish }) {
		errs = append(errs, errors.New("ciphers: none that this client could finish a handshake with"))
	}
	groups, more := t.groups(h.max)
	h.groups = groups
	return h, append(errs, more...)
}

func (t TLS) versions() (low, high uint16, errs []error) {
	known := tlsVersions(t.Stack)
	number := map[string]uint16{"1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}
	parse := func(key, v, def string) uint16 {
		if v == "" {
			v = def
		}
		if !slices.Contains(known, v) {
			errs = append(errs, fmt.Errorf("%s %q: a %s speaks %s", key, v, t.Stack, strings.Join(known, ", ")))
		}
		return number[v]
	}
	low = parse("min_version", t.MinVersion, known[0])
	high = parse("max_version", t.MaxVersion, "1.2")
	switch {
	case len(errs) > 0:
	case low > high:
		errs = append(errs, fmt.Errorf("min_version %s is above max_version %s", t.MinVersion, t.MaxVersion))
	case low == utls.VersionTLS13:
		errs = append(errs, errors.New("min_version 1.3: the hello of a TLS 1.3-only mbedTLS is not known; offer 1.2 too"))
	}
	return low, high, errs
}

func (t TLS) groups(high uint16) ([]tlsGroup, []error) {
	names := t.Groups
	if len(names) == 0 {
		names = defaultGroups(t.Stack)
	}
	var groups []tlsGroup
	var errs []error
	for _, name := range names {
		g, err := groupNamed(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		groups = append(groups, g)
	}
	if high == utls.VersionTLS13 && len(groups) > 0 && !groups[0].finish {
		errs = append(errs, fmt.Errorf("groups: this client cannot make a key share for %s", groups[0].names[0]))
	}
	return groups, errs
}

// defaultSuites: mbedTLS offers its whole list. What an ML307 offers is not
// published; assumed: the same order, RSA certificates only, since ECDSA
// certificates fail on it and RSA works
// (https://github.com/xinnan-tech/xiaozhi-esp32-server/issues/1613).
func defaultSuites(stack string) []tlsSuite {
	suites := slices.Clone(mbedtlsSuites)
	if stack == "modem" {
		suites = slices.DeleteFunc(suites, func(s tlsSuite) bool { return !s.rsaKey() })
	}
	return suites
}

// defaultGroups: mbedTLS 3.6 ssl_preset_default_groups. The modem's are
// assumed: NIST curves, P-256 first. The public trace of firmware 2.2.5 opens
// TCP and TLS in 490 ms at 130 ms a round trip, which leaves about 100 ms of
// computing: enough for P-256, not for P-521, the first of mbedTLS 2.28.
func defaultGroups(stack string) []string {
	if stack == "modem" {
		return []string{"secp256r1", "secp384r1", "secp521r1"}
	}
	return []string{
		"x25519", "secp256r1", "secp384r1", "secp521r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1",
	}
}

// recordVersion of the first record: mbedTLS 3.6 writes 0x0303, mbedTLS 2.x
// its minimum version; TLS 1.0 is what utls writes anyway.
func (h clientHello) recordVersion() uint16 {
	if h.stack == "modem" {
		return h.min
	}
	return utls.VersionTLS12
}

// spec is the hello for utls, extensions in the order of the stack's own
// writer (mbedTLS 3.6.5 library/ssl_client.c; 2.28 library/ssl_cli.c).
func (h clientHello) spec() *utls.ClientHelloSpec {
	s := &utls.ClientHelloSpec{TLSVersMin: h.min, TLSVersMax: h.max, CompressionMethods: []byte{0}}
	for _, c := range h.suites {
		s.CipherSuites = append(s.CipherSuites, c.id)
	}
	s.CipherSuites = append(s.CipherSuites, scsvRenegotiation)
	curves := &utls.SupportedCurvesExtension{}
	for _, g := range h.groups {
		curves.Curves = append(curves.Curves, g.id)
	}
	if h.sni != "" {
		s.Extensions = append(s.Extensions, sniExtension(h.sni))
	}
	sigs := &utls.SignatureAlgorithmsExtension{SupportedSignatureAlgorithms: h.signatures()}
	switch {
	case h.stack == "modem" && h.max == utls.VersionTLS12:
		s.Extensions = append(s.Extensions, sigs, curves)
	case h.stack == "modem":
		s.Extensions = append(s.Extensions, curves)
	case h.max == utls.VersionTLS13:
		s.Extensions = append(
			s.Extensions,
			&utls.SupportedVersionsExtension{Versions: []uint16{utls.VersionTLS13, utls.VersionTLS12}},
			&utls.KeyShareExtension{KeyShares: []utls.KeyShare{{Group: h.groups[0].id}}},
			&utls.PSKKeyExchangeModesExtension{Modes: []uint8{1, 0}},
			curves, sigs,
		)
	default:
		s.Extensions = append(s.Extensions, curves, sigs)
	}
	s.Extensions = append(
		s.Extensions,
		&utls.SupportedPointsExtension{SupportedPoints: []byte{0}},
		&utls.GenericExtension{Id: extEncryptThenMAC},
		&utls.ExtendedMasterSecretExtension{},
		&utls.SessionTicketExtension{}, // empty: tickets are asked for, never presented
	)
	return s
}

// signatures are the signature algorithms of the stack: mbedTLS 3.6 with and
// without TLS 1.3, mbedTLS 2.28's defaults for RSA (with ECDSA only where a
// scenario offers such suites).
func (h clientHello) signatures() []utls.SignatureScheme {
	switch {
	case h.max == utls.VersionTLS13:
		return []utls.SignatureScheme{0x0403, 0x0503, 0x0603, 0x0806, 0x0805, 0x0804, 0x0601, 0x0501, 0x0401}
	case h.stack != "modem":
		return []utls.SignatureScheme{0x0603, 0x0601, 0x0503, 0x0501, 0x0403, 0x0401}
	case slices.ContainsFunc(h.suites, tlsSuite.ecdsa):
		return []utls.SignatureScheme{0x0603, 0x0601, 0x0503, 0x0501, 0x0403, 0x0401, 0x0303, 0x0301, 0x0203, 0x0201}
	default:
		return []utls.SignatureScheme{0x0601, 0x0501, 0x0401, 0x0301, 0x0201}
	}
}

// sniExtension is server_name as mbedTLS writes it: whatever the host is. The
// library's own extension drops IP literals and trailing dots.
func sniExtension(host string) *utls.GenericExtension {
	data := binary.BigEndian.AppendUint16(nil, uint16(len(host)+3))
	data = append(data, 0) // host_name
	data = binary.BigEndian.AppendUint16(data, uint16(len(host)))
	return &utls.GenericExtension{Id: extServerName, Data: append(data, host...)}
}
