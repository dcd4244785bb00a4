package device

import (
	"strings"
	"testing"
	"time"

	"xzfleet/results"
)

// instead answers the first action of a kind (for Send, of a message kind) in
// a phase by the given events, told after so long, in place of the script.
func instead(kind ActionKind, phase results.Phase, events ...happening) func(*script) {
	return func(s *script) {
		before := s.change
		s.change = func(w *world, a Action) bool {
			if a.Kind != kind || a.Phase != phase {
				return before != nil && before(w, a)
			}
			for _, h := range events {
				h.ev.Gen = a.Gen
				w.at(a.At+h.at, h.ev)
			}
			return true
		}
	}
}

func after(d time.Duration, ev Event) happening { return happening{d, ev} }

var taken = after(0, Event{Kind: Sent})

// failure is what the record says of it; over is how long after the phase
// named from (the first of those that a budget spans) began.
type failure struct {
	phase results.Phase
	cause results.Cause
	limit time.Duration
	from  results.Phase
	over  time.Duration
	code  int // close code
	note  string
}

// mipopenOK is from the command until the firmware has its OK: 1.2 ms and six
// characters.
const mipopenOK = 1200*time.Microsecond + 6*time.Second/92160

// mipopenTime is from the wish to open until the modem has +MIPOPEN.
func mipopenTime(port int) time.Duration {
	return (&uart{at: true}).mipopen(0, true, "voice.test", port)
}

// mipopenReport is how long its result takes on the UART.
const mipopenReport = 17 * 10 * second / 921600

// sendTime is from the wish to send so many bytes until the firmware knows
// that the modem has them.
func sendTime(bytes int) time.Duration {
	_, told := (&uart{at: true}).send(0, bytes)
	return told
}

