package device

import (
	"net/netip"
	"slices"
	"time"

	"xzfleet/results"
)

// try is one opening under way.
type try struct {
	kind     results.Kind
	url      deviceURL
	start    time.Duration
	phase    results.Phase
	since    time.Duration // start of the phase
	spent    [phases]time.Duration
	entered  [phases]bool
	readyAt  time.Duration // the radio phase's AT commands are through
	deadline time.Duration
	limit    time.Duration // the budget that deadline belongs to
	tls      *results.TLS
	note     string // what was seen and does not end the wait
	refused  bool   // the server said that it does not know us
	gone     *Event // how the connection went away while the wait goes on
	attach   bool   // the device is being registered
}

const phases = 7

var phaseList = results.Phases()

func (t *try) clear() { *t = try{readyAt: never, deadline: never} }

func (t *try) due() time.Duration { return min(t.readyAt, t.deadline) }

func (m *Machine) enter(p results.Phase) {
	t := &m.open
	if t.phase != "" {
		t.spent[slices.Index(phaseList, t.phase)] += m.now - t.since
	}
	t.phase, t.since = p, m.now
	t.entered[slices.Index(phaseList, p)] = true
}

func (m *Machine) budget(limit time.Duration) { m.budgetFrom(m.now, limit) }

// budgetFrom starts a budget at a time to come; 0 is none.
func (m *Machine) budgetFrom(from, limit time.Duration) {
	m.open.deadline, m.open.limit = never, limit
	if limit > 0 {
		m.open.deadline = from + limit
	}
}

// startOpening begins a try at its intended start.
func (m *Machine) startOpening() {
	m.startAt = never
	m.gen++
	m.try++
	m.state = opening
	m.open.clear()
	m.line.clear()
	t := &m.open
	t.kind, t.start = m.kind, m.now
	m.enter(results.PhaseRadio)
	u, err := parseDeviceURL(m.url)
	if m.kind == results.KindOTA {
		u, err = parseOTAURL(m.cfg.OTA)
	}
	if err != nil {
		e := ioError(err)
		m.fail(e.Cause, e.Detail)
		return
	}
	t.url = u
	if m.kind == results.KindOTA && !m.attached {
		t.attach = true // the boot's start is power-on
		m.act(Action{Kind: Attach, Phase: results.PhaseRadio})
		return
	}
	m.command()
}

// command starts the AT commands before the open.
func (m *Machine) command() {
	t, modem := &m.open, m.cfg.Profile.Modem
	t.readyAt = m.now
	switch {
	case !modem.exists():
	case m.kind == results.KindOTA:
		headers, body := m.otaHeaders(), m.otaBody()
		t.readyAt += modem.requestPlan(t.url, headers, body)
	default:
		t.readyAt += modem.openPlan(t.url)
	}
	if t.readyAt == m.now {
		m.commanded()
	}
}

// commanded is when the first packet could leave if the radio were connected.
func (m *Machine) commanded() {
	t, p := &m.open, m.cfg.Profile
	t.readyAt = never
	switch {
	case p.Modem.exists() && t.kind == results.KindOTA:
		// 30 s until the answer, from MHTTPREQUEST's OK.
		m.budgetFrom(m.now+p.Modem.ok(0), p.Timeouts.OTA)
	case p.Modem.exists():
		// The 10 s over promotion, DNS, TCP and TLS run from MIPOPEN's OK.
		m.budgetFrom(m.now+p.Modem.ok(0), p.Timeouts.Connect)
	}
	m.act(Action{Kind: Wake, Phase: results.PhaseRadio})
}

// radioUp goes on when the device is registered, and when it is connected.
func (m *Machine) radioUp() {
	t := &m.open
	if t.attach {
		t.attach, m.attached = false, true
		m.command()
		return
	}
	m.enter(results.PhaseDNS)
	m.ownBudget(m.cfg.Profile.Timeouts.DNS)
	if m.known(t.url.Host) {
		m.resolved()
		return
	}
	m.act(Action{Kind: Lookup, Phase: results.PhaseDNS})
}

// known reports whether a host needs no lookup.
func (m *Machine) known(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || host == m.cached && m.now < m.cachedUntil
}

// resolved dials. Only esp-tls limits the connect: without TLS the firmware
// waits until lwIP gives up (esp_tcp.cc).
func (m *Machine) resolved() {
	m.enter(results.PhaseTCP)
	limit := m.cfg.Profile.Timeouts.TCP
	if !m.open.url.TLS {
		limit = 0
	}
	m.ownBudget(limit)
	m.act(Action{Kind: Dial, Phase: results.PhaseTCP})
}

// ownBudget starts a budget of a device that connects by itself; a modem's
// one budget runs on.
func (m *Machine) ownBudget(limit time.Duration) {
	if !m.cfg.Profile.Modem.exists() {
		m.budget(limit)
	}
}

func (m *Machine) connected() {
	if !m.open.url.TLS {
		m.secured(nil)
		return
	}
	m.enter(results.PhaseTLS)
	m.ownBudget(m.cfg.Profile.Timeouts.TLS)
	m.act(Action{Kind: Handshake, Phase: results.PhaseTLS})
}

