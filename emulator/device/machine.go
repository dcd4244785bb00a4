package device

import (
	"math"
	"time"

	"xzfleet/netem"
	"xzfleet/results"
)

const never = time.Duration(math.MaxInt64)

type state uint8

const (
	off state = iota // before its start, between tries, after boot until the wake word
	opening
	talking
	done
)

// Machine is the logic of one device: phases, budgets, AT commands, UART
// time, retries, queues, turns, and what is recorded. It has no clock and
// does no I/O: Step takes the time and an event and returns what to do; Due
// says when it wants to be stepped next. It is plain data: Clone it, compare
// it, replay it.
type Machine struct {
	cfg   *Config
	state state
	now   time.Duration
	acts  []Action

	gen     int
	startAt time.Duration // next opening
	kind    results.Kind  // of the next or present opening
	episode int
	try     int
	delay   time.Duration // before the next OTA try
	url     string
	token   string
	version int // of the binary protocol

	attached bool // registered since power-on

	cached      string // host whose address is known
	cachedUntil time.Duration

	open try
	line line
	rand newlibRand // of the main task
	pong newlibRand // of the task that receives
	talk talk
}

// NewMachine makes a device that is off until its start.
func NewMachine(cfg *Config) *Machine {
	m := &Machine{cfg: cfg, startAt: cfg.Start, url: cfg.URL, token: cfg.Token, version: 1}
	m.rand, m.pong = *newNewlibRand(), *newNewlibRand()
	m.kind = results.KindChannel
	if cfg.OTA != "" {
		m.kind = results.KindOTA
	}
	m.open.clear()
	m.line.clear()
	m.talk.clear()
	return m
}

// Done reports whether the device will do nothing more.
func (m *Machine) Done() bool { return m.state == done }

// Due is when the machine wants to be stepped if nothing happens before.
func (m *Machine) Due() time.Duration {
	if m.state == done {
		return never
	}
	return min(m.startAt, m.open.due(), m.line.due(), m.talk.due())
}

// Step tells the machine that ev happened at now and returns what is to be
// done. Timers that were due before are dealt with first, each at its own
// time. The actions are valid until the next Step.
func (m *Machine) Step(now time.Duration, ev Event) []Action {
	m.acts = m.acts[:0]
	now = max(now, m.now)
	for due := m.Due(); due <= now; due = m.Due() {
		m.now = due
		m.timer(due)
	}
	m.now = now
	if m.state != done {
		m.take(ev)
	}
	return m.acts
}

func (m *Machine) timer(due time.Duration) {
	switch due {
	case m.startAt:
		m.startOpening()
	case m.line.arriving():
		m.arrive()
	case m.line.outAt:
		m.sendHead()
	case m.open.readyAt:
		m.commanded()
	case m.talk.micAt:
		m.speak()
	case m.talk.deadlockAt:
		m.deadlocked()
	case m.talk.closeAt:
		m.hangUp()
	case m.talk.silentAt:
		m.end(results.ByDevice, results.CauseTimeout, results.Detail{Text: "no data from the server"})
	case m.line.sendBy:
		m.lose(results.CauseSendFailed, results.Detail{Text: "the transport took no data"})
	default: // open.deadline
		m.budgetOver()
	}
}

func (m *Machine) take(ev Event) {
	switch {
	case ev.Kind == Tick:
	case ev.Kind == Cut:
		m.cut()
	case ev.Gen != m.gen || m.state == off:
		// An answer to a question of the past.
	case ev.Kind == Sent && ev.Cause == "":
		m.sent()
	case ev.Kind == Sent && m.deaf():
		// Nobody reads what the modem says of it.
	case ev.Kind == Sent:
		m.lost(ev)
	case m.delayed(ev):
		m.receive(ev)
	case m.state == opening:
		m.takeOpening(ev)
	default:
		m.takeTalking(ev)
	}
}

func (m *Machine) act(a Action) {
	a.Gen, a.At = m.gen, m.now
	m.acts = append(m.acts, a)
}

// identity is who this is about.
func (m *Machine) identity(kind results.Kind, try int) results.Identity {
	id := m.cfg.Identity
	id.Schema, id.Kind, id.Episode, id.Try = results.Schema, kind, m.episode, try
	return id
}

// finish ends the device.
func (m *Machine) finish() {
	m.state = done
	m.startAt = never
	m.act(Action{Kind: Done})
}

// cut ends the device with the run.
func (m *Machine) cut() {
	switch m.state {
	case opening:
		m.recordTry(results.Cut, "", results.Detail{})
		m.drop()
	case talking:
		m.recordEnd(results.ByRunEnd, "", results.Detail{})
		m.drop()
	}
	m.finish()
}

// drop closes the connection and makes every answer to come a stale one.
func (m *Machine) drop() {
	m.act(Action{Kind: Close})
	m.gen++
	m.open.clear()
	m.line.clear()
	m.talk.clear()
}

// Clone is an independent copy.
func (m *Machine) Clone() *Machine {
	c := *m
	c.acts = nil
	c.line = m.line.clone()
	c.talk = m.talk.clone()
	return &c
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// PhaseDraws is the number by which a phase's draws are keyed; after the
// hello comes the talk.
func PhaseDraws(p results.Phase) uint64 {
	for i, q := range phaseList {
		if p == q {
			return uint64(i)
		}
	}
	return phases
}

// Key is the key of a device's own draws.
func Key(seed uint64, fleet string, index int) netem.Key {
	return netem.Seed(seed).Text("device").Text(fleet).Of(uint64(index))
}
