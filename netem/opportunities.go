package netem

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// opportunityBytes is what one delivery opportunity carries: mahimahi's
// PACKET_SIZE (ravinet/mahimahi src/frontend/link_queue.hh).
const opportunityBytes = 1500

// Opportunities is a recorded rate: the times at which 1500 bytes could be
// delivered, as Mahimahi's trace files have them, repeated with the period of
// the last one.
type Opportunities struct {
	times []time.Duration
}

// NewOpportunities takes the times of a recording, in order, from its start
// on.
func NewOpportunities(times []time.Duration) (*Opportunities, error) {
	if len(times) == 0 {
		return nil, errors.New("no delivery opportunity")
	}
	before := time.Duration(0)
	for i, t := range times {
		if t < before {
			return nil, fmt.Errorf("delivery opportunity %d is at %v, before the last one at %v", i+1, t, before)
		}
		before = t
	}
	if before == 0 {
		return nil, errors.New("every delivery opportunity is at 0: a recording must take time to be repeated")
	}
	return &Opportunities{slices.Clone(times)}, nil
}

// opportunityCursor is how far a link has used its opportunities up.
type opportunityCursor struct {
	next int64         // first opportunity that nothing has used, counted over the repeats
	at   time.Duration // the last one used
	left int           // bytes left in it
}

// deliver is when the last byte of a packet is delivered that waits since
// from, behind those that c has seen. It does what mahimahi's link emulator
// does (LinkQueue::rationalize in src/frontend/link_queue.cc): an opportunity
// passes whether or not it is used, it serves only what waited before it, the
// bytes of a packet may span several, and what a packet leaves of one serves
// the next that waits.
func (o *Opportunities) deliver(from time.Duration, size int, c *opportunityCursor) time.Duration {
	if from >= c.at {
		c.left = 0 // it had passed when the packet came
	}
	if size > c.left {
		size -= c.left
		more := (size + opportunityBytes - 1) / opportunityBytes
		c.next = max(c.next, o.after(from)) + int64(more)
		c.at = o.time(c.next - 1)
		c.left = more * opportunityBytes
	}
	c.left -= size
	return c.at
}

// after is the first opportunity later than t, counted over the repeats.
func (o *Opportunities) after(t time.Duration) int64 {
	period := o.times[len(o.times)-1]
	within := t % period
	i := sort.Search(len(o.times), func(i int) bool { return o.times[i] > within })
	return int64(t/period)*int64(len(o.times)) + int64(i)
}

// time is that of the i-th opportunity, counted over the repeats.
func (o *Opportunities) time(i int64) time.Duration {
	n := int64(len(o.times))
	return time.Duration(i/n)*o.times[n-1] + o.times[i%n]
}
