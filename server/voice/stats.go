package voice

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Reason says why the server let go of a connection.
type Reason string

const (
	NotTLS       Reason = "not_tls"       // the first bytes are no TLS record
	TLSTimeout   Reason = "tls_timeout"   // no finished handshake within 10 s
	TLSFailed    Reason = "tls_failed"    // refused by either side, or cut off
	OpeningFull  Reason = "opening_full"  // too many connections without a session
	NoRequest    Reason = "no_request"    // no HTTP request that could be read
	SessionsFull Reason = "sessions_full" // answered with 503
	BadUpgrade   Reason = "bad_upgrade"   // not a WebSocket request, or an unknown Protocol-Version
	NoHello      Reason = "no_hello"      // within 10 s of the upgrade
	BadHello     Reason = "bad_hello"     // the first message was something else
	TooLarge     Reason = "too_large"     // a message over 64 KiB
	BadMessage   Reason = "bad_message"   // a text frame that is no message
	BadFrame     Reason = "bad_frame"     // a binary frame that contradicts itself
	BadOpus      Reason = "bad_opus"      // not an Opus packet
	BadWebSocket Reason = "bad_websocket" // breaks RFC 6455
	SlowReader   Reason = "slow_reader"   // a write did not get through in 10 s
	Idle         Reason = "idle"
	PingTimeout  Reason = "ping_timeout"
	Shutdown     Reason = "shutdown"      // the server stops
	DeviceClosed Reason = "device_closed" // how a session should end
)

// Stats is what the server has done since it started.
type Stats struct {
	Accepted    int64 // TCP connections
	OTARequests int64 // answered
	Sessions    int64 // opened by a hello
	Active      int64 // of them, open now
	Utterances  int64
	FramesUp    int64            // Opus packets from devices
	FramesDown  int64            // Opus packets to devices
	Ended       map[Reason]int64 // connections by how they ended, well-behaved requests left out
}

// counters are the Stats while they grow.
type counters struct {
	accepted, otaRequests, sessions, active, utterances, framesUp, framesDown atomic.Int64

	mu    sync.Mutex
	ended map[Reason]int64
}

func (c *counters) end(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = make(map[Reason]int64)
	}
	c.ended[r]++
}

func (c *counters) snapshot() Stats {
	s := Stats{
		Accepted:    c.accepted.Load(),
		OTARequests: c.otaRequests.Load(),
		Sessions:    c.sessions.Load(),
		Active:      c.active.Load(),
		Utterances:  c.utterances.Load(),
		FramesUp:    c.framesUp.Load(),
		FramesDown:  c.framesDown.Load(),
		Ended:       make(map[Reason]int64),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for r, n := range c.ended {
		s.Ended[r] = n
	}
	return s
}

// ended counts the end of a connection and logs it: one line, a warning
// unless it ended as it should.
func (s *Server) ended(log *slog.Logger, r Reason, err error) {
	level := slog.LevelWarn
	if r == DeviceClosed || r == Shutdown {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{slog.String("reason", string(r))}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	log.LogAttrs(context.Background(), level, "connection ended", attrs...)
	s.count.end(r)
}
