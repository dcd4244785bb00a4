package netem

import (
	"context"
	"io"
	"sync"
	"syscall"
	"time"
)

// Conn is the device's end of a connection: a law, the real bytes that it
// moves, and the far end to which they go. It is a net.Conn with the errors,
// deadlines and half-close of one.
//
// The law reckons in the run's time, not in the time at which goroutines got
// to run. Reads say when their bytes were due (EventTime), writes may say when
// they count (WriteAt), and a plain Write counts as much earlier as the last
// delivery to this end was late.
type Conn struct {
	net  *Network
	addr string // of the real server
	port int    // that the device asked for

	path   *Path
	mu     *sync.Mutex        // the path's: a device's connections share its links
	stop   context.CancelFunc // of the far dial; nil while there is none
	law    *Law
	armed  time.Duration
	device sync.Cond // the device's end waits: open, bytes, room, end
	server sync.Cond // the far reader waits: room

	up, down  byteQueue
	marks     []mark        // when the bytes in down were due
	taken     int64         // bytes of down read so far
	eventTime time.Duration // law time of what Read or Dial said last
	writable  time.Duration // law time of the last Writable
	lag       time.Duration // how late the last delivery to the device was
	opened    bool
	ended     error // EOF or the error behind the bytes, nil: none
	endedAt   time.Duration
	err       error // the device's own end is closed or failed
	deadlines [2]deadline

	far       farEnd
	farLag    time.Duration // how late the last delivery to the server was
	farEOF    bool          // the device's FIN is there
	waiting   bool          // a goroutine waits for the far end to be writable
	farRTT    time.Duration
	farErr    error         // of the real dial, where the device heard nothing
	unmade    time.Duration // lateness that no law time could take back
	unblocked time.Duration // since when the far reader could have read
}

// mark says that the bytes before upto were due at at.
type mark struct {
	upto int64
	at   time.Duration
}

func newConn(n *Network, r Route) *Conn {
	c := &Conn{net: n, addr: r.Addr, port: r.port(), law: NewLaw(r.Path, r.Device, r.Server, r.Key), armed: never}
	c.path, c.mu = r.Path, &r.Path.mu
	if r.ipv6() {
		c.law.IPv6()
	}
	c.device.L, c.server.L = c.mu, c.mu
	return c
}

// Fire implements Handler.
func (c *Conn) Fire(due time.Duration, _ uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if due >= c.armed {
		c.armed = never
	}
	c.process()
}

// process lets the law do what is due, carries out what follows, and asks to
// be called again.
func (c *Conn) process() {
	for now := c.net.Now(); ; {
		notes := c.law.Step(now)
		if len(notes) == 0 {
			break
		}
		for _, n := range notes {
			c.take(n, now)
		}
	}
	if due, ok := c.law.Due(); ok && due < c.armed {
		c.armed = due
		c.net.At(due, c, 0)
	}
}

func (c *Conn) take(n Note, now time.Duration) {
	switch {
	case n.Kind == Arrived && c.path.blocks(c.port):
		// Nobody is there: the SYN is repeated until the device gives up.
	case n.Kind == Arrived:
		ctx, stop := context.WithCancel(c.net.ctx)
		c.stop = stop
		c.net.crew.Go(func() { c.dialFar(ctx, n.At) })
	case n.Kind == Closed:
		c.close()
	case n.Side == DeviceSide:
		c.takeDevice(n, now)
	default:
		c.takeServer(n, now)
	}
}

func (c *Conn) takeDevice(n Note, now time.Duration) {
	c.lag = now - n.At
	switch n.Kind {
	case Opened:
		c.opened, c.eventTime = true, n.At
	case Readable:
		c.marks = append(c.marks, mark{n.Upto, n.At})
	case Writable:
		c.writable = n.At
	case EOF:
		c.end(io.EOF, n.At)
	case Reset:
		c.end(syscall.ECONNRESET, n.At)
	case Refused:
		c.end(syscall.ECONNREFUSED, n.At)
	case GaveUp:
		c.end(syscall.ETIMEDOUT, n.At)
	}
	c.device.Broadcast()
}

// end notes what stands behind the bytes that came.
func (c *Conn) end(err error, at time.Duration) {
	if c.ended == nil || c.ended == io.EOF {
		c.ended, c.endedAt = err, at
	}
	if !c.opened && c.err == nil {
		c.err, c.eventTime = err, at
	}
}

func (c *Conn) takeServer(n Note, now time.Duration) {
	switch n.Kind {
	case Opened, Writable:
		c.unblocked = now
		c.server.Broadcast()
	case Readable:
		c.farLag = now - n.At
		c.pumpUp(n.At)
	case EOF:
		c.farEOF = true
		c.pumpUp(n.At)
	case Reset, GaveUp:
		if c.far != nil {
			c.far.abort()
		}
		c.server.Broadcast()
	}
}

// stopDial ends the far dial, if there is one.
func (c *Conn) stopDial() {
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

// close lets go of the far end: the law is done.
func (c *Conn) close() {
	c.law.Kill()
	c.stopDial()
	if c.far != nil {
		_ = c.far.close()
	}
	c.up.drop()
	c.net.forget(c)
	c.server.Broadcast()
	c.device.Broadcast()
}

// kill ends everything at once, without a packet.
func (c *Conn) kill(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err, c.eventTime = err, c.net.Now()
	}
	c.law.Kill()
	c.stopDial()
	if c.far != nil {
		c.far.abort()
	}
	c.server.Broadcast()
	c.device.Broadcast()
}

// fail ends the device's end from outside.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err, c.eventTime = err, c.net.Now()
	}
	c.device.Broadcast()
}

// Await waits until the device has the SYN-ACK. It returns an error as net
// gives it: refused, timed out, closed, or ctx's; EventTime says when it came.
func (c *Conn) Await(ctx context.Context) error {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.fail(context.Cause(ctx)) })
		defer stop()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.opened && c.err == nil {
		c.device.Wait()
	}
	if c.err == nil {
		return nil
	}
	err := c.opError("dial", c.err)
	c.law.Abort(c.net.Now(), DeviceSide)
	c.process()
	return err
}

// WritableTime is the law time at which the send buffer last had room again.
func (c *Conn) WritableTime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writable
}

// EventTime is the law time of what the last Read, Dial or error said.
func (c *Conn) EventTime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.eventTime
}

// Phase names the draws of what is sent from now on.
func (c *Conn) Phase(p uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.law.Phase(p)
}

// Traffic is the traffic at IP level so far, how long the real dial behind
// the model took, and how much lateness of ours no law time took back.
func (c *Conn) Traffic() (counts Counts, farRTT, unmade time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.law.Counts(), c.farRTT, c.unmade
}

// NATExpired reports whether the carrier's address translation has forgotten
// the connection.
func (c *Conn) NATExpired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.law.NATExpired()
}

// FarError is why the real dial behind the model failed where the device only
// heard silence.
func (c *Conn) FarError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.farErr
}
