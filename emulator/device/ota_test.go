package device

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"xzfleet/results"
	"xzfleet/server/protocol"
)

// TestOTARequest: the request on the wire, byte for byte, its body from the
// keys that the firmware writes.
func TestOTARequest(t *testing.T) {
	boards := map[string]string{
		"ml307-3.6": `{"type":"ml307","name":"bread-compact-ml307","revision":"ML307R-DL-MBRH0S01","carrier":"CHINA MOBILE","csq":"20","cereg":{"stat":1}}`,
		"wifi-s3":   `{"type":"wifi","name":"bread-compact-wifi","ssid":"home","rssi":-50,"channel":6,"mac":"02:00:00:00:00:11"}`,
	}
	for name, board := range boards {
		cfg := testConfig(t, name)
		w := newScript().world(cfg)
		w.run(t)
		head, body, _ := strings.Cut(string(w.acts(Send)[0].Data), "\r\n\r\n")
		want := "POST /xiaozhi/ota/ HTTP/1.1\r\nHost: voice.test:8443\r\nAccept-Language: zh-CN\r\nActivation-Version: 1\r\n" +
			"Client-Id: 11111111-2222-4333-8444-555555555555\r\nContent-Type: application/json\r\nDevice-Id: 02:00:00:00:00:11\r\n" +
			"User-Agent: " + cfg.Profile.Board.Name + "/" + cfg.Profile.Firmware + "\r\n" + fmt.Sprintf("Content-Length: %d\r\nConnection: close", len(body))
		if head != want {
			t.Errorf("%s: %q\n want %q", name, head, want)
		}
		keys := []string{
			`{"version":2,"language":"zh-CN","flash_size":16777216,"minimum_free_heap_size":"`, `","mac_address":"02:00:00:00:00:11","uuid":"11111111-2222-4333-8444-555555555555","chip_model_name":"esp32s3","chip_info":{"model":9,"cores":2,"revision":`,
			`},"application":{"name":"xiaozhi","version":"`, cfg.Profile.Firmware, `","compile_time":"`, `","idf_version":"v5.5.2","elf_sha256":"`, `},"ota":{"label":"ota_0"},"display":`, `,"board":` + board + `}`,
		}
		rest := body
		for _, key := range keys {
			_, after, found := strings.Cut(rest, key)
			if !found {
				t.Errorf("%s: no %s in %s", name, key, body)
			}
			rest = after
		}
		if !json.Valid([]byte(body)) || rest != "" {
			t.Errorf("%s: body %s", name, body)
		}
	}
}

// TestOTAURL: the port of an OTA URL defaults by its scheme, which a
// WebSocket's does only for wss.
func TestOTAURL(t *testing.T) {
	for raw, want := range map[string]deviceURL{
		"https://api.tenclass.net/xiaozhi/ota/": {TLS: true, Host: "api.tenclass.net", Port: 443, Path: "/xiaozhi/ota/"},
		"http://10.0.0.1/x?a=b:c":               {Host: "10.0.0.1", Port: 80, Path: "/x?a=b:c"},
		"HTTPS://h:8002":                        {TLS: true, Host: "h", Port: 8002, Path: "/"},
	} {
		if u, err := parseOTAURL(raw); err != nil || u != want {
			t.Errorf("%s: %+v, %v", raw, u, err)
		}
	}
	for _, raw := range []string{"", "voice.test/ota", "http://h:x/", "http://h:0/", "http://h:65536/", "http://h:80x/"} {
		if u, err := parseOTAURL(raw); err == nil {
			t.Errorf("%q is %+v", raw, u)
		}
	}
	u, _ := parseOTAURL("https://api.tenclass.net/xiaozhi/ota/")
	if u.hostPort() != "api.tenclass.net" {
		t.Errorf("Host: %s", u.hostPort())
	}
}

