package device

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"xzfleet/results"
	"xzfleet/server/protocol"
)

// world is what a device meets, as a value: what will happen, and what
// answers its actions. It turns the machine in law time.
type world struct {
	m       *Machine
	pending []happening
	answer  func(w *world, a Action)
	log     []Logged
}

type happening struct {
	at time.Duration
	ev Event
}

// at makes ev happen at a time, behind what happens then already.
func (w *world) at(at time.Duration, ev Event) {
	i := slices.IndexFunc(w.pending, func(h happening) bool { return h.at > at })
	if i < 0 {
		i = len(w.pending)
	}
	w.pending = slices.Insert(w.pending, i, happening{at, ev})
}

// step tells the machine of ev and answers what it does. The bytes told are
// the world's, which uses them again.
func (w *world) step(now time.Duration, ev Event) {
	told := ev
	told.Data = slices.Clone(ev.Data)
	acts := w.m.Step(now, told)
	clear(told.Data)
	w.log = append(w.log, Logged{now, ev, slices.Clone(acts)})
	for _, a := range acts {
		w.answer(w, a)
	}
}

// next turns the machine once and reports whether there was anything to do.
func (w *world) next() bool {
	due := w.m.Due()
	if len(w.pending) > 0 && w.pending[0].at < due {
		h := w.pending[0]
		w.pending = w.pending[1:]
		w.step(h.at, h.ev)
		return true
	}
	if due == never {
		return false
	}
	w.step(due, Event{Kind: Tick})
	return true
}

// run turns the machine until it is done.
func (w *world) run(t *testing.T) {
	t.Helper()
	for range 100_000 {
		if w.m.Done() {
			if due := w.m.Due(); due != never {
				t.Errorf("done, and due at %v", due)
			}
			return
		}
		if !w.next() {
			t.Fatalf("nothing will happen, and the device is not done: %+v", w.m.open)
		}
	}
	t.Fatal("the device does not end")
}

// acts are all actions of a kind.
func (w *world) acts(kind ActionKind) []Action { return actsOf(w.log, kind) }

func actsOf(log []Logged, kind ActionKind) (all []Action) {
	for _, l := range log {
		for _, a := range l.Acts {
			if a.Kind == kind {
				all = append(all, a)
			}
		}
	}
	return all
}

// attempts are the records of openings, each checked.
func (w *world) attempts(t *testing.T) (all []results.Attempt) {
	t.Helper()
	for _, a := range w.acts(RecordTry) {
		if err := a.Attempt.Check(); err != nil {
			t.Errorf("%v: %+v", err, a.Attempt)
		}
		all = append(all, *a.Attempt)
	}
	return all
}

// sessions are the records of channels, each checked.
func (w *world) sessions(t *testing.T) (all []results.Session) {
	t.Helper()
	for _, a := range w.acts(RecordEnd) {
		if err := a.Session.Check(); err != nil {
			t.Errorf("%v: %+v", err, a.Session)
		}
		all = append(all, *a.Session)
	}
	return all
}

// script is a network and a server with fixed times, and what one test
// changes of them.
type script struct {
	attach, promotion, dns, tcp, tls, ota, upgrade, hello, tts time.Duration

	otaStatus int
	otaBody   string
	helloText string
	frames    int // of each answer, 60 ms apart
	quiet     int // silent frames after speech until the server answers

	// change, where set, may answer an action in place of the script.
	change func(w *world, a Action) bool

	spoke    bool
	silences int
}

const (
	testOTA   = "https://voice.test:8443/xiaozhi/ota/"
	testURL   = "wss://voice.test:8443/xiaozhi/v1/"
	otaAnswer = `{"websocket":{"url":"` + testURL + `","token":"test-token"}}`
	helloText = `{"type":"hello","transport":"websocket","session_id":"S1"}`
	ttsStart  = `{"type":"tts","state":"start"}`
	ttsStop   = `{"type":"tts","state":"stop"}`

	otaWire     = 300 // bytes of the OTA answer's head and body
	upgradeWire = 129
	ttsWire     = 150 // bytes of each frame of the answer
)

var testTLS = &results.TLS{Version: "1.2", Cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}

