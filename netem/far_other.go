//go:build !unix

package netem

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// socketBuffer bounds what waits in either direction.
const socketBuffer = 64 << 10

// socket is a kernel socket to a real server on systems without a portable
// write that does not wait: a goroutine writes and another reads, each through
// a bounded stream.
type socket struct {
	pipeEnd
	conn *net.TCPConn
	wg   sync.WaitGroup
}

func dialSocket(ctx context.Context, addr string) (farEnd, error) {
	d := net.Dialer{KeepAlive: -1}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &socket{pipeEnd{newStream(), newStream()}, c.(*net.TCPConn), sync.WaitGroup{}}
	s.wg.Go(s.send)
	s.wg.Go(s.receive)
	return s, nil
}

func (s *socket) send() {
	buf := make([]byte, 4096)
	for {
		n, err := s.out.read(buf, true)
		if err == io.EOF {
			_ = s.conn.CloseWrite()
			return
		}
		if err == nil {
			_, err = s.conn.Write(buf[:n])
		}
		if err != nil {
			s.out.end(err)
			return
		}
	}
}

func (s *socket) receive() {
	buf := make([]byte, 4096)
	for {
		n, err := s.conn.Read(buf)
		if n > 0 {
			if _, werr := s.in.write(buf[:n], true); werr != nil {
				return
			}
		}
		if err == io.EOF {
			s.in.end(nil)
			return
		}
		if err != nil {
			s.in.end(err)
			return
		}
	}
}

func (s *socket) readLag() time.Duration { return 0 }

func (s *socket) abort() {
	_ = s.conn.SetLinger(0)
	_ = s.close()
}

func (s *socket) close() error {
	err := s.conn.Close()
	_ = s.pipeEnd.close()
	s.wg.Wait()
	return err
}
