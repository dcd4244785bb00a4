package netem

import (
	"math"
	"sync"
	"time"
)

// Cell is what devices of one radio cell share: its outages, stalls and
// cross traffic, which are time lines of its key, and the promotions under
// way, the one thing there that traffic moves.
type Cell struct {
	key Key

	mu        sync.Mutex
	promoting []pulse
}

// NewCell makes the cell that key names.
func NewCell(key Key) *Cell { return &Cell{key: key} }

// crowd is how many promotions are under way at now.
func (c *Cell) crowd(now time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, kept := 0, c.promoting[:0]
	for _, p := range c.promoting {
		// A device's law time may be a little behind another's.
		if p.to+crowdSlack > now {
			kept = append(kept, p)
		}
		if p.from <= now && now < p.to {
			n++
		}
	}
	c.promoting = kept
	return n
}

const crowdSlack = time.Second

func (c *Cell) promote(from, to time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.promoting = append(c.promoting, pulse{from, to})
}

// What a crowd of n others does to a promotion: its median grows by a tenth
// for each, its probability to fail by a fifth (assumed: no public figures;
// random access has 54 preambles an opportunity, 3GPP TS 36.211).
const crowdMedian, crowdFail = 10.0, 5.0

// crossTraffic is the queue of others in front of a packet: the waiting time
// of an M/M/1 queue at this load, as a time line of the cell. 0 with
// probability 1 − load, else exponential with the mean of a busy server.
type crossTraffic struct {
	noise   noise
	load    float64
	service float64 // s, of one packet of 1500 bytes
	rate    float64 // bit/s
}

func newCrossTraffic(key Key, load, rate float64) crossTraffic {
	if load <= 0 || rate <= 0 {
		return crossTraffic{}
	}
	service := 1500 * 8 / rate
	// An M/M/1 queue forgets within service / (1 − √load)² (relaxation time;
	// Morse 1955).
	relax := service / math.Pow(1-math.Sqrt(load), 2)
	return crossTraffic{noise{key, max(seconds(relax), time.Millisecond)}, load, service, rate}
}

// wait is how long the queue of others takes to empty at t.
func (c crossTraffic) wait(t time.Duration) time.Duration {
	if c.load == 0 {
		return 0
	}
	busy := 0.5 * math.Erfc(c.noise.at(t)/math.Sqrt2) / c.load // 1 − Φ, of the busy share
	if busy >= 1 {
		return 0
	}
	return seconds(-math.Log(busy) * c.service / (1 - c.load))
}

// bytes is what they hold of the queue.
func (c crossTraffic) bytes(wait time.Duration) int { return int(wait.Seconds() * c.rate / 8) }
