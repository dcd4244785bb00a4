package device

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"xzfleet/results"
)

// maxAnswer bounds what is read of an OTA answer.
const maxAnswer = 64 << 10

// answer reads what comes after a request. Nothing is to be sent before that,
// so it is read where the request was written.
func (w *liveConn) answer(phase results.Phase) {
	if phase == results.PhaseOTA {
		w.readAnswer()
	} else if w.readUpgrade() {
		w.read()
	}
}

// readAnswer reads the answer to the OTA request.
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

// readUpgrade reads the answer to the upgrade and reports whether frames
// follow.
func (w *liveConn) readUpgrade() bool {
	rest, err := readUpgrade(w.stream)
	if err != nil {
		kind := Ended
		switch ioError(err).Cause {
		case results.CauseHTTPStatus, results.CauseRedirect, results.CauseBadUpgrade:
			kind = Upgraded
		}
		w.postError(w.stream.readAt, kind, err)
		return false
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
		return false
	}
	w.post(at, Event{Kind: Upgraded, Wire: w.stream.plain - len(rest)})
	return true
}

// readFrames keeps little on its stack: most devices are waiting in it at
// most times.
func (w *liveConn) readFrames() {
	var buf []byte
	for {
		kind, r, err := w.ws.Reader(context.Background())
		if err == nil {
			buf, err = readInto(buf[:0], r)
		}
		if err != nil {
			w.frameEnd(err)
			return
		}
		w.frame(kind, buf)
		if cap(buf) > frameKeep {
			buf = nil
		}
	}
}

func (w *liveConn) frame(kind websocket.MessageType, p []byte) {
	ev := Event{Kind: AudioIn, Wire: frameBytes(len(p))}
	if kind == websocket.MessageText {
		ev.Kind, ev.Data = TextIn, p
	}
	w.post(w.stream.readAt, ev)
}

func (w *liveConn) frameEnd(err error) {
	at := w.stream.readAt
	if code := w.body.CloseCode(); code != 0 {
		w.post(at, Event{Kind: CloseIn, Code: code, Wire: frameBytes(2)})
		return
	}
	w.postError(at, Ended, err)
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
