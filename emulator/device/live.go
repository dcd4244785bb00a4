package device

import (
	"sync"
	"time"

	"xzfleet/netem"
	"xzfleet/results"
)

// Live is the world of one device over real sockets: it turns the machine and
// does what it says. It knows no rule of the device.
type Live struct {
	site *Site
	path *netem.Path

	mu    sync.Mutex
	m     *Machine
	armed time.Duration
	wire  *liveConn // the present connection, nil between them
	base  netem.Counts
	open  bool
	began bool
	done  chan struct{}

	answers []answer // to what the world knew at once
}

// Start puts a device on the network's queue, to begin at its start.
func (s *Site) Start(cfg *Config, path *netem.Path) *Live {
	d := &Live{site: s, path: path, m: NewMachine(cfg), armed: never, done: make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.arm()
	return d
}

// Done is closed when the device will do nothing more.
func (d *Live) Done() <-chan struct{} { return d.done }

// Cut ends the device at the run's time at.
func (d *Live) Cut(at time.Duration) { d.post(at, Event{Kind: Cut}) }

// Fire implements netem.Handler.
func (d *Live) Fire(due time.Duration, _ uint64) {
	d.mu.Lock()
	if due >= d.armed {
		d.armed = never
	}
	d.mu.Unlock()
	d.post(due, Event{Kind: Tick})
}

// post tells the machine of an event and does what it answers.
func (d *Live) post(at time.Duration, ev Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.step(at, ev)
	for len(d.answers) > 0 {
		a := d.answers[0]
		d.answers = d.answers[1:]
		d.step(a.at, a.ev)
	}
	d.answers = nil
	d.arm()
}

func (d *Live) step(at time.Duration, ev Event) {
	if d.m.Done() {
		return
	}
	acts := d.m.Step(at, ev)
	if d.site.Trace != nil {
		d.site.Trace(d.m.cfg, at, ev, acts)
	}
	for i := range acts {
		d.perform(&acts[i])
	}
}

// answer is an event that will come without any packet.
type answer struct {
	device *Live
	at     time.Duration
	ev     Event
}

// Fire implements netem.Handler.
func (a *answer) Fire(due time.Duration, _ uint64) { a.device.post(due, a.ev) }

// answer tells the machine of the outcome of an action at its time.
func (d *Live) answer(a *Action, at time.Duration, ev Event) {
	ev.Gen = a.Gen
	if at <= a.At {
		d.answers = append(d.answers, answer{d, at, ev})
		return
	}
	d.site.Network.At(at, &answer{d, at, ev}, 0)
}

func (d *Live) arm() {
	if due := d.m.Due(); due < d.armed {
		d.armed = due
		d.site.Network.At(due, d, 0)
	}
}

func (d *Live) perform(a *Action) {
	switch a.Kind {
	case Attach, Wake:
		d.radio(a)
	case Lookup:
		d.lookup(a)
	case Dial:
		d.dial(a)
	case Handshake, Send:
		d.wire.enqueue(a)
	case Close:
		if d.wire != nil {
			d.wire.close(a.At)
			d.wire = nil
		}
	case RecordTry:
		d.recordTry(a)
	case RecordEnd:
		d.recordEnd(a)
	case Done:
		d.change(Finished)
		close(d.done)
	}
}

// radio registers the device, or brings it from idle to connected.
func (d *Live) radio(a *Action) {
	if !d.began {
		d.began = true
		d.change(Arrived)
	}
	bring := d.path.Wake
	if a.Kind == Attach {
		bring = d.path.Attach
	}
	at, ok := bring(a.At, d.connKey().Text("radio"))
	ev := Event{Kind: RadioUp}
	if !ok {
		ev.Cause = results.CauseRadioFailed
	}
	d.answer(a, at, ev)
}

// lookup asks for the host's address over the modelled link; the real one is
// known to the run.
func (d *Live) lookup(a *Action) {
	ev := Event{Kind: Resolved, Gen: a.Gen}
	_, known := d.site.address(d.m.open.url.Host, d.m.open.url.Port)
	key := d.connKey().Text("dns")
	d.site.Network.Lookup(a.At, d.path, key, func(at time.Duration, found bool) {
		if !known || !found {
			ev.Cause = results.CauseDNSFailed
		}
		d.post(at, ev)
	})
}

// connKey names the draws of the present try's packets.
func (d *Live) connKey() netem.Key {
	m := d.m
	return m.cfg.Key.Text(string(m.open.kind)).Of(uint64(m.episode), uint64(m.try))
}

func (d *Live) dial(a *Action) {
	u := d.m.open.url
	addr, _ := d.site.address(u.Host, u.Port)
	conn := d.site.Network.Open(a.At, netem.Route{
		Path: d.path, Device: d.m.cfg.Profile.TCP, Server: d.site.Server, Key: d.connKey(), Addr: addr, Port: u.Port,
	}, PhaseDraws(a.Phase))
	d.wire = newLiveConn(d, a.Gen, conn, u)
	d.base = netem.Counts{}
	d.wire.enqueue(a)
}

func (d *Live) change(c Change) {
	if d.site.Change != nil {
		d.site.Change(c)
	}
}

// traffic is what the present connection has moved since base, and how late
// we were in ways that no law time took back.
func (d *Live) traffic() (*results.Net, time.Duration) {
	if d.wire == nil {
		return nil, 0
	}
	c, rtt, unmade := d.wire.law.Traffic()
	n := &results.Net{
		BytesUp:     c.Bytes[netem.DeviceSide] - d.base.Bytes[netem.DeviceSide],
		BytesDown:   c.Bytes[netem.ServerSide] - d.base.Bytes[netem.ServerSide],
		Segments:    c.Segments - d.base.Segments,
		Lost:        c.Lost - d.base.Lost,
		Retransmits: c.Retransmits - d.base.Retransmits,
		RTOs:        c.RTOs - d.base.RTOs,
		FarRTTMs:    millis(rtt),
	}
	d.base = c
	return n, unmade
}

func (d *Live) recordTry(a *Action) {
	attempt := *a.Attempt // the machine's own stays as it is
	var unmade time.Duration
	attempt.Net, unmade = d.traffic()
	attempt.LateMs = millis(max(0, d.site.Network.Now()-a.At) + unmade)
	d.explain(&attempt)
	d.site.Sink.Attempt(attempt)
	switch {
	case attempt.Outcome == results.Failed:
		d.change(FailedTry)
	case attempt.Outcome == results.OK && attempt.Kind == results.KindChannel:
		d.open = true
		d.change(Opened)
	}
}

// explain adds what only the world knows of a failure: why the real dial
// behind a silent one failed.
func (d *Live) explain(a *results.Attempt) {
	if a.Outcome != results.Failed || a.Detail != nil || d.wire == nil {
		return
	}
	if err := d.wire.law.FarError(); err != nil {
		a.Detail = &results.Detail{Text: "the real connection: " + err.Error()}
	}
}

func (d *Live) recordEnd(a *Action) {
	session := *a.Session
	session.Net, _ = d.traffic()
	if session.ClosedBy == results.ByNetwork && d.wire != nil && d.wire.law.NATExpired() {
		session.Cause = results.CauseNATExpired // the device only finds that nothing gets through
	}
	d.site.Sink.Session(session)
	d.open = false
	d.change(Shut)
}
