package device

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// captureHello is the first record that a profile sends.
func captureHello(t *testing.T, profile TLS, host string) []byte {
	t.Helper()
	got := make(chan []byte, 1)
	conn := serveOnce(t, func(c net.Conn) {
		head := make([]byte, 5)
		if _, err := io.ReadFull(c, head); err != nil {
			t.Error(err)
		}
		body := make([]byte, binary.BigEndian.Uint16(head[3:]))
		if _, err := io.ReadFull(c, body); err != nil {
			t.Error(err)
		}
		got <- append(head, body...)
	})
	if _, err := tlsHandshake(t.Context(), conn, tlsConfig{Profile: profile, ServerName: host}); err == nil {
		t.Error("handshake with a server that closes succeeded")
	}
	return <-got
}

func readHello(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// withoutRandom blanks what is drawn per hello: the random, and with TLS 1.3
// the session id and the key share.
func withoutRandom(hello []byte) []byte {
	h := bytes.Clone(hello)
	clear(h[11:43])
	clear(h[44 : 44+int(h[43])])
	if i := bytes.Index(h, []byte{0x00, 0x1d, 0x00, 0x20}); i > 0 { // key share entry
		clear(h[i+4 : i+36])
	}
	return h
}

var (
	mbedtlsProfile = TLS{Stack: "mbedtls", MinVersion: "1.2", MaxVersion: "1.2", SNI: true, Verify: "bundle"}
	modemProfile   = TLS{Stack: "modem", MinVersion: "1.0", MaxVersion: "1.2", Verify: "none"}
)

func TestHelloIsMbedTLSByteForByte(t *testing.T) {
	nosni, both := mbedtlsProfile, mbedtlsProfile
	nosni.SNI = false
	both.MaxVersion = "1.3"
	for _, c := range []struct {
		file    string
		profile TLS
		size    int
	}{
		{"client_hello_t12.hex", mbedtlsProfile, 249},
		{"client_hello_t12_nosni.hex", nosni, 224},
		{"client_hello_t13.hex", both, 353},
	} {
		got := captureHello(t, c.profile, "api.tenclass.net")
		if want := readHello(t, c.file); !bytes.Equal(withoutRandom(got), withoutRandom(want)) {
			t.Errorf("%s:\n got %x\nwant %x", c.file, got, want)
		}
		if len(got) != c.size {
			t.Errorf("%s: %d bytes, want %d", c.file, len(got), c.size)
		}
	}
	if got := captureHello(t, mbedtlsProfile, "10.0.0.1"); len(got) != 233+len("10.0.0.1") {
		t.Errorf("SNI of an address: %d bytes", len(got))
	}
}

func TestHelloOfModem(t *testing.T) {
	got := captureHello(t, modemProfile, "api.tenclass.net")
	if v := binary.BigEndian.Uint16(got[1:]); v != 0x0301 {
		t.Errorf("record version %#x", v)
	}
	if v := binary.BigEndian.Uint16(got[9:]); v != 0x0303 {
		t.Errorf("client version %#x", v)
	}
	if bytes.Contains(got, []byte("tenclass")) {
		t.Error("modem sent SNI")
	}
	hello, errs := modemProfile.hello("x")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, s := range hello.suites {
		if !s.rsaKey() {
			t.Errorf("modem offers %s", s.name)
		}
	}
	for _, sig := range hello.signatures() {
		if sig&0xff != 1 {
			t.Errorf("modem offers signature %#x", sig)
		}
	}
}

func TestHelloOverrides(t *testing.T) {
	p := mbedtlsProfile
	p.Ciphers = []string{"ECDHE-RSA-AES256-GCM-SHA384", "TLS_RSA_WITH_AES_128_CCM_8", "AES128-SHA", "TLS-ECDHE-ECDSA-WITH-AES-128-CBC-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"}
	p.Groups = []string{"P-384", "x25519"}
	got := captureHello(t, p, "h")
	suites := []byte{0x00, 0x0c, 0xc0, 0x30, 0xc0, 0xa0, 0x00, 0x2f, 0xc0, 0x23, 0xcc, 0xa8, 0x00, 0xff}
	if !bytes.Contains(got, suites) || !bytes.Contains(got, []byte{0, 10, 0, 6, 0, 4, 0, 24, 0, 29}) {
		t.Errorf("hello %x", got)
	}
	old := modemProfile
	old.MaxVersion = "1.1"
	got = captureHello(t, old, "h")
	if v := binary.BigEndian.Uint16(got[9:]); v != 0x0302 || bytes.Contains(got, []byte{0xc0, 0x2f}) {
		t.Errorf("TLS 1.1 hello %x", got)
	}
}

func TestTLSCheck(t *testing.T) {
	for _, c := range []struct {
		edit func(*TLS)
		want []string // one part of each complaint, in order
	}{
		{func(*TLS) {}, nil},
		{func(p *TLS) { p.Stack = "openssl" }, []string{"unknown TLS stack"}},
		{func(p *TLS) { p.MinVersion = "1.0" }, []string{`min_version "1.0": a mbedtls speaks 1.2, 1.3`}},
		{func(p *TLS) { p.MinVersion, p.MaxVersion = "1.3", "1.2" }, []string{"above max_version"}},
		{func(p *TLS) { p.MinVersion, p.MaxVersion = "1.3", "1.3" }, []string{"TLS 1.3-only"}},
		{func(p *TLS) { p.Stack, p.MaxVersion = "modem", "1.3" }, []string{`max_version "1.3"`}},
		{func(p *TLS) { p.Ciphers = []string{"RC4-MD5"} }, []string{`unknown cipher suite "RC4-MD5" (known: TLS_AES_256`}},
		{func(p *TLS) { p.Ciphers = []string{"TLS_RSA_WITH_AES_128_CCM"} }, []string{"none that this client could finish"}},
		{func(p *TLS) { p.Groups, p.Verify = []string{"x448"}, "maybe" }, []string{"verify", `unknown group "x448"`}},
		{func(p *TLS) { p.Groups, p.MaxVersion = []string{"brainpoolP256r1"}, "1.3" }, []string{"key share"}},
	} {
		p := mbedtlsProfile
		c.edit(&p)
		errs := p.Check()
		ok := len(errs) == len(c.want) || c.want == nil && len(errs) == 0
		for i, e := range errs {
			ok = ok && i < len(c.want) && strings.Contains(e.Error(), c.want[i])
		}
		if !ok {
			t.Errorf("%+v: %v, want %q", p, errs, c.want)
		}
	}
	for _, p := range Profiles() {
		if errs := p.TLS.Check(); len(errs) > 0 {
			t.Errorf("%s: %v", p.Name, errs)
		}
	}
}

// TestSuiteNames: every suite is found by its own name, in three spellings.
func TestSuiteNames(t *testing.T) {
	for _, s := range slices.Concat(mbedtlsSuites, chachaSuites) {
		for _, name := range []string{s.name, strings.ToLower(s.name), strings.ReplaceAll(s.name, "_", "-")} {
			if got, err := suiteNamed(name); err != nil || got.id != s.id {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	}
	for name, id := range map[string]uint16{
		"AES256-SHA256": 0x003d, "AES128-CCM8": 0xc0a0, "ECDHE-ECDSA-AES256-CCM": 0xc0ad,
		"ECDH-RSA-AES128-SHA": 0xc00e, "ECDHE-ARIA128-GCM-SHA256": 0,
	} {
		if got, err := suiteNamed(name); got.id != id || (err != nil) != (id == 0) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
