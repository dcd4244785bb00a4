package netem

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipeBuffer bounds what a pipe holds in each direction, as the kernel's
// buffers do for a real far end.
const pipeBuffer = 64 << 10

// Listener is a server's end in memory, for servers that run in one process
// with the path and for testing/synctest.
type Listener struct {
	mu     sync.Mutex
	accept chan net.Conn
	done   chan struct{}
	closed bool
}

// Listen makes a Listener.
func Listen() *Listener {
	return &Listener{accept: make(chan net.Conn, 1024), done: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.done)
	}
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return pipeAddr{} }

func (l *Listener) dial(ctx context.Context) (farEnd, error) {
	select {
	case <-l.done:
		return nil, syscall.ECONNREFUSED
	default:
	}
	up, down := newStream(), newStream()
	near, far := &pipeEnd{in: down, out: up}, &pipeConn{pipeEnd{in: up, out: down}}
	select {
	case l.accept <- far:
		return near, nil
	case <-l.done:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// stream is one direction of a pipe.
type stream struct {
	mu       sync.Mutex
	cond     sync.Cond
	buf      byteQueue
	eof      bool // the writer is done
	err      error
	deadline [2]deadline // of the reader, of the writer
}

func newStream() *stream {
	s := &stream{}
	s.cond.L = &s.mu
	return s
}

// read takes what is there; with wait, it waits for something.
func (s *stream) read(p []byte, wait bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.err != nil:
			return 0, s.err
		case s.buf.len() > 0:
			n := s.buf.read(p)
			s.cond.Broadcast()
			return n, nil
		case s.eof:
			return 0, io.EOF
		case !wait:
			return 0, errWouldBlock
		case s.deadline[0].passed():
			return 0, os.ErrDeadlineExceeded
		}
		s.cond.Wait()
	}
}

func (s *stream) awaitBytes() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && !s.eof && s.buf.len() == 0 {
		s.cond.Wait()
	}
	return nil
}

// write puts in what fits; with wait, it waits for room for all of it.
func (s *stream) write(p []byte, wait bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := 0
	for {
		if s.err != nil {
			return done, s.err
		}
		if s.eof {
			return done, syscall.EPIPE
		}
		n := min(len(p)-done, pipeBuffer-s.buf.len())
		s.buf.write(p[done : done+n])
		done += n
		s.cond.Broadcast()
		switch {
		case done == len(p) || !wait && done > 0:
			return done, nil
		case !wait:
			return 0, errWouldBlock
		case s.deadline[1].passed():
			return done, os.ErrDeadlineExceeded
		}
		s.cond.Wait()
	}
}

func (s *stream) awaitRoom() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && !s.eof && s.buf.len() >= pipeBuffer {
		s.cond.Wait()
	}
	return s.err
}

func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eof = true
	if s.err == nil {
		s.err = err
	}
	s.cond.Broadcast()
}

// pipeEnd is one end of a pipe as a far end.
type pipeEnd struct{ in, out *stream }

func (e *pipeEnd) tryWrite(p []byte) (int, error) { return e.out.write(p, false) }
func (e *pipeEnd) awaitWritable() error           { return e.out.awaitRoom() }
func (e *pipeEnd) tryRead(p []byte) (int, error)  { return e.in.read(p, false) }
func (e *pipeEnd) awaitReadable() error           { return e.in.awaitBytes() }
func (e *pipeEnd) readLag() time.Duration         { return 0 }
func (e *pipeEnd) closeWrite() error              { e.out.end(nil); return nil }
func (e *pipeEnd) abort()                         { e.out.end(syscall.ECONNRESET); e.in.end(syscall.ECONNRESET) }

// close is close(2): bytes unread, or written by the peer later, mean a reset.
func (e *pipeEnd) close() error {
	e.out.end(nil)
	e.in.end(syscall.ECONNRESET)
	return nil
}

// pipeConn is the server's end as a net.Conn.
type pipeConn struct{ pipeEnd }

func (c *pipeConn) Read(p []byte) (int, error) {
	n, err := c.in.read(p, true)
	return n, pipeError("read", err)
}

func (c *pipeConn) Write(p []byte) (int, error) {
	n, err := c.out.write(p, true)
	return n, pipeError("write", err)
}

func pipeError(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "pipe", Addr: pipeAddr{}, Err: err}
}

func (c *pipeConn) Close() error                       { return c.close() }
func (c *pipeConn) CloseWrite() error                  { return c.closeWrite() }
func (c *pipeConn) LocalAddr() net.Addr                { return pipeAddr{} }
func (c *pipeConn) RemoteAddr() net.Addr               { return pipeAddr{} }
func (c *pipeConn) SetReadDeadline(t time.Time) error  { return c.in.setDeadline(0, t) }
func (c *pipeConn) SetWriteDeadline(t time.Time) error { return c.out.setDeadline(1, t) }
func (c *pipeConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (s *stream) setDeadline(i int, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline[i].set(t, &s.cond)
	return nil
}
