package netem

import (
	"math"
	"time"
)

// Fate is what became of a packet.
type Fate uint8

const (
	Delivered Fate = iota
	Lost           // in the air
	Dropped        // at the tail of the full queue
)

// Link is one direction of a device's path. It decides when a packet arrives;
// it carries nothing. Order is kept: LTE delivers in sequence. Its numbers are
// those of the class that the path is in; what has run so far stays when the
// class changes.
type Link struct {
	path *Path
	side Side // that sends
	*linkClass

	last    time.Duration // latest send, so that time never runs backwards
	free    time.Duration // when the last packet has left the queue
	arrival time.Duration // of the last packet delivered
	queue   []departure
	queued  int
}

// linkClass is one direction of one class.
type linkClass struct {
	delay    time.Duration // floor of one direction
	jitter   noise
	sd       time.Duration
	ge       GE
	chain    chain
	rate     noise
	median   float64 // bit/s, 0 = unlimited
	sigma    float64
	limit    int // bytes in the queue, 0 = unlimited
	cross    crossTraffic
	recorded *Opportunities // in place of the rate
	cursor   opportunityCursor
}

type departure struct {
	at   time.Duration
	size int
}

// newLinkClass builds one direction. delay is its share of the round-trip
// floor.
func newLinkClass(key, cell Key, p *Profile, side Side, delay time.Duration) linkClass {
	rate, limit, load := p.Rate.Up, p.QueueBytes.Up, p.CrossLoad.Up
	purpose := drawUplink
	if side == ServerSide {
		rate, limit, load = p.Rate.Down, p.QueueBytes.Down, p.CrossLoad.Down
		purpose = drawDownlink
	}
	key, cell = key.Of(purpose), cell.Of(purpose)
	grid := seconds(p.Rate.CorrS)
	if grid <= 0 {
		grid = time.Second
	}
	return linkClass{
		delay:    delay,
		jitter:   noise{key.Of(drawJitter), jitterGrid},
		sd:       ms(p.JitterSD),
		ge:       p.GE,
		chain:    newChain(key.Of(drawChain), p.GE),
		rate:     noise{key.Of(drawRate), grid},
		median:   rate * 1000,
		sigma:    p.Rate.Sigma,
		limit:    limit,
		cross:    newCrossTraffic(cell.Of(drawCross), load, rate*1000),
		recorded: p.Opportunities[side],
	}
}

// Send offers a packet of size bytes at now and returns when its last bit
// arrives. key names the draws that belong to this packet alone. The radio is
// asked when it is sent: a packet for a device that sleeps waits to be heard,
// one that nobody may send yet waits, one without a link is lost.
func (l *Link) Send(now time.Duration, size int, key Key) (time.Duration, Fate) {
	now = max(now, l.last)
	l.last = now
	l.path.enter(now)
	l.depart(now)
	waiting := l.cross.wait(now)
	if l.limit > 0 && l.queued+l.cross.bytes(waiting)+size > l.limit {
		return 0, Dropped
	}
	open, ok := l.path.radio.open(now, l.side, key)
	if !ok {
		return 0, Lost
	}
	sent := l.transmit(max(open, now+waiting), size)
	l.path.radio.used(sent)
	if l.path.radio.noLink(sent, l.side) || l.lost(sent, key) {
		return 0, Lost
	}
	at := sent + l.delay
	if l.sd > 0 {
		at += max(time.Duration(l.jitter.jitter(sent)*float64(l.sd)), -l.delay)
	}
	l.arrival = max(l.arrival, at)
	return l.arrival, Delivered
}

// depart forgets the packets that have left the queue by now.
func (l *Link) depart(now time.Duration) {
	n := 0
	for n < len(l.queue) && l.queue[n].at <= now {
		l.queued -= l.queue[n].size
		n++
	}
	l.queue = append(l.queue[:0], l.queue[n:]...)
}

// transmit puts the packet on the air behind those that wait and returns when
// it has left. The rate is taken in the middle of the packet's own time, which
// keeps the sum within 0.5 % of the rate's integral; stalls and handovers
// interrupt it.
func (l *Link) transmit(from time.Duration, size int) time.Duration {
	start := max(from, l.free)
	switch {
	case l.recorded != nil:
		l.free = l.replay(from, size)
	case l.median <= 0:
		l.free = l.path.radio.serve(start, 0, l.side)
		return l.free // nothing queues but for gaps
	default:
		bits := float64(size * 8)
		first := bits / l.rateAt(start)
		took := bits / l.rateAt(start+seconds(first/2))
		l.free = l.path.radio.serve(start, seconds(took), l.side)
	}
	l.queue = append(l.queue, departure{l.free, size})
	l.queued += size
	return l.free
}

// replay is when a packet has left by the recorded opportunities, of which
// each serves only what waits. Those in a gap pass unused.
func (l *Link) replay(from time.Duration, size int) time.Duration {
	for {
		c := l.cursor
		at := l.recorded.deliver(from, size, &c)
		open := l.path.radio.serve(at, 0, l.side)
		if open == at {
			l.cursor = c
			return at
		}
		from = open
	}
}

func (l *Link) rateAt(t time.Duration) float64 {
	if l.sigma == 0 {
		return l.median
	}
	return l.median * math.Exp(l.sigma*l.rate.at(t))
}

func (l *Link) lost(t time.Duration, key Key) bool {
	p := l.ge.LossGood
	if l.chain.isBad(t) {
		p = l.ge.LossBad
	}
	return p > 0 && (p >= 1 || key.Uniform() < p)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
