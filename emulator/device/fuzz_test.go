package device

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"xzfleet/results"
)

func testRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// texts and answers are what servers say, and what none should.
var (
	texts = []string{
		helloText, ttsStart, ttsStop, authRefusal, `{"type":"hello"}`, `{"type":"hello","transport":"udp"}`, `{`, "", `[]`, "\xff",
		`{"type":"tts"}`, `{"type":"stt","text":"x"}`, `{"type":"goodbye"}`,
	}
	answers = []string{
		otaAnswer, `{}`, `{"mqtt":{}}`, `{"websocket":{"url":"` + testURL + `","version":9}}`, `{"websocket":{"url":"` + testURL + `","version":3}}`,
		`{"activation":{"code":"1"}}`, `{"websocket":{"url":"wss://elsewhere.test/"}}`, `{"websocket":{"url":"x"}}`, "", `{}{}`,
	}
	fuzzCauses = []results.Cause{"", "", results.CauseEOF, results.CauseReset, results.CauseTimeout, results.CauseRefused}
)

// anyEvent makes an event of any kind out of bits: one that a world may tell,
// though perhaps not now.
func anyEvent(bits uint32, gen int) Event {
	ev := Event{Kind: EventKind(bits % uint32(Cut)), Gen: gen}
	pick := int(bits >> 8)
	switch ev.Kind {
	case Resolved, Connected, Secured, Sent, Upgraded:
		ev.Cause = fuzzCauses[pick%len(fuzzCauses)]
	case Answered:
		ev.Code, ev.Data, ev.Wire = 200, []byte(answers[pick%len(answers)]), 300
		if bits>>20%8 == 0 {
			ev.Code = 200 + int(bits>>23)
		}
	case TextIn:
		ev = textIn(texts[pick%len(texts)])
		ev.Gen = gen
	case AudioIn:
		ev.Wire = pick % 300
	case PingIn:
		ev.Data = make([]byte, pick%126)
	case CloseIn:
		ev.Code = pick % 5000
	case Ended:
		ev.Cause = fuzzCauses[2+pick%4]
	}
	return ev
}

// FuzzMachine tells a machine events in any order: it does not panic, is
// never due in the past, and what it records is possible.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0})
	r := testRand(3)
	for range 100 {
		seed := make([]byte, 600)
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		cfg := testConfig(t, profileNames[int(in[0])%3], func(c *Config) { c.Turns = int(in[0]) >> 6 })
		if in[0]&4 != 0 {
			straight(cfg)
		}
		m := NewMachine(cfg)
		var log []Logged
		tell := func(now time.Duration, ev Event) {
			log = append(log, Logged{now, ev, append([]Action(nil), m.Step(now, ev)...)})
			if due := m.Due(); due <= now {
				t.Fatalf("due at %v, it is %v", due, now)
			}
		}
		for now, rest := time.Duration(0), in[1:]; len(rest) >= 5; rest = rest[5:] {
			bits := binary.LittleEndian.Uint32(rest[1:])
			switch step := rest[0]; {
			case step < 64 && m.Due() != never: // until its own timer
				now = m.Due()
			default:
				now += time.Duration(step) * 3 * time.Millisecond
			}
			tell(now, forced(m, bits))
		}
		tell(m.now, Event{Kind: Cut})
		checkRecords(t, m, log)
	})
}

// forced is the event that takes an opening further, half of the time, and
// any event otherwise.
func forced(m *Machine, bits uint32) Event {
	next := map[results.Phase]EventKind{
		results.PhaseDNS: Resolved, results.PhaseTCP: Connected, results.PhaseTLS: Secured,
		results.PhaseUpgrade: Upgraded, results.PhaseHello: TextIn,
	}
	kind, ok := next[m.open.phase]
	switch {
	case bits&0x80000000 == 0:
		return anyEvent(bits, m.gen)
	case m.line.sending:
		return Event{Kind: Sent, Gen: m.gen}
	case m.open.phase == results.PhaseOTA:
		return Event{Kind: Answered, Gen: m.gen, Code: 200, Data: []byte(otaAnswer)}
	case ok:
		return Event{Kind: kind, Gen: m.gen, Data: []byte(helloText)}
	}
	return Event{Kind: TextIn, Gen: m.gen, Data: []byte(texts[1+bits%2])}
}

// checkRecords checks the log of a machine that was cut at its end.
func checkRecords(t *testing.T, m *Machine, log []Logged) {
	t.Helper()
	if !m.Done() || len(actsOf(log, Done)) != 1 {
		t.Fatalf("done %v, said %d times", m.Done(), len(actsOf(log, Done)))
	}
	open := 0
	for _, l := range log {
		for _, a := range l.Acts {
			var err error
			switch a.Kind {
			case RecordTry:
				err = a.Attempt.Check()
				if a.Attempt.Kind == results.KindChannel && a.Attempt.Outcome == results.OK {
					open++
				}
			case RecordEnd:
				err = a.Session.Check()
				open--
			}
			if err != nil || open < 0 {
				t.Fatalf("%v: %+v", err, a)
			}
		}
	}
	if open != 0 {
		t.Fatalf("%d channels have no end", open)
	}
}
