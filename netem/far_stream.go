package netem

import (
	"context"
	"io"
	"net"
	"sync"
)

// streamEnd makes any connection a far end: a goroutine writes and another
// reads, each through a bounded stream. It is what systems without a portable
// write that does not wait have for sockets.
type streamEnd struct {
	pipeEnd
	conn net.Conn
	wg   sync.WaitGroup
}

func newStreamEnd(c net.Conn) *streamEnd {
	s := &streamEnd{pipeEnd: pipeEnd{newStream(), newStream()}, conn: c}
	s.wg.Go(s.send)
	s.wg.Go(s.receive)
	return s
}

// NewNetworkOver makes a network whose far ends are the connections that dial
// makes, which may be another network's.
func NewNetworkOver(dial func(ctx context.Context, addr string) (net.Conn, error)) *Network {
	return newNetwork(func(ctx context.Context, addr string) (farEnd, error) {
		c, err := dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		return newStreamEnd(c), nil
	})
}

func (s *streamEnd) send() {
	buf := make([]byte, bufferSize)
	for {
		n, err := s.out.read(buf, true)
		if err == io.EOF {
			if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
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

func (s *streamEnd) receive() {
	buf := make([]byte, bufferSize)
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

// abort resets the connection where it can be reset.
func (s *streamEnd) abort() {
	if tcp, ok := s.conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = s.conn.Close()
	s.pipeEnd.abort()
}

// close lets go: what was written is still on its way where the connection
// keeps it.
func (s *streamEnd) close() error {
	err := s.conn.Close()
	_ = s.pipeEnd.close()
	return err
}
