package voice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"xzfleet/server/protocol"
)

const (
	helloTimeout = 10 * time.Second
	writeTimeout = 10 * time.Second
	maxMessage   = 64 << 10
	keptBuffer   = 4 << 10 // a read buffer above this is not kept
)

// session is one audio channel. Its goroutine reads and decides; a turn, or
// the pinger, is a second one while it lasts.
type session struct {
	server  *Server
	conn    *conn
	ws      *websocket.Conn
	log     *slog.Logger
	id      string
	version int // Protocol-Version

	buf       []byte
	mode      string
	utterance *utterance // nil while not listening
	loose     int        // packets outside an utterance since the last listen message
	turn      *turn      // the last one, perhaps over
	failed    atomic.Pointer[ending]
}

// ending is how a session ended.
type ending struct {
	reason Reason
	err    error
}

func (e *ending) Error() string { return fmt.Sprintf("%s: %v", e.reason, e.err) }
func (e *ending) Unwrap() error { return e.err }

func end(r Reason, err error) *ending { return &ending{r, err} }

// serveChannel upgrades a request to a session, which goes on in a goroutine
// of its own so that what HTTP kept for the request can go.
func (s *Server) serveChannel(w http.ResponseWriter, r *http.Request) {
	c := connOf(r)
	log := s.log.With("device", r.Header.Get("Device-Id"))
	version := 1
	if h := r.Header.Get("Protocol-Version"); h != "" {
		v, err := strconv.Atoi(h)
		if err != nil || v < 1 || v > 3 {
			http.Error(w, "Protocol-Version is not 1, 2 or 3", http.StatusBadRequest)
			s.ended(log, BadUpgrade, fmt.Errorf("%w %q", protocol.ErrVersion, h))
			return
		}
		version = v
	}
	if s.count.active.Add(1) > int64(s.cfg.Limits.Sessions) {
		s.count.active.Add(-1)
		w.Header().Set("Retry-After", "10")
		http.Error(w, "no session left", http.StatusServiceUnavailable)
		s.ended(log, SessionsFull, nil)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		s.count.active.Add(-1)
		s.ended(log, BadUpgrade, err)
		return
	}
	ws.SetReadLimit(maxMessage)
	c.session.Store(true)
	c.settle()
	id := newUUID()
	d := &session{server: s, conn: c, ws: ws, log: log.With("session", id), id: id, version: version}
	s.work.Go(d.run)
}

// newUUID is a random UUID (RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (d *session) run() {
	var pings sync.WaitGroup
	quit := make(chan struct{})
	if d.server.cfg.Voice.Ping > 0 {
		pings.Go(func() { d.ping(quit) })
	}
	e := d.converse()
	close(quit)
	d.hangUp(e.reason)
	d.stopTurn()
	pings.Wait()
	d.server.count.active.Add(-1)
	d.server.ended(d.log, e.reason, e.err)
}

// hangUp closes the connection, with a Close frame where one can get through.
func (d *session) hangUp(r Reason) {
	if d.turn != nil {
		d.turn.cancel()
	}
	code := websocket.StatusPolicyViolation
	switch r {
	case DeviceClosed, SlowReader, TooLarge, BadWebSocket: // over, stuck, or said by the WebSocket itself
		_ = d.ws.CloseNow()
		return
	case Shutdown:
		code = websocket.StatusGoingAway
	case Idle:
		code = websocket.StatusNormalClosure
	case PingTimeout:
		code = websocket.StatusInternalError // as Python's websockets does
	}
	// Devices do not answer a Close frame: it is sent and not waited for.
	_ = d.conn.SetReadDeadline(past)
	_ = d.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_ = d.ws.Close(code, string(r))
	_ = d.ws.CloseNow()
}

// converse carries the session from hello to its end.
func (d *session) converse() *ending {
	typ, msg, e := d.read(helloTimeout, NoHello)
	if e != nil {
		return e
	}
	if m, err := protocol.ParseMessage(msg); typ != websocket.MessageText || err != nil || m.Type != protocol.TypeHello {
		return end(BadHello, err)
	}
	if e := d.writeJSON(protocol.NewServerHello(d.id)); e != nil {
		return e
	}
	d.server.count.sessions.Add(1)
	for {
		typ, msg, e := d.read(d.server.cfg.Limits.Idle, Idle)
		if e == nil && typ == websocket.MessageText {
			e = d.text(msg)
		} else if e == nil {
			e = d.binary(msg)
		}
		if e != nil {
			return e
		}
	}
}

// read waits for the next message, at most for timeout unless that is 0. The
// message is good until the next read.
func (d *session) read(timeout time.Duration, late Reason) (websocket.MessageType, []byte, *ending) {
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	_ = d.conn.SetReadDeadline(deadline)
	// Who interrupts sets the flag first and the deadline after: either is seen.
	if e := d.interrupted(); e != nil {
		return 0, nil, e
	}
	typ, r, err := d.ws.Reader(context.Background())
	if err == nil {
		if cap(d.buf) > keptBuffer {
			d.buf = nil
		}
		d.buf, err = readInto(d.buf[:0], r)
	}
	if err != nil {
		return 0, nil, d.readEnding(err, late)
	}
	return typ, d.buf, nil
}

// readInto is io.ReadAll into a buffer that is there already.
func readInto(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, 512)...)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

func (d *session) interrupted() *ending {
	if e := d.failed.Load(); e != nil {
		return e
	}
	select {
	case <-d.server.stop:
		return end(Shutdown, nil)
	default:
		return nil
	}
}

// interrupt ends the session from another goroutine than its own.
func (d *session) interrupt(e *ending) {
	d.failed.CompareAndSwap(nil, e)
	_ = d.conn.SetReadDeadline(past)
}

func (d *session) readEnding(err error, late Reason) *ending {
	if e := d.interrupted(); e != nil {
		return e
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return end(late, nil)
	case errors.Is(err, websocket.ErrMessageTooBig):
		return end(TooLarge, err)
	case errors.Is(err, net.ErrClosed):
		// Only the WebSocket closes under a read: a Ping or Pong got stuck.
		return end(SlowReader, err)
	case websocket.CloseStatus(err) != -1, isClosed(err):
		return end(DeviceClosed, err)
	}
	return end(BadWebSocket, err)
}

// isClosed reports whether the connection below is gone.
func isClosed(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.ErrClosedPipe)
}

func (d *session) writeJSON(v any) *ending {
	b, err := protocol.JSON(v)
	if err != nil {
		return end(BadMessage, err)
	}
	return d.write(websocket.MessageText, b)
}

// write sends one message. Only one goroutine writes at a time: the
// session's, or its turn.
func (d *session) write(typ websocket.MessageType, p []byte) *ending {
	_ = d.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	err := d.ws.Write(context.Background(), typ, p)
	_ = d.conn.SetWriteDeadline(time.Time{}) // a Pong must not meet an old one
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
		return end(SlowReader, err)
	}
	return end(DeviceClosed, err)
}

// ping sends pings until quit; one that stays unanswered for an interval ends
// the session.
func (d *session) ping(quit <-chan struct{}) {
	every := d.server.cfg.Voice.Ping
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-quit:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), every)
		err := d.ws.Ping(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			d.interrupt(end(PingTimeout, err))
		}
		if err != nil {
			return
		}
	}
}