// TestOTAAnswers: what the firmware makes of an answer, and whether it asks
// again.
func TestOTAAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		cause  results.Cause
		tries  int
		detail string
	}{
		{"not found", 404, "", results.CauseHTTPStatus, 10, ""},
		{"created", 201, otaAnswer, results.CauseHTTPStatus, 10, ""},
		{"moved", 301, "", results.CauseRedirect, 10, ""},
		{"no JSON", 200, "<html>", results.CauseOTABadAnswer, 10, "bad OTA body"},
		{"two objects", 200, otaAnswer + otaAnswer, results.CauseOTABadAnswer, 10, "after top-level value"},
		{"not activated", 200, `{"activation":{"code":"123456","message":"enter 123456"},` + otaAnswer[1:], results.CauseNotActivated, 10, "enter 123456"},
		{"MQTT", 200, `{"mqtt":{"endpoint":"x"}}`, results.CauseOtherTransport, 1, "MQTT"},
		{"both", 200, `{"mqtt":{},` + otaAnswer[1:], results.CauseOtherTransport, 1, "MQTT"},
		{"neither", 200, `{"server_time":{"timestamp":1}}`, results.CauseOtherTransport, 1, "MQTT"},
		{"foreign host", 200, `{"websocket":{"url":"wss://elsewhere.test/","token":""}}`, results.CauseOTABadAnswer, 1, "elsewhere.test"},
		{"no URL", 200, `{"websocket":{"url":"elsewhere","token":""}}`, results.CauseOTABadAnswer, 1, "invalid URI"},
		{"bad port", 200, `{"websocket":{"url":"wss://voice.test:x/","token":""}}`, results.CauseCrash, 1, "stoi"},
	} {
		for _, profile := range profileNames {
			s := newScript()
			s.otaStatus, s.otaBody = test.status, test.body
			w := s.world(testConfig(t, profile))
			w.run(t)
			tries := w.attempts(t)
			if len(tries) != test.tries {
				t.Errorf("%s, %s: %d tries, want %d", profile, test.name, len(tries), test.tries)
			}
			for i, a := range tries {
				if a.FailedPhase != results.PhaseOTA || a.Cause != test.cause || a.Kind != results.KindOTA || a.Try != i+1 || a.Episode != 0 {
					t.Errorf("%s, %s: %+v", profile, test.name, a)
				}
				if d := a.Detail; d == nil || !strings.Contains(d.Text, test.detail) || test.status != 200 && d.HTTPStatus != test.status {
					t.Errorf("%s, %s: detail %+v", profile, test.name, a.Detail)
				}
			}
		}
	}
	// "mqtt": null is no section (cJSON_IsObject).
	s := newScript()
	s.otaBody = `{"mqtt":null,` + otaAnswer[1:]
	w := s.world(testConfig(t, "wifi-s3"))
	w.run(t)
	if len(w.sessions(t)) != 1 {
		t.Errorf("%+v", w.attempts(t))
	}
}

// TestProtocolVersions: the answer's version is what the request, the hello
// and the framing of audio say; those that the firmware does not know go bare.
func TestProtocolVersions(t *testing.T) {
	for version, head := range map[int]string{
		1: "",
		2: "\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x78",
		3: "\x00\x00\x00\x78",
		9: "",
	} {
		s := newScript()
		s.quiet = 1 << 30 // framed silence is not one byte to the script
		s.otaBody = fmt.Sprintf(`{"websocket":{"url":%q,"token":"two words","version":%d}}`, testURL, version)
		cfg := testConfig(t, "wifi-s3")
		w := s.world(cfg)
		w.run(t)
		sends := w.acts(Send)
		if request := string(sends[1].Data); !strings.Contains(request, fmt.Sprintf("Protocol-Version: %d\r\n", version)) ||
			!strings.Contains(request, "Authorization: two words\r\n") {
			t.Errorf("version %d: %q", version, request)
		}
		if hello := string(sends[2].Data); !strings.HasPrefix(hello, fmt.Sprintf(`{"type":"hello","version":%d,`, version)) {
			t.Errorf("version %d: %s", version, hello)
		}
		if got := string(sends[3].Data); got != head+string(cfg.Wake[0]) {
			t.Errorf("version %d: audio %q", version, got[:20])
		}
		f, err := protocol.DecodeFrame(min(version, 3), sends[len(sends)-1].Data)
		if version <= 3 && (err != nil || string(f.Payload) != "\x58") {
			t.Errorf("version %d: silence %q", version, sends[len(sends)-1].Data)
		}
	}
}

// failing never gets an address.
func failing(w *world, a Action) bool {
	if a.Kind == Attach || a.Kind == Wake {
		return false
	}
	if a.Kind == Lookup {
		w.at(a.At, Event{Kind: Resolved, Gen: a.Gen, Cause: results.CauseDNSFailed})
	}
	return true
}

// starts are when the tries of a device begin whose requests all fail at once.
func starts(t *testing.T, changes ...func(*Config)) (all []time.Duration) {
	t.Helper()
	s := newScript()
	s.attach, s.promotion = 0, 0 // they would count in the tries' times
	s.change = failing
	w := s.world(testConfig(t, "wifi-s3", changes...))
	w.run(t)
	for _, a := range w.attempts(t) {
		all = append(all, time.Duration(math.Round(a.StartMs*1e6)))
	}
	return all
}

