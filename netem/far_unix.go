//go:build unix

package netem

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socketBuffer is asked for in both directions, so that a server that does
// not read closes the modelled window soon.
const socketBuffer = 64 << 10

// socket is a kernel socket to a real server. Nothing that runs on the queue
// may block, so it is written without waiting; a wait for something to read
// reads it, at most one buffer ahead of the model.
type socket struct {
	conn *net.TCPConn
	raw  syscall.RawConn

	// readSome and writeSome as functions, made once: a method value for each
	// call would be an allocation for each.
	reading, writing func(fd uintptr) bool

	buf   *[bufferSize]byte // holds ahead; the reader's, as what follows
	ahead []byte            // read and not yet taken
	end   error             // behind it
	empty time.Time         // when nothing more was there, last
	lag   time.Duration     // of what was read last

	out      []byte // to be written; the writer's, as what follows
	wrote    int
	writeErr error
}

func dialSocket(ctx context.Context, addr string) (farEnd, error) {
	tcp, err := dialTCP(ctx, addr)
	if err != nil {
		return nil, err
	}
	raw, err := tcp.SyscallConn()
	err = errors.Join(err, tcp.SetReadBuffer(socketBuffer), tcp.SetWriteBuffer(socketBuffer))
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	s := &socket{conn: tcp, raw: raw, empty: time.Now()}
	s.reading, s.writing = s.readSome, s.writeSome
	return s, nil
}

// dialTCP leaves the port to the kernel's connect. A bind (net.Dialer.DialTCP
// makes one) would take a port from all destinations at once.
func dialTCP(ctx context.Context, addr string) (*net.TCPConn, error) {
	d := net.Dialer{KeepAlive: -1}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

func (s *socket) tryWrite(p []byte) (int, error) {
	s.out, s.wrote, s.writeErr = p, 0, nil
	err := s.raw.Write(s.writing)
	s.out = nil
	switch {
	case err != nil:
		return 0, err
	case s.writeErr == unix.EAGAIN:
		return 0, errWouldBlock
	case s.writeErr != nil:
		return 0, s.writeErr
	}
	return s.wrote, nil
}

// writeSome is one system call that does not wait.
func (s *socket) writeSome(fd uintptr) bool {
	for {
		s.wrote, s.writeErr = unix.Write(int(fd), s.out)
		if s.writeErr != unix.EINTR {
			return true
		}
	}
}

func (s *socket) awaitReadable() error {
	if len(s.ahead) > 0 || s.end != nil {
		s.lag = 0 // it waited for the model
		return nil
	}
	if err := s.raw.Read(s.reading); err != nil {
		s.end = err
	}
	return nil
}

// readSome reads what is there and reports whether anything was.
func (s *socket) readSome(fd uintptr) bool {
	buf := buffers.Get().(*[bufferSize]byte)
	n, err := unix.Read(int(fd), buf[:])
	for err == unix.EINTR {
		n, err = unix.Read(int(fd), buf[:])
	}
	if n > 0 {
		s.buf, s.ahead = buf, buf[:n]
		s.lag = dataAge(int(fd), s.empty)
		if n < len(buf) {
			s.empty = time.Now()
		}
		return true
	}
	buffers.Put(buf)
	switch err {
	case unix.EAGAIN:
		s.empty = time.Now()
		return false
	case nil:
		err = io.EOF
	}
	s.end = err
	return true
}

func (s *socket) tryRead(p []byte) (int, error) {
	switch {
	case len(s.ahead) > 0:
	case s.end != nil:
		return 0, s.end
	default:
		return 0, errWouldBlock
	}
	n := copy(p, s.ahead)
	s.ahead = s.ahead[n:]
	if len(s.ahead) == 0 {
		buffers.Put(s.buf)
		s.buf, s.ahead = nil, nil
	}
	return n, nil
}

// ready asks for an event without waiting.
func ready(fd uintptr, events int16) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}

func (s *socket) awaitWritable() error {
	return s.raw.Write(func(fd uintptr) bool { return ready(fd, unix.POLLOUT) })
}

func (s *socket) readLag() time.Duration { return s.lag }

func (s *socket) closeWrite() error { return s.conn.CloseWrite() }

func (s *socket) abort() {
	_ = s.conn.SetLinger(0)
	_ = s.conn.Close()
}

func (s *socket) close() error { return s.conn.Close() }
