package device

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"xzfleet/results"
)

// sentMessage is one Send as it should be.
type sentMessage struct {
	at   time.Duration
	kind MessageKind
	data string
	mask string // in hexadecimal; empty: a request has none
}

// newlib is rand() of newlib, seed 1, low byte of each value.
func newlib() func(n int) []byte {
	x := uint64(1)
	return func(n int) (b []byte) {
		for range n {
			x = x*6364136223846793005 + 1
			b = append(b, byte(x>>32))
		}
		return b
	}
}

// upgradeBytes is the request of the first connection after boot.
const upgradeBytes = "GET /xiaozhi/v1/ HTTP/1.1\r\n" +
	"Host: voice.test\r\n" +
	"Authorization: Bearer test-token\r\n" +
	"Client-Id: 11111111-2222-4333-8444-555555555555\r\n" +
	"Connection: Upgrade\r\n" +
	"Device-Id: 02:00:00:00:00:11\r\n" +
	"Protocol-Version: 1\r\n" +
	"Sec-WebSocket-Key: Lc9GKQS0eNhop/8/K/H82Q==\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Upgrade: websocket\r\n" +
	"\r\n"

const (
	helloBytes  = `{"type":"hello","version":1,"features":{"mcp":true},"transport":"websocket","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}`
	detectBytes = `{"session_id":"S1","type":"listen","state":"detect","text":"你好小智"}`
	listenBytes = `{"session_id":"S1","type":"listen","state":"start","mode":"auto"}`
)

// story reckons a whole conversation by hand.
type story struct {
	u     uart
	mask  func(n int) []byte
	sends []sentMessage
	now   time.Duration // when the device's logic knows of the last thing
}

func (s *story) say(at time.Duration, kind MessageKind, data string) (left time.Duration) {
	n, mask := len(data), ""
	if kind != Request {
		n, mask = frameWire(len(data)), fmt.Sprintf("%x", s.mask(4))
	}
	left, s.now = s.u.send(at, n)
	s.sends = append(s.sends, sentMessage{left, kind, data, mask})
	return left
}

const (
	millisecond = time.Millisecond
	second      = time.Second
)

// TestConversation: boot, OTA, the wake word, the channel, one turn, the end;
// every time, byte, mask and record of it.
func TestConversation(t *testing.T) {
	for _, name := range profileNames {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, name)
			w := newScript().world(cfg)
			w.run(t)
			s := &story{u: uart{at: name != "wifi-s3"}, mask: newlib()}
			tries := s.boot(w.acts(Send)[0].Data, cfg)
			tries = append(tries, s.open(cfg))
			end := s.talk(cfg)

			checkSends(t, w.acts(Send), s.sends)
			if got := w.attempts(t); !reflect.DeepEqual(got, tries) {
				t.Errorf("attempts %+v\n    want %+v", got, tries)
			}
			if got := w.sessions(t); len(got) != 1 || !reflect.DeepEqual(got[0], end) {
				t.Errorf("session %+v %+v\n   want %+v %+v", got, got[0].Talk, end, end.Talk)
			}
			checkOrder(t, w.log)
		})
	}
}

// boot is the OTA request from power-on at 5 s; its answer is known at s.now.
func (s *story) boot(request []byte, cfg *Config) []results.Attempt {
	_, body, _ := bytes.Cut(request, []byte("\r\n\r\n"))
	start := 5 * second
	radio := s.u.mhttprequest(start+4*second, cfg.Profile.Board.Name+"/"+cfg.Profile.Firmware, cfg.ClientID, cfg.Identity.DeviceID, body) + 250*millisecond
	secured := radio + (30+40+90)*millisecond
	s.sends = append(s.sends, sentMessage{at: secured, kind: Request, data: string(request)})
	s.now = s.u.report(secured+50*millisecond, fmt.Sprintf(`+MHTTPURC: "content",0,%d,%d,%d,%0*d`, otaWire, otaWire, otaWire, 2*otaWire, 0))
	return []results.Attempt{{
		Identity: identity(cfg, results.KindOTA), StartMs: 5000, ConnectMs: millis(s.now - start), Outcome: results.OK, TLS: testTLS,
		PhaseMs: map[results.Phase]float64{"radio": millis(radio - start), "dns": 30, "tcp": 40, "tls": 90, "ota": millis(s.now - secured)},
	}}
}

