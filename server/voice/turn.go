package voice

import (
	"sync"
	"time"

	"xzfleet/server/protocol"
)

// stopDelay is how long after its last frame an answer counts as heard:
// (5 + 2) frames, as in the reference server (sendAudioHandle.py).
const stopDelay = 7 * frameTime

// turn is an answer being spoken.
type turn struct {
	stop     chan struct{}
	once     sync.Once
	finished bool          // it came to its tts stop; read it after done
	done     chan struct{} // closed when its goroutine has ended
}

func (t *turn) cancel() { t.once.Do(func() { close(t.stop) }) }

// startTurn begins an answer, after the previous one was stopped.
func (d *session) startTurn(l line) {
	d.stopTurn()
	t := &turn{stop: make(chan struct{}), done: make(chan struct{})}
	d.turn = t
	go func() {
		defer close(t.done)
		if e := d.speak(l, t); e != nil {
			d.interrupt(e)
		}
	}()
}

// stopTurn silences the answer, waits for its goroutine and reports whether
// the device still waits for a tts stop.
func (d *session) stopTurn() (cutShort bool) {
	t := d.turn
	if t == nil {
		return false
	}
	d.turn = nil
	t.cancel()
	<-t.done
	return !t.finished
}

// speak sends an answer in the order of the reference server. The first
// frames go at once, the others by an absolute clock, so that a late one does
// not delay those behind it.
func (d *session) speak(l line, t *turn) *ending {
	for _, m := range []protocol.Message{
		{Type: protocol.TypeSTT, Text: l.text},
		{Type: protocol.TypeTTS, State: protocol.StateStart},
		{Type: protocol.TypeLLM, Text: l.answer.emoji, Emotion: l.answer.emotion},
		{Type: protocol.TypeTTS, State: protocol.StateSentenceStart, Text: l.answer.text},
	} {
		m.SessionID = d.id
		if e := d.writeJSON(m); e != nil {
			return e
		}
	}
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var buf []byte
	for i, packet := range l.answer.packets {
		if i >= d.server.cfg.Voice.Prebuffer {
			due = due.Add(frameTime)
			if !wait(timer, due, t.stop) {
				return nil
			}
		}
		var e *ending
		if buf, e = d.writePacket(buf, packet); e != nil {
			return e
		}
	}
	if !wait(timer, due.Add(stopDelay), t.stop) {
		return nil
	}
	t.finished = true
	return d.ttsStop()
}

// wait returns true at the due time and false once stop is closed.
func wait(timer *time.Timer, due time.Time, stop <-chan struct{}) bool {
	timer.Reset(time.Until(due))
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	}
}
