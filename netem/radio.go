package netem

import (
	"time"
)

// radio says from when a device's links may be used. Idle, a device that
// sends pays a promotion; one that is sent to is paged first. Connected, it
// listens once a DRX cycle when nothing has come for a while. Handovers and
// stalls take the capacity away, outages the link.
type radio struct {
	*radioClass
	path *Path
	cell *Cell

	promoted time.Duration // connected from then; −1: idle since the start
	last     time.Duration // activity
	down     time.Duration // a failed promotion keeps the radio busy until then
}

// radioClass is the radio of one class.
type radioClass struct {
	rrc        *RRC
	inactivity time.Duration
	sleepAfter time.Duration
	cycle      cycle
	paging     cycle
	gaps       *[3]closures // nil: there are none
}

// Who reads closures: each direction when its packets are on the air, and
// access when one is there.
const access = Side(2)

// closures are the times without capacity or without link, as one reader of
// them goes through them.
type closures struct {
	handover, stall, outage pulses
}

func newRadioClass(key, cell Key, p *Profile) radioClass {
	key = key.Of(drawRadio)
	r := radioClass{
		rrc:        &p.RRC,
		inactivity: seconds(p.RRC.InactivityS), sleepAfter: ms(p.DRX.InactivityMs),
		cycle:  newCycle(key.Of(drawDRX), ms(p.DRX.CycleMs)),
		paging: newCycle(key.Of(drawPaging), ms(p.DRX.PagingMs)),
	}
	if p.Handover.PerMin == 0 && p.Stall.PerMin == 0 && p.Outage.PerHour == 0 {
		return r
	}
	r.gaps = new([3]closures)
	for side := range r.gaps {
		r.gaps[side] = closures{
			handover: newPulses(key.Of(drawHandover), p.Handover.PerMin/60, p.Handover.mean(), p.Handover.gap),
			stall:    newPulses(cell.Of(drawStall), p.Stall.PerMin/60, p.Stall.mean(), p.Stall.length),
			outage:   newPulses(cell.Of(drawOutage), p.Outage.PerHour/3600, p.Outage.mean(), p.Outage.length),
		}
	}
	return r
}

// idleAt reports whether nobody has sent for so long that the network let the
// device go.
func (r *radio) idleAt(now time.Duration) bool {
	return r.inactivity > 0 && (r.promoted < 0 || now >= r.last+r.inactivity)
}

// open is when a packet that is there at now may go on the air, or that there
// is no link for it.
func (r *radio) open(now time.Duration, side Side, key Key) (time.Duration, bool) {
	switch {
	case now < r.down || r.noLink(now, access):
		return 0, false
	case r.idleAt(now):
		return r.promote(r.paged(now, side), key)
	case now < r.promoted: // under way
		return r.promoted, true
	case side == ServerSide && r.sleepAfter > 0 && now >= r.last+r.sleepAfter:
		return r.tell(Sleeping, now, r.cycle.next(now)), true
	}
	return now, true
}

// paged is when an idle device hears that something is there for it.
func (r *radio) paged(now time.Duration, side Side) time.Duration {
	if side == DeviceSide {
		return now
	}
	return r.tell(Paging, now, r.paging.next(now))
}

// accessTimer is T300 (3GPP TS 36.331), after which the device is idle again;
// Chinese operators set 500 to 1000 ms.
const accessTimer = time.Second

// promote brings the device from idle to connected.
func (r *radio) promote(now time.Duration, key Key) (time.Duration, bool) {
	key = key.Of(drawPromotion)
	others := float64(r.cell.crowd(now))
	if key.Of(1).Uniform() < r.rrc.FailProb*(1+others/crowdFail) {
		r.down = r.tell(Promoting, now, now+accessTimer)
		r.cell.promote(now, r.down)
		return 0, false
	}
	took := ms(key.Of(2).LogNormal(r.rrc.Promotion.Median*(1+others/crowdMedian), r.rrc.Promotion.Sigma))
	if tail := r.rrc.Tail; key.Of(3).Uniform() < tail.Prob {
		took += ms(tail.AddMin + key.Of(4).Uniform()*(tail.AddMax-tail.AddMin))
	}
	r.promoted = r.tell(Promoting, now, now+took)
	r.cell.promote(now, r.promoted)
	r.used(r.promoted)
	return r.promoted, true
}

// used notes activity.
func (r *radio) used(at time.Duration) { r.last = max(r.last, at) }

// serve is when a transmission of this length that begins at start is through:
// handovers and stalls interrupt it.
func (r *radio) serve(start, took time.Duration, side Side) time.Duration {
	if r.gaps == nil {
		return start + took
	}
	g := &r.gaps[side]
	for {
		kind, p := Interrupt, g.handover.at(start)
		if s := g.stall.at(start); s.from < p.from {
			kind, p = Stalled, s
		}
		if p.from > start+took || p.from == start+took && took > 0 {
			return start + took
		}
		// What it had sent before the gap stays sent.
		took -= max(0, p.from-start)
		r.tell(kind, p.from, p.to)
		start = p.to
	}
}

// noLink reports whether the cell is out at t.
func (r *radio) noLink(t time.Duration, side Side) bool {
	if r.gaps == nil {
		return false
	}
	p := r.gaps[side].outage.at(t)
	if t < p.from {
		return false
	}
	r.tell(NoLink, p.from, p.to)
	return true
}

// tell tells whoever watches, and returns until.
func (r *radio) tell(kind PathEventKind, from, until time.Duration) time.Duration {
	if until > from {
		r.path.watch(PathEvent{Kind: kind, At: from, Until: until})
	}
	return until
}

// Wake is the promotion that a device pays before its first packet: when its
// radio is connected, or that access failed, and when it knows. key names the
// draw.
func (p *Path) Wake(now time.Duration, key Key) (at time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.enter(now)
	r := &p.radio
	if now < r.down {
		return r.down, false
	}
	if r.noLink(now, access) {
		return now + accessTimer, false
	}
	if !r.idleAt(now) {
		return max(now, r.promoted), true
	}
	if at, ok = r.promote(now, key); !ok {
		at = r.down
	}
	return at, ok
}

// Attach is when a device that is switched on at now is registered, or that
// its attach timed out then. It is connected afterwards: the attach ends with
// an open connection (3GPP TS 23.401, 5.3.2.1).
func (p *Path) Attach(now time.Duration, key Key) (at time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.enter(now)
	a := p.classes[p.class].profile.Attach
	took := seconds(key.Of(drawAttach).LogNormal(a.MedianS, a.Sigma))
	limit := seconds(a.TimeoutS)
	if ok = limit == 0 || took < limit; !ok {
		took = limit
	}
	at = p.radio.tell(Attaching, now, now+took)
	if ok && took > 0 {
		p.radio.promoted = at
		p.radio.used(at)
	}
	return at, ok
}