func TestTimeouts(t *testing.T) {
	closed := Event{Kind: Ended, Cause: results.CauseEOF}
	progress := func(at time.Duration) happening { return after(at, Event{Kind: Progress}) }
	request := len(upgradeBytes) - len("Authorization: Bearer test-token\r\n")
	helloSent, requestSent := sendTime(frameWire(len(helloBytes))), sendTime(request)
	requestLeft, _ := (&uart{at: true}).send(0, request)
	boot := func(c *Config) { c.Profile.Retry.Tries = 1 }
	tests := []struct {
		name, profile string
		config        func(*Config)
		script        func(*script)
		want          failure
	}{
		{
			"name lookup", "wifi-s3", straight, instead(Lookup, results.PhaseDNS),
			failure{results.PhaseDNS, results.CauseDNSFailed, 7 * second, results.PhaseDNS, 7 * second, 0, ""},
		},
		{
			"name not found", "wifi-s3", straight, instead(Lookup, results.PhaseDNS, after(second, Event{Kind: Resolved, Cause: results.CauseDNSFailed})),
			failure{results.PhaseDNS, results.CauseDNSFailed, 0, results.PhaseDNS, second, 0, ""},
		},
		{
			"SYN", "wifi-s3", straight, instead(Dial, results.PhaseTCP),
			failure{results.PhaseTCP, results.CauseTimeout, 10 * second, results.PhaseTCP, 10 * second, 0, ""},
		},
		{
			"SYN without TLS: lwIP's own 18 s", "wifi-s3", plain,
			instead(Dial, results.PhaseTCP, after(18*second, Event{Kind: Connected, Cause: results.CauseTimeout})),
			failure{results.PhaseTCP, results.CauseTimeout, 0, results.PhaseTCP, 18 * second, 0, ""},
		},
		{
			"handshake, silent at once", "wifi-s3", straight, instead(Handshake, results.PhaseTLS),
			failure{results.PhaseTLS, results.CauseTimeout, 10 * second, results.PhaseTLS, 10 * second, 0, ""},
		},
		{
			"handshake, 10 s after the last bytes", "wifi-s3", straight,
			instead(Handshake, results.PhaseTLS, progress(9*second), progress(18*second)),
			failure{results.PhaseTLS, results.CauseTimeout, 10 * second, results.PhaseTLS, 28 * second, 0, ""},
		},
		{
			"upgrade", "wifi-s3", straight, instead(Send, results.PhaseUpgrade, taken),
			failure{results.PhaseUpgrade, results.CauseTimeout, 10 * second, results.PhaseUpgrade, 10 * second, 0, ""},
		},
		{
			"upgrade, from when the request was taken", "wifi-s3", straight,
			instead(Send, results.PhaseUpgrade, after(2*second, Event{Kind: Sent})),
			failure{results.PhaseUpgrade, results.CauseTimeout, 10 * second, results.PhaseUpgrade, 12 * second, 0, ""},
		},
		{
			"upgrade, closed early", "wifi-s3", straight, instead(Send, results.PhaseUpgrade, taken, after(second, closed)),
			failure{results.PhaseUpgrade, results.CauseTimeout, 10 * second, results.PhaseUpgrade, 10 * second, 0, "(eof) and the firmware went on waiting"},
		},
		{
			"hello", "wifi-s3", straight, instead(Send, results.PhaseHello, taken),
			failure{results.PhaseHello, results.CauseTimeout, 10 * second, results.PhaseHello, 10 * second, 0, ""},
		},
		{
			"hello, from when ours was taken", "wifi-s3", straight,
			both(
				instead(Send, results.PhaseUpgrade, taken, after(8*second, Event{Kind: Upgraded})),
				instead(Send, results.PhaseHello, after(5*second, Event{Kind: Sent})),
			),
			failure{results.PhaseHello, results.CauseTimeout, 10 * second, results.PhaseHello, 15 * second, 0, ""},
		},
		{
			"hello, the 101 read before the request is known as taken", "wifi-s3",
			func(c *Config) { straight(c); c.Profile.Timeouts.Upgrade = 2 * second },
			both(
				instead(Send, results.PhaseUpgrade, after(second, Event{Kind: Upgraded}), after(2*second, Event{Kind: Sent})),
				instead(Send, results.PhaseHello, after(3*second, Event{Kind: Sent})),
			),
			failure{results.PhaseHello, results.CauseTimeout, 10 * second, results.PhaseHello, 14 * second, 0, ""},
		},
		{
			"hello after junk, a goodbye and sound", "wifi-s3", straight,
			instead(Send, results.PhaseHello, taken, after(9*second, textIn("junk")), after(9*second, textIn(`{"type":"goodbye"}`)), after(9*second, Event{Kind: AudioIn})),
			failure{results.PhaseHello, results.CauseTimeout, 10 * second, results.PhaseHello, 10 * second, 0, "no message: junk"},
		},
		{
			"hello of another transport", "wifi-s3", straight,
			instead(Send, results.PhaseHello, taken, after(second, textIn(`{"type":"hello","transport":"udp"}`))),
			failure{results.PhaseHello, results.CauseTimeout, 10 * second, results.PhaseHello, 10 * second, 0, "the transport udp"},
		},
		{
			"hello, connection lost: noticed after the wait", "wifi-s3", straight,
			instead(Send, results.PhaseHello, taken, after(second, closed), after(2*second, textIn(helloText))),
			failure{results.PhaseHello, results.CauseEOF, 0, results.PhaseHello, 10 * second, 0, ""},
		},
		{
			"hello, close frame", "wifi-s3", straight, instead(Send, results.PhaseHello, taken, after(second, Event{Kind: CloseIn, Code: 1013})),
			failure{results.PhaseHello, results.CauseServerClosed, 0, results.PhaseHello, 10 * second, 1013, ""},
		},
		{
			"hello refused as the reference server does", "wifi-s3", straight,
			instead(Send, results.PhaseHello, taken, after(second, textIn("认证失败")), after(second, Event{Kind: CloseIn, Code: 1000})),
			failure{results.PhaseHello, results.CauseAuthFailed, 0, results.PhaseHello, 10 * second, 1000, ""},
		},
		{
			"hello without a transport", "wifi-s3", straight,
			instead(Send, results.PhaseHello, taken, after(second, textIn(`{"type":"hello","session_id":"S1"}`))),
			failure{results.PhaseHello, results.CauseCrash, 0, results.PhaseHello, second, 0, "no transport"},
		},
		{
			"request not taken", "wifi-s3", straight, instead(Send, results.PhaseUpgrade),
			failure{results.PhaseUpgrade, results.CauseSendFailed, 0, results.PhaseUpgrade, 10 * second, 0, "took no data"},
		},
		{
			"OTA", "wifi-s3", boot, instead(Send, results.PhaseOTA, taken),
			failure{results.PhaseOTA, results.CauseTimeout, 30 * second, results.PhaseOTA, 30 * second, 0, ""},
		},
		{
			"no registration", "wifi-s3", boot,
			instead(Attach, results.PhaseRadio, after(120*second, Event{Kind: RadioUp, Cause: results.CauseRadioFailed})),
			failure{results.PhaseRadio, results.CauseRadioFailed, 0, results.PhaseRadio, 120 * second, 0, ""},
		},
		{
			"no access", "wifi-s3", straight,
			instead(Wake, results.PhaseRadio, after(second, Event{Kind: RadioUp, Cause: results.CauseRadioFailed})),
			failure{results.PhaseRadio, results.CauseRadioFailed, 0, results.PhaseRadio, second, 0, ""},
		},
		{
			"no access, told over the UART", "ml307-3.6", straight,
			instead(Wake, results.PhaseRadio, after(second, Event{Kind: RadioUp, Cause: results.CauseRadioFailed})),
			failure{results.PhaseRadio, results.CauseRadioFailed, 0, results.PhaseRadio, second + mipopenTime(8443) + mipopenReport, 0, ""},
		},
		{
			"one budget, in the promotion", "ml307-3.6", straight, instead(Wake, results.PhaseRadio),
			failure{results.PhaseRadio, results.CauseTimeout, 10 * second, results.PhaseRadio, 10*second + mipopenOK + mipopenTime(8443), 0, ""},
		},
		{
			"one budget, a late promotion counts", "ml307-3.6", straight,
			both(instead(Wake, results.PhaseRadio, after(4*second, Event{Kind: RadioUp})), instead(Dial, results.PhaseTCP)),
			failure{results.PhaseTCP, results.CauseTimeout, 10 * second, results.PhaseDNS, 6*second + mipopenOK, 0, ""},
		},
		{
			"one budget, in the lookup", "ml307-3.6", straight, instead(Lookup, results.PhaseDNS),
			failure{results.PhaseDNS, results.CauseTimeout, 10 * second, results.PhaseDNS, 10*second + mipopenOK, 0, ""},
		},
		{
			"one budget, in the SYN", "ml307-3.6", straight,
			both(instead(Lookup, results.PhaseDNS, after(4*second, Event{Kind: Resolved})), instead(Dial, results.PhaseTCP)),
			failure{results.PhaseTCP, results.CauseTimeout, 10 * second, results.PhaseDNS, 10*second + mipopenOK, 0, ""},
		},
		{
			"one budget, in the handshake, however live", "ml307-3.6", straight,
			both(instead(Dial, results.PhaseTCP, after(4*second, Event{Kind: Connected})), instead(Handshake, results.PhaseTLS, progress(4*second))),
			failure{results.PhaseTLS, results.CauseTimeout, 10 * second, results.PhaseDNS, 10*second + mipopenOK, 0, ""},
		},
		{
			"one budget, the report still on the UART", "ml307-3.6", straight,
			instead(Handshake, results.PhaseTLS, after(9931*millisecond+100*time.Microsecond, Event{Kind: Secured})),
			failure{results.PhaseTLS, results.CauseTimeout, 10 * second, results.PhaseDNS, 10*second + mipopenOK, 0, ""},
		},
		{
			"upgrade, from +MIPSEND's OK", "ml307-3.6", straight, instead(Send, results.PhaseUpgrade, taken),
			failure{results.PhaseUpgrade, results.CauseTimeout, 10 * second, results.PhaseUpgrade, 10*second + requestSent, 0, ""},
		},
		{
			"upgrade, taken late", "ml307-3.6", straight, instead(Send, results.PhaseUpgrade, after(2*second, Event{Kind: Sent})),
			failure{results.PhaseUpgrade, results.CauseTimeout, 10 * second, results.PhaseUpgrade, 12*second + requestLeft, 0, ""},
		},
		{
			"hello, from +MIPSEND's OK", "ml307-3.6", straight, instead(Send, results.PhaseHello, taken),
			failure{results.PhaseHello, results.CauseTimeout, 10 * second, results.PhaseHello, 10*second + helloSent, 0, ""},
		},
		{
			"OTA, 30 s over everything", "ml307-3.6", boot,
			both(instead(Lookup, results.PhaseDNS, after(12*second, Event{Kind: Resolved})), instead(Send, results.PhaseOTA, taken)),
			failure{results.PhaseOTA, results.CauseTimeout, 30 * second, results.PhaseDNS, 30*second + mipopenOK, 0, ""},
		},
	}
	for _, test := range tests {
		t.Run(test.profile+" "+test.name, func(t *testing.T) {
			s := newScript()
			s.promotion = 0
			test.script(s)
			w := s.world(testConfig(t, test.profile, test.config))
			w.run(t)
			tries := w.attempts(t)
			if len(tries) != 1 || len(w.sessions(t)) != 0 {
				t.Fatalf("%d attempts, %d sessions", len(tries), len(w.sessions(t)))
			}
			checkFailure(t, tries[0], test.want)
		})
	}
}