// open is the channel, 3 s after the OTA answer, its host known.
func (s *story) open(cfg *Config) results.Attempt {
	start := s.now + 3*second
	radio := s.u.mipopen(start, true, "voice.test", 8443) + 250*millisecond
	tcp := radio + 40*millisecond
	secured := s.u.report(tcp+90*millisecond, "+MIPOPEN: 1,0")
	s.mask(16) // the key
	upgraded := s.u.receive(s.say(secured, Request, upgradeBytes)+45*millisecond, upgradeWire)
	s.now = s.u.receive(s.say(upgraded, Text, helloBytes)+25*millisecond, len(helloText)+2)
	return results.Attempt{
		Identity: identity(cfg, results.KindChannel), StartMs: millis(start), ConnectMs: millis(s.now - start), Outcome: results.OK,
		SessionID: "S1", TLS: testTLS,
		PhaseMs: map[results.Phase]float64{
			"radio": millis(radio - start), "dns": 0, "tcp": 40, "tls": millis(secured - tcp),
			"upgrade": millis(upgraded - secured), "hello": millis(s.now - upgraded),
		},
	}
}

// talk is the conversation until the answer is played out.
func (s *story) talk(cfg *Config) results.Session {
	start := s.now
	for _, p := range cfg.Wake {
		s.say(s.now, Audio, string(p))
	}
	s.say(s.now, Text, detectBytes)
	s.say(s.now, Text, listenBytes)
	mic := s.now + 120*millisecond
	var left time.Duration
	for k := range 8 { // a clip of 5 frames, then silence until the server has heard 3 of it
		packet := "\x58"
		if k < len(cfg.Clips[0]) {
			packet = string(cfg.Clips[0][k])
		}
		left = s.say(mic+time.Duration(k)*60*millisecond, Audio, packet)
	}
	s.u.receive(left+35*millisecond, len(ttsStart)+2)
	spoken := mic + 4*60*millisecond
	first := s.u.receive(left+35*millisecond, ttsWire)
	for k := 1; k < 4; k++ {
		s.u.receive(left+35*millisecond+time.Duration(k)*60*millisecond, ttsWire)
	}
	end := first + 4*60*millisecond
	return results.Session{
		Identity: identity(cfg, results.KindChannel), StartMs: millis(start), HeldMs: millis(end - start), ClosedBy: results.ByDevice, SessionID: "S1",
		Talk: &results.Talk{Turns: 1, FirstAudioMs: []float64{millis(first - spoken)}, FramesUp: 33 + 8, FramesDown: 4},
	}
}

func identity(cfg *Config, kind results.Kind) results.Identity {
	id := cfg.Identity
	id.Schema, id.Kind, id.Try = results.Schema, kind, 1
	return id
}

func checkSends(t *testing.T, got []Action, want []sentMessage) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		a, rand := got[i], got[i].Rand
		is := sentMessage{at: a.At, kind: a.Message, data: string(a.Data)}
		if a.Message != Request {
			is.mask = fmt.Sprintf("%x", rand.mask())
		}
		if is != want[i] {
			t.Fatalf("message %d is %+v\n    want %+v", i, is, want[i])
		}
	}
}

// checkOrder checks what is asked of the world, one generation a connection.
func checkOrder(t *testing.T, log []Logged) {
	t.Helper()
	var kinds []string
	for _, l := range log {
		for _, a := range l.Acts {
			kind := fmt.Sprintf("%d.%d", a.Gen, a.Kind)
			if a.Kind != Send || !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	want := []string{
		"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.7", "1.6", // attach, wake, lookup, dial, handshake, send, record, close
		"3.1", "3.3", "3.4", "3.5", "3.7", "3.8", "3.6", "4.9", // wake, dial to record of the session, close, done
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("actions %v, want %v", kinds, want)
	}
}

// TestFirstMasks: key and masks of the first connection as a logic analyser
// saw them on a real device.
func TestFirstMasks(t *testing.T) {
	w := newScript().world(testConfig(t, "ml307-3.6"))
	w.run(t)
	sends := w.acts(Send)
	for i, want := range []string{"7a96092c", "a5577464"} {
		if rand := sends[2+i].Rand; fmt.Sprintf("%x", rand.mask()) != want {
			t.Errorf("message %d after the upgrade is masked by other bytes than %s", i, want)
		}
	}
}
