package device

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"xzfleet/netem"
	"xzfleet/results"
)

// maxAnswer bounds what is read of an OTA answer.
const maxAnswer = 64 << 10

// liveConn is one connection of a live device: a goroutine that does what the
// machine asks in order, and one that reads.
type liveConn struct {
	device *Live
	gen    int
	url    deviceURL
	law    *netem.Conn
	stream *lawStream // law, or TLS over it, in law time
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	cond   sync.Cond
	queue  []Action
	closed bool

	rand   newlibRand      // masks the next frame
	pieces []time.Duration // when the pieces of the next frame are out
	body   *frameBody
	ws     *websocket.Conn
	wg     sync.WaitGroup
}

func newLiveConn(d *Live, gen int, conn *netem.Conn, u deviceURL) *liveConn {
	w := &liveConn{device: d, gen: gen, url: u, law: conn}
	w.stream = &lawStream{Conn: conn, net: d.site.Network}
	w.cond.L = &w.mu
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

func (w *liveConn) enqueue(a Action) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.Data = append([]byte(nil), a.Data...)
	w.queue = append(w.queue, a)
	w.cond.Signal()
}

// close ends the connection at the run's time at; what goes on behind it ends
// by itself.
func (w *liveConn) close(at time.Duration) {
	w.cancel()
	_ = w.law.CloseAt(at)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.cond.Signal()
}

func (w *liveConn) next() (Action, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && !w.closed {
		w.cond.Wait()
	}
	if w.closed {
		return Action{}, false
	}
	a := w.queue[0]
	w.queue = append(w.queue[:0], w.queue[1:]...)
	return a, true
}

func (w *liveConn) run() {
	for a, ok := w.next(); ok; a, ok = w.next() {
		switch a.Kind {
		case Dial:
			w.connect()
		case Handshake:
			w.handshake(a)
		case Send:
			w.send(a)
		}
	}
	w.wg.Wait()
	if w.ws != nil {
		_ = w.ws.CloseNow()
	}
}

func (w *liveConn) post(at time.Duration, ev Event) {
	ev.Gen = w.gen
	w.device.post(at, ev)
}

// postError tells how something ended.
func (w *liveConn) postError(at time.Duration, kind EventKind, err error) {
	e := ioError(err)
	w.post(at, Event{Kind: kind, Cause: e.Cause, Detail: e.Detail})
}

func (w *liveConn) connect() {
	err := w.law.Await(w.ctx)
	at := w.law.EventTime()
	w.stream.setWrite(at)
	ev := Event{Kind: Connected}
	switch {
	case err == nil:
	case netem.EmulatorLimit(err):
		ev.Cause, ev.Detail.Text = results.CauseEmulatorLimit, err.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		ev.Cause = results.CauseRefused
	case errors.Is(err, syscall.ECONNRESET):
		ev.Cause = results.CauseReset
	default:
		ev.Cause = results.CauseTimeout
	}
	w.post(at, ev)
}

func (w *liveConn) handshake(a Action) {
	w.law.Phase(PhaseDraws(a.Phase))
	cfg := w.device.m.cfg
	w.stream.onRead = func(at time.Duration) { w.post(at, Event{Kind: Progress}) }
	if cfg.Profile.Modem.exists() {
		w.stream.onRead = func(time.Duration) {}
	}
	c, err := tlsHandshake(context.WithoutCancel(w.ctx), below{w.law, w.stream}, tlsConfig{
		Profile: cfg.Profile.TLS, ServerName: w.url.Host, Roots: w.device.site.Roots.set, CPU: cfg.Profile.CPU,
		Charge: func(d time.Duration) { w.stream.charge(w.ctx, d) },
	})
	w.stream.onRead = nil
	at := max(w.stream.readAt, w.stream.writeAt)
	if err != nil {
		w.postError(at, Secured, err)
		return
	}
	w.stream.tls = c
	info := c.Info()
	w.post(at, Event{Kind: Secured, TLS: &info})
}

// send writes one message at its law time and says when it was taken.
func (w *liveConn) send(a Action) {
	w.law.Phase(PhaseDraws(a.Phase))
	net := w.device.site.Network
	if late := net.Now() - a.At; a.Voice && w.device.site.Voice != nil {
		w.device.site.Voice(max(0, late))
	}
	w.stream.setWrite(a.At)
	w.rand, w.pieces = a.Rand, a.Pieces
	var err error
	switch a.Message {
	case Request:
		err = w.request(a)
	case Pong:
		err = w.body.WritePong(a.Data, &w.rand)
	case Text:
		err = sendFrame(context.Background(), w.ws, websocket.MessageText, a.Data)
	default:
		err = sendFrame(context.Background(), w.ws, websocket.MessageBinary, a.Data)
	}
	at := w.stream.written()
	if err != nil {
		w.postError(at, Sent, err)
		return
	}
	w.post(at, Event{Kind: Sent})
}