func both(a, b func(*script)) func(*script) {
	return func(s *script) { a(s); b(s) }
}

func checkFailure(t *testing.T, got results.Attempt, want failure) {
	t.Helper()
	if got.Outcome != results.Failed || got.FailedPhase != want.phase || got.Cause != want.cause || got.LimitMs != millis(want.limit) {
		t.Errorf("%s in %s by %s, limit %v ms", got.Outcome, got.FailedPhase, got.Cause, got.LimitMs)
	}
	var over float64
	for started, phases := false, results.PhasesOf(got.Kind); len(phases) > 0; phases = phases[1:] {
		if started = started || phases[0] == want.from; started {
			over += got.PhaseMs[phases[0]]
		}
	}
	if d := over - millis(want.over); d < -1e-6 || d > 1e-6 {
		t.Errorf("after %v ms since %s, want %v", over, want.from, want.over)
	}
	var d results.Detail
	if got.Detail != nil {
		d = *got.Detail
	}
	if d.CloseCode != want.code || !strings.Contains(d.Text, want.note) || want.note == "" && d.Text != "" {
		t.Errorf("detail %+v", d)
	}
}

// TestSlowHandshake: bytes at least every 10 s keep a handshake alive on lwIP.
func TestSlowHandshake(t *testing.T) {
	s := newScript()
	var bytes []happening
	for at := 9 * second; at < 90*second; at += 9 * second {
		bytes = append(bytes, after(at, Event{Kind: Progress}))
	}
	instead(Handshake, results.PhaseTLS, append(bytes, after(90*second, Event{Kind: Secured}))...)(s)
	w := s.world(testConfig(t, "wifi-s3", straight))
	w.run(t)
	if a := w.attempts(t)[0]; a.Outcome != results.OK || a.PhaseMs["tls"] != 90_000 {
		t.Errorf("%s after %v", a.Outcome, a.PhaseMs)
	}
}