// TestOTARetry: ten tries, 10 s apart and twice as far after each, then the
// device gives up; what a scenario may change of that.
func TestOTARetry(t *testing.T) {
	seconds := func(s ...float64) (all []time.Duration) {
		for _, s := range s {
			all = append(all, 5*second+time.Duration(s*float64(second)))
		}
		return all
	}
	for name, test := range map[string]struct {
		change func(*Retry)
		want   []time.Duration
	}{
		"firmware": {func(*Retry) {}, seconds(0, 10, 30, 70, 150, 310, 630, 1270, 2550, 5110)},
		"max":      {func(r *Retry) { r.Max, r.Tries = 30*second, 5 }, seconds(0, 10, 30, 60, 90)},
		"factor":   {func(r *Retry) { r.Factor, r.Tries = 1.5, 4 }, seconds(0, 10, 25, 47.5)},
		"fixed":    {func(r *Retry) { r.First, r.Factor, r.Tries = 60*second, 1, 3 }, seconds(0, 60, 120)},
		"one":      {func(r *Retry) { r.Tries = 1 }, seconds(0)},
		"none":     {func(r *Retry) { r.First, r.Factor, r.Tries = 0, 2, 3 }, seconds(0, 0, 0)},
	} {
		if got := starts(t, func(c *Config) { test.change(&c.Profile.Retry) }); !slices.Equal(got, test.want) {
			t.Errorf("%s: starts %v, want %v", name, got, test.want)
		}
	}
	many := starts(t, func(c *Config) { c.Profile.Retry.Tries = 80 })
	if len(many) != 80 || !slices.IsSorted(many) {
		t.Errorf("80 tries start at %v", many)
	}
}

// TestRetryJitter: each delay is spread evenly around its length, by the
// device's key.
func TestRetryJitter(t *testing.T) {
	var sum float64
	const devices, tries = 200, 5
	for i := range devices {
		got := starts(t, func(c *Config) {
			c.Profile.Retry = Retry{First: 10 * second, Factor: 1, Tries: tries, Jitter: 0.4}
			c.Key = Key(1, "speakers", i)
		})
		for k := 1; k < tries; k++ {
			delay := (got[k] - got[k-1]).Seconds()
			if delay < 6 || delay > 14 {
				t.Fatalf("a delay of %v s", delay)
			}
			sum += delay
		}
	}
	// The standard error of the mean of 800 draws from U(6, 14) is 0.08 s.
	if mean := sum / (devices * (tries - 1)); math.Abs(mean-10) > 0.33 {
		t.Errorf("mean delay %v s", mean)
	}
	again := func(c *Config) { c.Profile.Retry.Jitter = 0.4 }
	if a, b := starts(t, again), starts(t, again); !slices.Equal(a, b) {
		t.Errorf("%v, then %v", a, b)
	}
}

// TestBootAfterRetry: a later try that succeeds leads to the channel, whose
// first try is 1, in the same episode; each host is looked up once.
func TestBootAfterRetry(t *testing.T) {
	for _, name := range profileNames {
		s := newScript()
		fails := 2
		s.change = func(w *world, a Action) bool {
			if fails > 0 && a.Kind == Handshake {
				fails--
				w.at(a.At+second, Event{Kind: Secured, Gen: a.Gen, Cause: results.CauseReset})
				return true
			}
			return false
		}
		w := s.world(testConfig(t, name))
		w.run(t)
		var tries []string
		for _, a := range w.attempts(t) {
			tries = append(tries, fmt.Sprintf("%s %d.%d %s", a.Kind, a.Episode, a.Try, a.Outcome))
		}
		if want := []string{"ota 0.1 failed", "ota 0.2 failed", "ota 0.3 ok", "channel 0.1 ok"}; !slices.Equal(tries, want) {
			t.Errorf("%s: %v, want %v", name, tries, want)
		}
		if n := len(w.acts(Lookup)); n != 1 {
			t.Errorf("%s: %d lookups", name, n)
		}
	}
}

// TestLiteralHost: an address needs no lookup; the phase is there and takes
// no time.
func TestLiteralHost(t *testing.T) {
	w := newScript().world(testConfig(t, "wifi-s3", func(c *Config) { c.OTA, c.URL = "", "wss://10.0.0.7:8000/" }))
	w.run(t)
	if ms, entered := w.attempts(t)[0].PhaseMs["dns"]; !entered || ms != 0 || len(w.acts(Lookup)) != 0 {
		t.Errorf("dns %v ms, entered %v", ms, entered)
	}
}
