package device

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"xzfleet/results"
)

// TestUpgradeRequestBytes: 300 bytes, as a logic analyser saw the request of
// a v2.2.5 device leave for the modem.
func TestUpgradeRequestBytes(t *testing.T) {
	u, err := parseDeviceURL("wss://api.tenclass.net/xiaozhi/v1/")
	if err != nil {
		t.Fatal(err)
	}
	h := upgradeHeaders{Token: "test-token", DeviceID: "aa:bb:cc:dd:ee:ff", ClientID: "8a1f0f3e-5b7c-4f0d-9e2a-6c1d2b3a4f50", Version: 1}
	got := upgradeRequest(u, h, upgradeKey(newNewlibRand()))
	want := strings.ReplaceAll(`GET /xiaozhi/v1/ HTTP/1.1
Host: api.tenclass.net
Authorization: Bearer test-token
Client-Id: 8a1f0f3e-5b7c-4f0d-9e2a-6c1d2b3a4f50
Connection: Upgrade
Device-Id: aa:bb:cc:dd:ee:ff
Protocol-Version: 1
Sec-WebSocket-Key: Lc9GKQS0eNhop/8/K/H82Q==
Sec-WebSocket-Version: 13
Upgrade: websocket

`, "\n", "\r\n")
	if string(got) != want || len(got) != 300 {
		t.Errorf("%d bytes:\n%s", len(got), got)
	}
	h.Token = "Basic abc"
	if got := upgradeRequest(u, h, "k"); !bytes.Contains(got, []byte("\r\nAuthorization: Basic abc\r\n")) {
		t.Errorf("token with a space:\n%s", got)
	}
	h.Token = ""
	if got := upgradeRequest(u, h, "k"); bytes.Contains(got, []byte("Authorization")) {
		t.Errorf("no token:\n%s", got)
	}
}

func TestReadUpgrade(t *testing.T) {
	for _, c := range []struct {
		in     string
		rest   string
		cause  results.Cause
		status int
	}{
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "", "", 0},
		{"HTTP/1.1 101\r\n\r\n\x81\x02hi", "\x81\x02hi", "", 0},
		{"HTTP/1.1 200 OK\r\nX: HTTP/1.1 101\r\n\r\n", "", "", 0}, // the substring is enough
		{"HTTP/1.0 101 Switching Protocols\r\n\r\n", "", results.CauseBadUpgrade, 101},
		{"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101", "", results.CauseHTTPStatus, 200},
		{"HTTP/1.1 401 Unauthorized\r\n\r\n", "", results.CauseHTTPStatus, 401},
		{"HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n", "", results.CauseRedirect, 301},
		{"SSH-2.0-OpenSSH\r\n\r\n", "", results.CauseBadUpgrade, 0},
		{"HTTP/1.1 abc\r\n\r\n", "", results.CauseBadUpgrade, 0},
		{"\r\n\r\n", "", results.CauseBadUpgrade, 0},
		{strings.Repeat("x", 20<<10), "", results.CauseBadUpgrade, 0},
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n", "", results.CauseEOF, 0},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
			rest, err := readUpgrade(r)
			if all, _ := io.ReadAll(r); c.cause == "" {
				rest = append(rest, all...)
			}
			e, failed := errors.AsType[*openError](err)
			switch {
			case c.cause == "" && (err != nil || string(rest) != c.rest):
				t.Errorf("%.40q: rest %q, %v", c.in, rest, err)
			case c.cause != "" && (!failed || e.Cause != c.cause || e.Detail.HTTPStatus != c.status):
				t.Errorf("%.40q: %v, want %s %d", c.in, err, c.cause, c.status)
			}
		}
	}
	_, err := readUpgrade(iotest.ErrReader(fmt.Errorf("read: %w", syscall.ECONNRESET)))
	if e, ok := errors.AsType[*openError](err); !ok || e.Cause != results.CauseReset {
		t.Errorf("reset: %v", err)
	}
}

func TestParseDeviceURL(t *testing.T) {
	for _, c := range []struct {
		in    string
		want  deviceURL
		cause results.Cause
	}{
		{"wss://api.tenclass.net/xiaozhi/v1/", deviceURL{true, "api.tenclass.net", 443, "/xiaozhi/v1/"}, ""},
		{"ws://h", deviceURL{false, "h", 80, "/"}, ""},
		{"wss://h:8904/x?y=1", deviceURL{true, "h", 8904, "/x?y=1"}, ""},
		{"ws://h:443", deviceURL{false, "h", 443, "/"}, ""},
		{"https://h/x", deviceURL{true, "h", 80, "/x"}, ""},
		{"WSS://h/x", deviceURL{false, "h", 80, "/x"}, ""},
		{"wss://h?x=y", deviceURL{true, "h?x=y", 443, "/"}, ""},
		{"ws://h:8000?x=y", deviceURL{false, "h", 8000, "/"}, ""},
		{"ws://h: +8000abc/p", deviceURL{false, "h", 8000, "/p"}, ""},
		{"ws://h/a:8000/b", deviceURL{false, "h/a", 8000, "/b"}, ""},
		{"h/x", deviceURL{}, results.CauseOTABadAnswer},
		{"ws://h:/x", deviceURL{}, results.CauseCrash},
		{"wss://h/?t=a:b", deviceURL{}, results.CauseCrash},
		{"ws://[::1]:8000/", deviceURL{}, results.CauseCrash},
		{"ws://user:pass@h/", deviceURL{}, results.CauseCrash},
		{"ws://h:99999999999/", deviceURL{}, results.CauseCrash},
	} {
		got, err := parseDeviceURL(c.in)
		e, failed := errors.AsType[*openError](err)
		if got != c.want || failed != (c.cause != "") || failed && e.Cause != c.cause {
			t.Errorf("%q: %+v, %v, want %+v %s", c.in, got, err, c.want, c.cause)
		}
	}
}

func FuzzParseDeviceURL(f *testing.F) {
	for _, s := range []string{"wss://h:8904/x?y=1", "ws://h: -8/a:b", "https://h", "://", "ws://h:2147483648"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseDeviceURL(raw)
		if err == nil && (u.Port < 1 || u.Port > 65535 || !strings.HasPrefix(u.Path, "/")) {
			t.Errorf("%q: %+v", raw, u)
		}
	})
}

func FuzzReadUpgrade(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 x\r\n\r\n\x81\x00"))
	f.Add([]byte("HTTP/1.1 302 x\r\nLocation: y\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		rest, err := readUpgrade(bytes.NewReader(in))
		if err == nil && !bytes.HasSuffix(in[:min(len(in), maxUpgradeHead)], rest) {
			t.Errorf("rest %q of %q", rest, in)
		}
		slow := iotest.OneByteReader(bytes.NewReader(in))
		if _, errSlow := readUpgrade(slow); (err == nil) != (errSlow == nil) && len(in) <= maxUpgradeHead {
			t.Errorf("whole %v, byte by byte %v", err, errSlow)
		}
	})
}
