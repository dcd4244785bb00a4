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
// may block, so it is written and read without waiting.
type socket struct {
	conn *net.TCPConn
	raw  syscall.RawConn
}

func dialSocket(ctx context.Context, addr string) (farEnd, error) {
	d := net.Dialer{KeepAlive: -1}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	tcp := c.(*net.TCPConn)
	raw, err := tcp.SyscallConn()
	err = errors.Join(err, tcp.SetReadBuffer(socketBuffer), tcp.SetWriteBuffer(socketBuffer))
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	return &socket{tcp, raw}, nil
}

// once runs one system call on the descriptor without waiting.
func once(on func(func(uintptr) bool) error, call func(fd int) (int, error)) (int, error) {
	var n int
	var err error
	outer := on(func(fd uintptr) bool {
		for {
			n, err = call(int(fd))
			if err != unix.EINTR {
				return true
			}
		}
	})
	switch {
	case outer != nil:
		return 0, outer
	case err == unix.EAGAIN:
		return 0, errWouldBlock
	case err != nil:
		return 0, err
	}
	return n, nil
}

func (s *socket) tryWrite(p []byte) (int, error) {
	return once(s.raw.Write, func(fd int) (int, error) { return unix.Write(fd, p) })
}

func (s *socket) tryRead(p []byte) (int, error) {
	n, err := once(s.raw.Read, func(fd int) (int, error) { return unix.Read(fd, p) })
	if n == 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return n, err
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

func (s *socket) awaitReadable() error {
	return s.raw.Read(func(fd uintptr) bool { return ready(fd, unix.POLLIN) })
}

func (s *socket) readLag() time.Duration {
	var lag time.Duration
	_ = s.raw.Control(func(fd uintptr) { lag = dataAge(int(fd)) })
	return lag
}

func (s *socket) closeWrite() error { return s.conn.CloseWrite() }

func (s *socket) abort() {
	_ = s.conn.SetLinger(0)
	_ = s.conn.Close()
}

func (s *socket) close() error { return s.conn.Close() }
