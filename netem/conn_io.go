package netem

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Read implements net.Conn. The bytes of one call were all due at the same
// time, EventTime.
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case errors.Is(c.err, net.ErrClosed):
			return 0, c.opError("read", c.err)
		case len(c.marks) > 0:
			return c.takeBytes(p), nil
		case c.ended != nil:
			c.eventTime = c.endedAt
			if c.ended == io.EOF {
				return 0, io.EOF
			}
			return 0, c.opError("read", c.ended)
		case c.err != nil:
			return 0, c.opError("read", c.err)
		case c.deadlines[0].passed():
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		}
		c.device.Wait()
	}
}

func (c *Conn) takeBytes(p []byte) int {
	m := c.marks[0]
	n := c.down.read(p[:min(int64(len(p)), m.upto-c.taken)])
	c.taken += int64(n)
	if c.taken >= m.upto {
		c.marks = append(c.marks[:0], c.marks[1:]...)
	}
	c.eventTime = m.at
	c.law.Read(max(m.at, c.net.Now()-c.lag), DeviceSide, n)
	c.process()
	return n
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	at := c.net.Now() - c.lag
	c.mu.Unlock()
	return c.WriteAt(at, p)
}

// WriteAt writes p as if at the run's time at. It returns when the modelled
// send buffer has taken all of it.
func (c *Conn) WriteAt(at time.Duration, p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := 0
	for {
		switch {
		case c.err != nil:
			return done, c.opError("write", c.err)
		case c.ended != nil && c.ended != io.EOF:
			return done, c.opError("write", c.ended)
		case c.deadlines[1].passed():
			return done, c.opError("write", os.ErrDeadlineExceeded)
		}
		if done == len(p) {
			return done, nil
		}
		if c.law.Room(DeviceSide) == 0 {
			c.device.Wait()
			continue
		}
		n := c.law.Write(max(at, c.writable), DeviceSide, len(p)-done)
		c.up.write(p[done : done+n])
		done += n
		c.process()
	}
}

// CloseWrite sends a FIN behind what was written.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.opError("close", c.err)
	}
	c.law.CloseWrite(c.net.Now()-c.lag, DeviceSide)
	c.process()
	return nil
}

// Close implements net.Conn.
func (c *Conn) Close() error { return c.CloseAt(c.net.Now()) }

// CloseAt closes as if at the run's time at. What was written still goes its
// way, without a goroutine of the device's.
func (c *Conn) CloseAt(at time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(c.err, net.ErrClosed) {
		return c.opError("close", net.ErrClosed)
	}
	c.err = net.ErrClosed
	c.law.Close(at, DeviceSide)
	c.process()
	c.down.drop()
	c.marks = nil
	c.deadlines[0].stop()
	c.deadlines[1].stop()
	c.device.Broadcast()
	return nil
}