func newScript() *script {
	const ms = time.Millisecond
	return &script{
		attach: 4 * time.Second, promotion: 250 * ms, dns: 30 * ms, tcp: 40 * ms, tls: 90 * ms, ota: 50 * ms, upgrade: 45 * ms, hello: 25 * ms, tts: 35 * ms,
		otaStatus: 200, otaBody: otaAnswer, helloText: helloText, frames: 4, quiet: 3,
	}
}

func (s *script) world(cfg *Config) *world {
	return &world{m: NewMachine(cfg), answer: s.answer}
}

func (s *script) answer(w *world, a Action) {
	if s.change != nil && s.change(w, a) {
		return
	}
	reply := func(after time.Duration, ev Event) {
		ev.Gen = a.Gen
		w.at(a.At+after, ev)
	}
	switch a.Kind {
	case Attach:
		reply(s.attach, Event{Kind: RadioUp})
	case Wake:
		reply(s.promotion, Event{Kind: RadioUp})
	case Lookup:
		reply(s.dns, Event{Kind: Resolved})
	case Dial:
		reply(s.tcp, Event{Kind: Connected})
	case Handshake:
		reply(s.tls/2, Event{Kind: Progress})
		reply(s.tls, Event{Kind: Secured, TLS: testTLS})
	case Send:
		s.take(a, reply)
	case Close:
		s.spoke, s.silences = false, 0
	}
}

// take is the server's end of a message.
func (s *script) take(a Action, reply func(time.Duration, Event)) {
	reply(0, Event{Kind: Sent})
	switch {
	case a.Message == Request && a.Phase == results.PhaseOTA:
		reply(s.ota, Event{Kind: Answered, Code: s.otaStatus, Data: []byte(s.otaBody), Wire: otaWire})
	case a.Message == Request:
		reply(s.upgrade, Event{Kind: Upgraded, Wire: upgradeWire})
	case a.Message == Text && a.Phase == results.PhaseHello:
		reply(s.hello, textIn(s.helloText))
	case a.Voice && !protocol.IsDTX(a.Data):
		s.spoke, s.silences = true, 0
	case a.Voice && s.spoke:
		if s.silences++; s.silences == s.quiet {
			s.spoke = false
			s.speak(reply)
		}
	}
}

// speak is an answer: start, frames each 60 ms, stop with the last.
func (s *script) speak(reply func(time.Duration, Event)) {
	reply(s.tts, textIn(ttsStart))
	for i := range s.frames {
		reply(s.tts+time.Duration(i)*60*time.Millisecond, Event{Kind: AudioIn, Wire: ttsWire})
	}
	reply(s.tts+time.Duration(s.frames-1)*60*time.Millisecond, textIn(ttsStop))
}

func textIn(s string) Event {
	return Event{Kind: TextIn, Data: []byte(s), Wire: frameBytes(len(s))}
}

// testConfig is a device that boots at 5 s.
func testConfig(t *testing.T, profile string, changes ...func(*Config)) *Config {
	t.Helper()
	p, err := ProfileNamed(profile)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &Config{
		Profile: &p,
		Identity: results.Identity{
			Run: "test", Fleet: "speakers", Cell: 2, Device: 17, DeviceID: "02:00:00:00:00:11", Profile: profile, Link: "none",
		},
		Key: Key(1, "speakers", 17), ClientID: "11111111-2222-4333-8444-555555555555",
		Start: 5 * time.Second, OTA: testOTA, Hosts: []string{"voice.test"}, Turns: 1, Think: 3 * time.Second,
		Wake: packets(33, 120, 1), Clips: [][][]byte{packets(5, 130, 60), packets(7, 110, 90)},
	}
	for _, change := range changes {
		change(cfg)
	}
	return cfg
}

// packets makes n packets, each of its own content.
func packets(n, size int, first byte) (all [][]byte) {
	for i := range n {
		all = append(all, bytes.Repeat([]byte{first + byte(i)}, size+i))
	}
	return all
}

// straight opens the channel at once, without OTA.
func straight(cfg *Config) { cfg.OTA, cfg.URL = "", testURL }

// plain is straight without TLS.
func plain(cfg *Config) { cfg.OTA, cfg.URL = "", "ws://voice.test:8000/xiaozhi/v1/" }

var profileNames = []string{"ml307-3.6", "ml307-3.3", "wifi-s3"}
