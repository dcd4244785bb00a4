package voice

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a connection of a client from accept to close. Until it carries a
// session it counts as opening.
type conn struct {
	net.Conn // what HTTP and WebSocket run over; set once TLS is through
	raw      net.Conn
	server   *Server
	served   atomic.Bool // a request was read
	session  atomic.Bool // it is an audio channel
	settled  sync.Once   // it no longer counts as opening
	closed   sync.Once
}

type connKey struct{}

func connOf(r *http.Request) *conn { return r.Context().Value(connKey{}).(*conn) }

// writeBuffer bounds what the kernel holds for a client that does not read.
const writeBuffer = 64 << 10

// acceptPause is the wait after a failed accept, as when files run out.
const acceptPause = 50 * time.Millisecond

// accept starts a handshake for every connection until the listener is
// closed by Serve.
func (s *Server) accept(ln net.Listener, opened chan<- net.Conn) {
	for {
		raw, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Error("accept", "error", err)
			select {
			case <-s.stop:
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		s.count.accepted.Add(1)
		if s.opening.Add(1) > int64(s.cfg.Limits.Sessions) {
			s.opening.Add(-1)
			_ = raw.Close()
			s.ended(s.log.With("remote", raw.RemoteAddr()), OpeningFull, nil)
			continue
		}
		if tcp, ok := raw.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(writeBuffer)
		}
		c := &conn{raw: raw, server: s}
		s.track(c)
		s.work.Go(func() { c.open(opened) })
	}
}

// open does the TLS handshake and hands the connection to HTTP.
func (c *conn) open(opened chan<- net.Conn) {
	s := c.server
	c.Conn = c.raw
	if s.tls != nil {
		t := tls.Server(c.raw, s.tls)
		_ = c.raw.SetDeadline(time.Now().Add(openTimeout))
		if err := t.Handshake(); err != nil {
			c.fail(handshakeReason(err), err)
			return
		}
		_ = c.raw.SetDeadline(time.Time{})
		c.Conn = t
	}
	select {
	case opened <- c:
	case <-s.stop:
		_ = c.Close()
	}
}

func handshakeReason(err error) Reason {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return NotTLS
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return TLSTimeout
	}
	return TLSFailed
}

// fail ends a connection that never got to HTTP.
func (c *conn) fail(r Reason, err error) {
	c.closed.Do(func() {
		_ = c.raw.Close()
		c.settle()
		c.server.ended(c.server.log.With("remote", c.raw.RemoteAddr()), c.server.because(r), err)
		c.server.untrack(c)
	})
}

// Close is called by HTTP, or by the WebSocket of a session.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.closed.Do(func() {
		err = c.Conn.Close()
		c.settle()
		if !c.served.Load() {
			c.server.ended(c.server.log.With("remote", c.raw.RemoteAddr()), c.server.because(NoRequest), nil)
		}
		c.server.untrack(c)
	})
	return err
}

func (c *conn) settle() { c.settled.Do(func() { c.server.opening.Add(-1) }) }

// because is r, unless the server stops: then that is the reason.
func (s *Server) because(r Reason) Reason {
	select {
	case <-s.stop:
		return Shutdown
	default:
		return r
	}
}

func (s *Server) track(c *conn) {
	s.work.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *Server) untrack(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.work.Done()
}

// past is a deadline that interrupts.
var past = time.Unix(1, 0)

// interruptAll wakes every session up, to see that the server stops, and
// cuts connections that are not sessions.
func (s *Server) interruptAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.session.Load() {
			_ = c.raw.SetReadDeadline(past)
		} else {
			_ = c.raw.Close()
		}
	}
}

// openedListener hands connections that are through with TLS to HTTP.
type openedListener struct {
	addr  net.Addr
	conns chan net.Conn
	stop  <-chan struct{}
}

func (l *openedListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.stop:
		return nil, net.ErrClosed
	}
}

func (l *openedListener) Close() error   { return nil }
func (l *openedListener) Addr() net.Addr { return l.addr }
