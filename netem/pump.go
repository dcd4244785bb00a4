package netem

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"
)

// dialFar makes the real connection once the modelled SYN is at the server.
// The answer leaves when the real one is there, less how late the SYN was.
func (c *Conn) dialFar(ctx context.Context, arrived time.Duration) {
	began := c.net.Now()
	far, err := c.net.dialFar(ctx, c.addr)
	c.mu.Lock()
	c.stopDial()
	now := c.net.Now()
	at := max(now-(began-arrived), arrived)
	c.farRTT = now - began
	switch {
	case err == nil && c.serverDone():
		far.abort()
		c.mu.Unlock()
		return
	case err == nil:
		c.far = c.path.guard(far)
		c.law.Accept(at)
	case errors.Is(err, syscall.ECONNREFUSED):
		c.law.Refuse(at)
	case ours(err):
		c.err, c.eventTime = err, at
		c.device.Broadcast()
	default:
		c.farErr = err // silence to the device
	}
	c.process()
	c.mu.Unlock()
	if err == nil {
		// A stack as small as it needs: this one lasts.
		c.net.pumps.Go(c.pumpDown)
	}
}

// ours reports whether an error of the real dial is a limit of this machine:
// files, ports, memory, no route at all. Anything else looks like silence to a device, which
// repeats its SYN until it gives up.
func ours(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENETUNREACH} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// EmulatorLimit reports whether err is a limit of the machine that emulates.
func EmulatorLimit(err error) bool { return ours(err) }

// pumpUp hands the bytes that have arrived to the far end, as far as it takes
// them; the rest keeps the window closed.
func (c *Conn) pumpUp(at time.Duration) {
	if c.far == nil || c.waiting || c.law.Done() {
		return
	}
	for n := c.law.Readable(ServerSide); n > 0; n = c.law.Readable(ServerSide) {
		took, err := c.far.tryWrite(c.up.peek(n))
		if errors.Is(err, errWouldBlock) {
			c.waiting = true
			c.net.crew.Go(c.awaitFar)
			return
		}
		if err != nil {
			c.law.Abort(at, ServerSide)
			c.far.abort()
			return
		}
		c.up.skip(took)
		c.law.Read(at, ServerSide, took)
	}
	if c.farEOF {
		c.farEOF = false
		_ = c.far.closeWrite()
	}
}

// awaitFar goes on when the far end is writable again.
func (c *Conn) awaitFar() {
	err := c.far.awaitWritable()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	if err == nil {
		c.farLag = 0
		c.pumpUp(c.net.Now())
		c.process()
	}
}

const bufferSize = 4096

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// pumpDown carries what the server sends into the law until either is done.
func (c *Conn) pumpDown() {
	for {
		_ = c.far.awaitReadable()
		c.mu.Lock()
		over := c.readFar()
		c.process()
		c.mu.Unlock()
		if over {
			return
		}
	}
}

// readFar moves what is there, as far as the server's send buffer takes it,
// and reports whether nothing more will come.
func (c *Conn) readFar() bool {
	for c.law.Room(ServerSide) == 0 && !c.serverDone() {
		c.server.Wait()
	}
	if c.serverDone() {
		return true
	}
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	n, err := c.far.tryRead(buf[:min(len(buf), c.law.Room(ServerSide))])
	now := c.net.Now()
	at := now - c.farLag
	switch {
	case errors.Is(err, errWouldBlock):
		return false
	case err == io.EOF:
		c.law.CloseWrite(at, ServerSide)
		return true
	case err != nil:
		c.law.Abort(at, ServerSide)
		return true
	}
	// What lay in the kernel while we could have read it is ours.
	c.unmade += min(c.far.readLag(), now-c.unblocked)
	c.down.write(buf[:n])
	c.law.Write(at, ServerSide, n)
	return false
}

// serverDone reports whether the law takes nothing more from the server.
func (c *Conn) serverDone() bool { return c.law.Done() || c.law.ends[ServerSide].state == gone }