// secured is when the device may send its request.
func (m *Machine) secured(tls *results.TLS) {
	m.open.tls = tls
	if m.open.kind == results.KindOTA {
		m.enter(results.PhaseOTA)
		m.ownBudget(m.cfg.Profile.Timeouts.OTA)
		// The modem has the request already.
		m.act(Action{Kind: Send, Phase: results.PhaseOTA, Message: Request, Data: m.otaRequest()})
		return
	}
	m.enter(results.PhaseUpgrade)
	m.budget(0)
	request := upgradeRequest(m.open.url, upgradeHeaders{
		Token: m.token, DeviceID: m.cfg.Identity.DeviceID, ClientID: m.cfg.ClientID, Version: m.version,
	}, upgradeKey(&m.rand))
	m.send(outgoing{kind: Request, data: request})
}

// takeOpening takes an event of the try under way.
func (m *Machine) takeOpening(ev Event) {
	if m.open.gone != nil || !ev.Kind.in(m.open.phase) {
		return
	}
	switch ev.Kind {
	case Progress:
		// lwIP devices allow 10 s of silence, not 10 s in all.
		m.ownBudget(m.cfg.Profile.Timeouts.TLS)
	case Ended, CloseIn:
		m.endedOpening(ev)
	case PingIn:
		m.ping(ev)
	case TextIn:
		m.helloText(ev)
	case AudioIn:
	default:
		if ev.Cause != "" {
			m.fail(ev.Cause, ev.Detail)
			return
		}
		m.next(ev)
	}
}

// next goes on to the phase after the one that ended well.
func (m *Machine) next(ev Event) {
	switch ev.Kind {
	case RadioUp:
		m.radioUp()
	case Resolved:
		m.cached, m.cachedUntil = m.open.url.Host, m.now+m.cfg.Profile.DNSCache
		m.resolved()
	case Connected:
		m.connected()
	case Secured:
		m.secured(ev.TLS)
	case Upgraded:
		m.upgraded()
	case Answered:
		m.otaAnswer(ev)
	}
}

// endedOpening is a connection that went away while opening. A firmware that
// waits for the upgrade's answer does not notice, and waits its time out
// (esp-ml307 3.x web_socket.cc: OnDisconnected does nothing before the 101).
// One that waits for the hello logs it and waits on (78/xiaozhi-esp32
// main/protocols/websocket_protocol.cc: only the hello sets the event).
func (m *Machine) endedOpening(ev Event) {
	switch m.open.phase {
	case results.PhaseUpgrade:
		m.open.note = "the server closed the connection (" + string(ev.Cause) + ") and the firmware went on waiting"
	case results.PhaseHello:
		m.open.gone = &ev
	default:
		m.lost(ev)
	}
}

// lost ends what is under way because the connection is gone.
func (m *Machine) lost(ev Event) {
	cause := ev.Cause
	if ev.Kind == CloseIn {
		cause = results.CauseServerClosed
		ev.Detail.CloseCode = ev.Code
	}
	if m.state == talking {
		by := results.ByNetwork
		if cause == results.CauseEOF || cause == results.CauseServerClosed {
			by = results.ByServer
		}
		m.end(by, cause, ev.Detail)
		return
	}
	if m.open.refused {
		cause = results.CauseAuthFailed
	}
	m.fail(cause, ev.Detail)
}

// lose is lost for what the device itself finds.
func (m *Machine) lose(cause results.Cause, d results.Detail) {
	if m.state == talking {
		// Not the user's will: it counts as a drop.
		m.end(results.ByNetwork, cause, d)
		return
	}
	m.fail(cause, d)
}

func (m *Machine) budgetOver() {
	if gone := m.open.gone; gone != nil {
		m.lost(*gone)
		return
	}
	cause := results.CauseTimeout
	if m.open.phase == results.PhaseDNS && !m.cfg.Profile.Modem.exists() {
		cause = results.CauseDNSFailed
	}
	m.recordTry(results.Failed, cause, results.Detail{Text: m.open.note})
	m.after(false)
}

// fail ends the try for a reason that is no time-out.
func (m *Machine) fail(cause results.Cause, d results.Detail) {
	m.open.limit = 0
	m.recordTry(results.Failed, cause, d)
	m.after(false)
}

// recordTry writes the record of the try that ends now.
func (m *Machine) recordTry(o results.Outcome, cause results.Cause, d results.Detail) {
	t := &m.open
	t.spent[slices.Index(phaseList, t.phase)] += m.now - t.since
	a := results.Attempt{
		Identity:  m.identity(t.kind, m.try),
		StartMs:   millis(t.start),
		PhaseMs:   make(map[results.Phase]float64, phases),
		ConnectMs: millis(m.now - t.start),
		Outcome:   o,
		TLS:       t.tls,
	}
	for i, in := range t.entered {
		if in {
			a.PhaseMs[phaseList[i]] = millis(t.spent[i])
		}
	}
	switch o {
	case results.OK:
		a.SessionID = m.talk.session
	case results.Failed:
		a.FailedPhase, a.Cause = t.phase, cause
		if cause == results.CauseTimeout || cause == results.CauseDNSFailed {
			a.LimitMs = millis(t.limit)
		}
		if d != (results.Detail{}) {
			a.Detail = &d
		}
	}
	m.act(Action{Kind: RecordTry, Attempt: &a})
}