// TestNoTimeouts: a budget of 0 is none.
func TestNoTimeouts(t *testing.T) {
	for _, name := range profileNames {
		s := newScript()
		s.dns, s.tcp, s.tls, s.upgrade, s.hello = time.Hour, time.Hour, time.Hour, time.Hour, time.Hour
		w := s.world(testConfig(t, name, straight, func(c *Config) { c.Profile.Timeouts = Timeouts{} }))
		w.run(t)
		if a := w.attempts(t)[0]; a.Outcome != results.OK {
			t.Errorf("%s: %s in %s by %s", name, a.Outcome, a.FailedPhase, a.Cause)
		}
	}
}

// TestModemWithoutTLS: +MIPOPEN's report crosses the UART for ws:// and for a
// refusal too.
func TestModemWithoutTLS(t *testing.T) {
	reported := (&uart{at: true}).report(0, "+MIPOPEN: 1,0")
	w := newScript().world(testConfig(t, "ml307-3.6", plain))
	w.run(t)
	if a := w.attempts(t)[0]; a.Outcome != results.OK || a.PhaseMs["tcp"] != millis(40*millisecond+reported) {
		t.Errorf("%s: tcp takes %v", a.Outcome, a.PhaseMs)
	}
	s := newScript()
	instead(Dial, results.PhaseTCP, after(20*millisecond, Event{Kind: Connected, Cause: results.CauseRefused}))(s)
	w = s.world(testConfig(t, "ml307-3.6", straight))
	w.run(t)
	checkFailure(t, w.attempts(t)[0], failure{phase: results.PhaseTCP, cause: results.CauseRefused, from: results.PhaseTCP, over: 20*millisecond + reported})
}
