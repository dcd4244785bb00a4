package device

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"xzfleet/netem"
	"xzfleet/results"
)

// liveConn is one connection of a live device: a goroutine that does what the
// machine asks, in order, and one that reads frames. The former leaves when
// nothing is asked for a while, so that an idle device holds one stack less.
type liveConn struct {
	device *Live
	gen    int
	url    deviceURL
	law    *netem.Conn
	stream *lawStream // law, or TLS over it, in law time
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	cond    sync.Cond
	queue   []job
	working bool          // a goroutine works at the queue
	reading bool          // a goroutine reads frames
	idle    bool          // and waits for more
	since   time.Duration // when it began to
	watched bool          // Fire will come
	leave   bool          // it is to end
	closed  bool

	rand   newlibRand      // masks the next frame
	pieces []time.Duration // when the pieces of the next frame are out
	body   *frameBody
	ws     *websocket.Conn
}

// job is what an Action asks of the connection. The records of an Action stay
// out of the queue and of the stacks that wait for it.
type job struct {
	kind    ActionKind
	message MessageKind
	voice   bool
	at      time.Duration
	phase   results.Phase
	data    []byte
	pieces  []time.Duration
	rand    newlibRand
}

func newLiveConn(d *Live, gen int, conn *netem.Conn, u deviceURL) *liveConn {
	w := &liveConn{device: d, gen: gen, url: u, law: conn}
	w.stream = &lawStream{Conn: conn, net: d.site.Network}
	w.cond.L = &w.mu
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

func (w *liveConn) enqueue(a *Action) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, job{
		kind: a.Kind, message: a.Message, voice: a.Voice, at: a.At, phase: a.Phase,
		data: bytes.Clone(a.Data), pieces: a.Pieces, rand: a.Rand,
	})
	if !w.working {
		w.working = true
		w.device.site.crew.Go(w.work)
	}
	w.cond.Signal()
}

// linger is how long the goroutine that writes waits for more. A microphone's
// frames come each 60 ms; a stack that is given back has to grow again.
const linger = 250 * time.Millisecond

// Fire implements netem.Handler: it looks whether the goroutine has waited
// long enough.
func (w *liveConn) Fire(due time.Duration, _ uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = false
	switch {
	case !w.idle:
	case due < w.since+linger:
		w.watch()
	default:
		w.leave = true
		w.cond.Signal()
	}
}

// watch asks for Fire, once.
func (w *liveConn) watch() {
	if !w.watched {
		w.watched = true
		w.device.site.Network.At(w.since+linger, w, 0)
	}
}

// close ends the connection at the run's time at; nothing is asked of it any
// more. What goes on behind it ends by itself; then whoever is there finishes.
func (w *liveConn) close(at time.Duration) {
	w.cancel()
	_ = w.law.CloseAt(at)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if !w.working && !w.reading {
		w.device.site.crew.Go(w.finish)
	}
	w.cond.Signal()
}

// finish is for the last goroutine that leaves a closed connection.
func (w *liveConn) finish() {
	if w.ws != nil {
		_ = w.ws.CloseNow()
	}
}

// read runs readFrames on a goroutine.
func (w *liveConn) read() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading = true
	w.device.site.readers.Go(func() { // on a stack as small as it needs: this one lasts
		w.readFrames()
		w.mu.Lock()
		w.reading = false
		last := w.closed && !w.working
		w.mu.Unlock()
		if last {
			w.finish()
		}
	})
}

// next waits for the next job. Not ok says that the goroutine is to leave,
// last that it is to finish the connection first.
func (w *liveConn) next() (j job, ok, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && !w.closed && !w.leave {
		w.idle, w.since = true, w.device.site.Network.Now()
		w.watch()
		w.cond.Wait()
	}
	w.idle, w.leave = false, false
	if len(w.queue) == 0 || w.closed {
		w.working = false
		return job{}, false, w.closed && !w.reading
	}
	j = w.queue[0]
	w.queue = slices.Delete(w.queue, 0, 1)
	return j, true, false
}

func (w *liveConn) work() {
	j, ok, last := w.next()
	for ; ok; j, ok, last = w.next() {
		switch j.kind {
		case Dial:
			w.connect()
		case Handshake:
			w.handshake(j.phase)
		case Send:
			if w.send(&j) && j.message == Request {
				w.answer(j.phase)
			}
		}
	}
	if last {
		w.finish()
	}
}

func (w *liveConn) post(at time.Duration, ev Event) {
	ev.Gen = w.gen
	w.device.post(at, ev)
}

// postError tells how something ended.
func (w *liveConn) postError(at time.Duration, kind EventKind, err error) {
	if w.ctx.Err() != nil {
		return // closed: the machine has forgotten it
	}
	e := ioError(err)
	w.post(at, Event{Kind: kind, Cause: e.Cause, Detail: e.Detail})
}

func (w *liveConn) connect() {
	err := w.law.Await(context.Background()) // close ends it
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

func (w *liveConn) handshake(phase results.Phase) {
	w.law.Phase(PhaseDraws(phase))
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

// send writes one message at its law time and says when it was taken, or that
// it was not.
func (w *liveConn) send(j *job) bool {
	w.law.Phase(PhaseDraws(j.phase))
	net := w.device.site.Network
	if late := net.Now() - j.at; j.voice && w.device.site.Voice != nil {
		w.device.site.Voice(max(0, late))
	}
	w.stream.setWrite(j.at)
	w.rand, w.pieces = j.rand, j.pieces
	var err error
	switch j.message {
	case Request:
		err = w.request(j)
	case Pong:
		err = w.body.WritePong(j.data, &w.rand)
	case Text:
		err = sendFrame(context.Background(), w.ws, websocket.MessageText, j.data)
	default:
		err = sendFrame(context.Background(), w.ws, websocket.MessageBinary, j.data)
	}
	at := w.stream.written()
	if err != nil {
		w.postError(at, Sent, err)
		return false
	}
	w.post(at, Event{Kind: Sent})
	return true
}

// request writes an HTTP request.
func (w *liveConn) request(j *job) error {
	size := len(j.data)
	if len(j.pieces) > 0 {
		size = w.device.m.cfg.Profile.Modem.Piece
	}
	i := 0
	for p := range slices.Chunk(j.data, size) {
		if err := w.piece(p, i); err != nil {
			return err
		}
		i++
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
