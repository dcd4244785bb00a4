package device

import (
	"context"
	"time"

	"xzfleet/netem"
)

// lawStream is the connection in law time. While TLS shakes hands over it, an
// answer counts from when what it answers was due, plus the modelled compute;
// real time in between is ours. Afterwards it is the plaintext: the reader
// learns when its bytes were due, the writer says when its own count.
type lawStream struct {
	*netem.Conn
	net    *netem.Network
	tls    *tlsConn
	onRead func(at time.Duration) // not nil while shaking hands

	readAt  time.Duration // due time of the last bytes read; the reader's
	writeAt time.Duration // law time of the next write; the writer's
	plain   int           // plaintext bytes read; the reader's
}

// below is the connection under TLS.
type below struct {
	*netem.Conn
	s *lawStream
}

func (b below) Read(p []byte) (int, error) {
	s := b.s
	n, err := s.Conn.Read(p)
	s.readAt = s.EventTime()
	if s.onRead != nil {
		s.writeAt = max(s.writeAt, s.readAt)
		s.onRead(s.readAt)
	}
	return n, err
}

func (b below) Write(p []byte) (int, error) {
	return b.s.WriteAt(b.s.writeAt, p)
}

// Read reads plaintext.
func (s *lawStream) Read(p []byte) (int, error) {
	if s.tls == nil {
		n, err := below{s.Conn, s}.Read(p)
		s.plain += n
		return n, err
	}
	n, err := s.tls.Read(p)
	s.plain += n
	return n, err
}

// Write writes plaintext, one TLS record a call.
func (s *lawStream) Write(p []byte) (int, error) {
	if s.tls == nil {
		return below{s.Conn, s}.Write(p)
	}
	return s.tls.Write(p)
}

// setWrite says when the next write counts.
func (s *lawStream) setWrite(at time.Duration) { s.writeAt = at }

// written is when the transport had taken the last write.
func (s *lawStream) written() time.Duration { return max(s.writeAt, s.WritableTime()) }

// charge is modelled compute between what was read and the answer.
func (s *lawStream) charge(ctx context.Context, d time.Duration) {
	s.writeAt += d
	_ = s.net.Sleep(ctx, s.writeAt)
}
