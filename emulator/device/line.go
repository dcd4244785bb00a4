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
	voices  int           // live audio among out
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
	if o.voice {
		if l.voices == sendQueue {
			i := slices.IndexFunc(l.out, func(o outgoing) bool { return o.voice })
			l.out = slices.Delete(l.out, i, i+1)
			l.voices--
			m.talk.numbers.DroppedFrames++
		}
		l.voices++
	}
	l.out = append(l.out, o)
	m.pump()
}

// pump starts on the head of the queue when the transport is free.
func (m *Machine) pump() {
	l := &m.line
	if len(l.out) == 0 || l.sending || l.outAt != never {
		return
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
	if o.voice {
		l.voices--
	}
	l.sending, l.sendBy = false, never
	if m.cfg.Profile.Modem.exists() {
		// The command's answer cannot come before the modem took the data.
		l.free = max(l.free, m.now)
	}
	switch {
	case o.kind == Request:
		m.budget(m.cfg.Profile.Timeouts.Upgrade)
	case o.start:
		m.talk.micOn(m.now)
	}
	m.pump()
}

// delayed reports whether an event has to pass the UART.
func (m *Machine) delayed(ev Event) bool {
	switch ev.Kind {
	case Secured, Upgraded, Answered, TextIn, AudioIn, PingIn, CloseIn, Ended:
		return m.cfg.Profile.Modem.exists()
	}
	return false
}

// receive puts an event on the UART, behind what is on it.
func (m *Machine) receive(ev Event) {
	l, modem := &m.line, m.cfg.Profile.Modem
	took := modem.received(ev.Wire)
	switch ev.Kind {
	case Secured:
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
	if m.state == opening {
		m.takeOpening(ev)
	} else {
		m.takeTalking(ev)
	}
}
