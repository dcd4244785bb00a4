package netem

import (
	"math"
	"sync"
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
// it carries nothing. Order is kept: LTE delivers in sequence.
type Link struct {
	delay  time.Duration // floor of one direction
	jitter noise
	sd     time.Duration
	ge     GE
	chain  chain
	rate   noise
	median float64 // bit/s, 0 = unlimited
	sigma  float64
	limit  int // bytes in the queue, 0 = unlimited

	last    time.Duration // latest send, so that time never runs backwards
	free    time.Duration // when the last packet has left the queue
	arrival time.Duration // of the last packet delivered
	queue   []departure
	queued  int
}

type departure struct {
	at   time.Duration
	size int
}

// newLink builds one direction. delay is its share of the round-trip floor.
func newLink(key Key, p Profile, delay time.Duration, rateKbps float64, limit int) *Link {
	grid := time.Duration(p.Rate.CorrS * float64(time.Second))
	if grid <= 0 {
		grid = time.Second
	}
	return &Link{
		delay:  delay,
		jitter: noise{key.Of(drawJitter), jitterGrid},
		sd:     ms(p.JitterSD),
		ge:     p.GE,
		chain:  newChain(key.Of(drawChain), p.GE),
		rate:   noise{key.Of(drawRate), grid},
		median: rateKbps * 1000,
		sigma:  p.Rate.Sigma,
		limit:  limit,
	}
}

// Send offers a packet of size bytes at now and returns when its last bit
// arrives. key names the draw that belongs to this packet alone.
func (l *Link) Send(now time.Duration, size int, key Key) (time.Duration, Fate) {
	now = max(now, l.last)
	l.last = now
	l.depart(now)
	if l.limit > 0 && l.queued+size > l.limit {
		return 0, Dropped
	}
	sent := l.transmit(now, size)
	if l.lost(sent, key) {
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
// keeps the sum within 0.5 % of the rate's integral.
func (l *Link) transmit(now time.Duration, size int) time.Duration {
	if l.median <= 0 {
		return now
	}
	start := max(now, l.free)
	bits := float64(size * 8)
	first := bits / l.rateAt(start)
	took := bits / l.rateAt(start+seconds(first/2))
	l.free = start + seconds(took)
	l.queue = append(l.queue, departure{l.free, size})
	l.queued += size
	return l.free
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

// Path is the two links of one device, and the key of its draws.
type Path struct {
	Up, Down *Link
	key      Key
	rtt      time.Duration
	mu       sync.Mutex // of whoever turns the links live
}

// NewPath draws the path of the device that key names.
func NewPath(p Profile, key Key) *Path {
	floor := p.RTTFloor.Min + key.Of(drawFloor).LogNormal(p.RTTFloor.Median, p.RTTFloor.Sigma)
	share := p.UpShare
	if share == 0 {
		share = 0.5
	}
	rtt := ms(floor)
	up := time.Duration(float64(rtt) * share)
	return &Path{
		Up:   newLink(key.Of(drawUplink), p, up, p.Rate.Up, p.QueueBytes.Up),
		Down: newLink(key.Of(drawDownlink), p, rtt-up, p.Rate.Down, p.QueueBytes.Down),
		key:  key,
		rtt:  rtt,
	}
}

// RTT is the round-trip floor of this device.
func (p *Path) RTT() time.Duration { return p.rtt }