// request writes an HTTP request and starts to read what comes.
func (w *liveConn) request(a Action) error {
	size := len(a.Data)
	if len(a.Pieces) > 0 {
		size = w.device.m.cfg.Profile.Modem.Piece
	}
	i := 0
	for p := range slices.Chunk(a.Data, size) {
		if err := w.piece(p, i); err != nil {
			return err
		}
		i++
	}
	if a.Phase == results.PhaseOTA {
		w.wg.Go(w.readAnswer)
	} else {
		w.wg.Go(w.readChannel)
	}
	return nil
}

// piece writes piece i of a message that goes over AT in several, at its time.
func (w *liveConn) piece(p []byte, i int) error {
	if times := w.pieces; i < len(times) {
		if err := w.device.site.Network.Sleep(w.ctx, times[i]); err != nil {
			return err
		}
		w.stream.setWrite(times[i])
	}
	_, err := w.stream.Write(p)
	return err
}

func (w *liveConn) readAnswer() {
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(w.stream, maxAnswer)), nil)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	at := w.stream.readAt
	if err != nil {
		if _, broken := errors.AsType[net.Error](err); broken || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			w.postError(at, Ended, err)
			return
		}
		w.post(at, Event{Kind: Answered, Cause: results.CauseOTABadAnswer, Detail: results.Detail{Text: err.Error()}})
		return
	}
	w.post(at, Event{Kind: Answered, Code: resp.StatusCode, Data: body, Wire: w.stream.plain})
}

// readChannel reads the answer to the upgrade and then frames, until the
// connection ends.
func (w *liveConn) readChannel() {
	rest, err := readUpgrade(w.stream)
	if err != nil {
		kind := Ended
		switch ioError(err).Cause {
		case results.CauseHTTPStatus, results.CauseRedirect, results.CauseBadUpgrade:
			kind = Upgraded
		}
		w.postError(w.stream.readAt, kind, err)
		return
	}
	at := w.stream.readAt
	w.body = newFrameBody(w.stream, frameOptions{
		Rand: &w.rand, Rest: rest, Piece: w.device.m.cfg.Profile.Modem.Piece, Write: w.piece,
	})
	w.ws, err = dialOver(context.Background(), w.body, func(p []byte) {
		w.post(w.stream.readAt, Event{Kind: PingIn, Data: p, Wire: frameBytes(len(p))})
	})
	if err != nil {
		w.postError(at, Ended, err)
		return
	}
	w.post(at, Event{Kind: Upgraded, Wire: w.stream.plain - len(rest)})
	w.readFrames()
}

func (w *liveConn) readFrames() {
	var buf []byte
	for {
		kind, r, err := w.ws.Reader(context.Background())
		if err == nil {
			buf, err = readInto(buf[:0], r)
		}
		at := w.stream.readAt
		if err != nil {
			if code := w.body.CloseCode(); code != 0 {
				w.post(at, Event{Kind: CloseIn, Code: code, Wire: frameBytes(2)})
			} else {
				w.postError(at, Ended, err)
			}
			return
		}
		ev := Event{Kind: AudioIn, Wire: frameBytes(len(buf))}
		if kind == websocket.MessageText {
			ev.Kind, ev.Data = TextIn, buf
		}
		w.post(at, ev)
		if cap(buf) > frameKeep {
			buf = nil
		}
	}
}

// readInto appends all of r to p.
func readInto(p []byte, r io.Reader) ([]byte, error) {
	for {
		if len(p) == cap(p) {
			p = append(p, 0)[:len(p)]
		}
		n, err := r.Read(p[len(p):cap(p)])
		p = p[:len(p)+n]
		if err == io.EOF {
			return p, nil
		}
		if err != nil {
			return p, err
		}
	}
}

// frameBytes is the size of a server's frame (RFC 6455, 5.2, no mask).
func frameBytes(n int) int {
	switch {
	case n < 126:
		return n + 2
	case n < 1<<16:
		return n + 4
	default:
		return n + 10
	}
}
