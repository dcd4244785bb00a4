package device

import (
	"slices"
	"time"

	"xzfleet/results"
)

// line is what waits on its way between the device's logic and the
// connection: messages to go out, one at a time, and what the UART of a modem
// has not yet brought up.
type line struct {
	out     []outgoing
	voices  int           // live audio that waits in out
	outAt   time.Duration // the head of out has left by AT
	pieces  []time.Duration
	free    time.Duration // the UART takes the next command
	sending bool
	sendBy  time.Duration // the transport must have taken it
	in      []incoming
	inFree  time.Duration // the UART is free for more
}

type outgoing struct {
	kind  MessageKind
	data  []byte
	voice bool // live audio
	start bool // the listen start after which the microphone runs
}

type incoming struct {
	at time.Duration
	ev Event
}

// sendQueue is how much live audio the firmware keeps; beyond, the oldest is
// dropped (78/xiaozhi-esp32 main/audio/audio_service.h, 2400/60 packets).
const sendQueue = 40

// sendTimeout is how long the firmware waits for the transport to take data:
// +MIPSEND within 10 s (ml307_tcp.cc), SO_SNDTIMEO 10 s (esp_tls.c).
const sendTimeout = 10 * time.Second

func (l *line) clear() { *l = line{outAt: never, sendBy: never, free: l.free, inFree: l.inFree} }

func (l *line) due() time.Duration { return min(l.outAt, l.sendBy, l.arriving()) }

func (l *line) arriving() time.Duration {
	if len(l.in) == 0 {
		return never
	}
	return l.in[0].at
}

func (l line) clone() line {
	l.out, l.in, l.pieces = slices.Clone(l.out), slices.Clone(l.in), slices.Clone(l.pieces)
	return l
}

// send puts a message behind those that wait.
func (m *Machine) send(o outgoing) {
	l := &m.line
	switch {
	case o.kind == Pong:
		// Its task takes the transport before the main task gets it again.
		l.out = slices.Insert(l.out, l.leaving(), o)
	case o.voice && l.voices == sendQueue:
		i := slices.IndexFunc(l.out[l.leaving():], func(o outgoing) bool { return o.voice }) + l.leaving()
		l.out = append(slices.Delete(l.out, i, i+1), o)
		m.talk.numbers.DroppedFrames++
	default:
		if o.voice {
			l.voices++
		}
		l.out = append(l.out, o)
	}
	m.pump()
}

// leaving is how many messages have left the queue for the transport: 1 while
// the head is on its way.
func (l *line) leaving() int {
	if l.sending || l.outAt != never {
		return 1
	}
	return 0
}

// pump starts on the head of the queue when the transport is free.
func (m *Machine) pump() {
	l := &m.line
	if len(l.out) == 0 || l.leaving() > 0 || m.deaf() && l.out[0].kind != Pong {
		return
	}
	if l.out[0].voice {
		l.voices--
	}
	modem := m.cfg.Profile.Modem
	if !modem.exists() {
		m.sendHead()
		return
	}
	l.pieces, l.free = modem.pieces(max(m.now, l.free), l.out[0].wire())
	l.outAt = l.pieces[0]
}

// wire is the size of a message as the transport sees it (RFC 6455, 5.2, with
// a mask).
func (o outgoing) wire() int {
	n := len(o.data)
	switch {
	case o.kind == Request:
		return n
	case n < 126:
		return n + 6
	default:
		return n + 8
	}
}

// sendHead hands the head of the queue to the transport.
func (m *Machine) sendHead() {
	l := &m.line
	o := l.out[0]
	l.outAt = never
	l.sending, l.sendBy = true, m.now+sendTimeout
	a := Action{Kind: Send, Phase: m.open.phase, Message: o.kind, Data: o.data, Voice: o.voice, Rand: m.rand}
	if len(l.pieces) > 1 {
		a.Pieces = slices.Clone(l.pieces)
	}
	switch o.kind {
	case Request:
	case Pong:
		a.Rand = m.pong
		m.pong.mask()
	case Audio:
		m.talk.numbers.FramesUp++
		m.rand.mask()
	default:
		m.rand.mask()
	}
	m.act(a)
}

// sent is when the transport has taken the head.
func (m *Machine) sent() {
	l := &m.line
	if !l.sending {
		return // the modem's own HTTP request
	}
	o := l.out[0]
	l.out = slices.Delete(l.out, 0, 1)
	l.sending, l.sendBy = false, never
	// When the firmware knows: a modem says so over the UART, and not before it
	// took the data.
	told := m.now
	if m.cfg.Profile.Modem.exists() {
		l.free = max(l.free, m.now)
		told = l.free
	}
	switch {
	case o.kind == Request && m.open.phase == results.PhaseUpgrade:
		m.budgetFrom(told, m.cfg.Profile.Timeouts.Upgrade)
	case o.kind == Text && m.open.phase == results.PhaseHello:
		m.budgetFrom(told, m.cfg.Profile.Timeouts.Hello)
	case o.start && !m.talk.speaking && !m.deaf():
		m.talk.micOn(told)
	}
	m.pump()
}

// delayed reports whether an event has to pass the UART.
func (m *Machine) delayed(ev Event) bool {
	if !m.cfg.Profile.Modem.exists() {
		return false
	}
	switch ev.Kind {
	case RadioUp:
		return ev.Cause != "" && !m.open.attach
	case Resolved:
		return ev.Cause != ""
	case Connected:
		return ev.Cause != "" || !m.open.url.TLS
	case Secured, Upgraded, Answered, TextIn, AudioIn, PingIn, CloseIn, Ended:
		return true
	}
	return false
}

// receive puts an event on the UART, behind what is on it.
func (m *Machine) receive(ev Event) {
	l, modem := &m.line, m.cfg.Profile.Modem
	took := modem.received(ev.Wire)
	switch ev.Kind {
	case RadioUp, Resolved, Connected, Secured:
		if m.open.kind == results.KindOTA {
			m.takeOpening(ev) // the modem's own HTTP stack goes on
			return
		}
		took = modem.opened()
	case Answered:
		took = modem.answered(ev.Wire)
	}
	l.inFree = max(l.inFree, m.now) + took
	ev.Data = slices.Clone(ev.Data)
	l.in = append(l.in, incoming{l.inFree, ev})
}

// arrive takes the event that the UART has brought up.
func (m *Machine) arrive() {
	ev := m.line.in[0].ev
	m.line.in = slices.Delete(m.line.in, 0, 1)
	switch {
	case m.deaf():
	case m.state == opening:
		m.takeOpening(ev)
	default:
		m.takeTalking(ev)
	}
}
