package voice

import (
	"github.com/coder/websocket"

	"xzfleet/server/protocol"
)

// text takes a text frame. Types that are not known are let pass, as in
// every server.
func (d *session) text(msg []byte) *ending {
	m, err := protocol.ParseMessage(msg)
	if err != nil {
		return end(BadMessage, err)
	}
	switch m.Type {
	case protocol.TypeListen:
		return d.listen(m)
	case protocol.TypeAbort:
		d.stopTurn()
		return d.ttsStop()
	}
	return nil
}

func (d *session) listen(m protocol.Message) *ending {
	loose := d.loose
	d.loose = 0
	switch m.State {
	case protocol.StateDetect:
		d.log.Info("wake word", "text", m.Text, "packets", loose)
	case protocol.StateStart:
		return d.startListening(m.Mode)
	case protocol.StateStop:
		u := d.utterance
		d.utterance = nil
		if u != nil && d.mode == protocol.ModeManual {
			return d.heard(u)
		}
	}
	return nil
}

// startListening begins an utterance with a fresh decoder.
func (d *session) startListening(mode string) *ending {
	if d.stopTurn() {
		if e := d.ttsStop(); e != nil {
			return e
		}
	}
	decoder, err := newDecoder()
	if err != nil {
		return end(BadOpus, err)
	}
	d.mode = mode
	d.utterance = newUtterance(decoder, d.server.cfg.Voice)
	return nil
}

// binary takes a binary frame. Audio outside an utterance is that of a wake
// word, or late; it is checked and not decoded.
func (d *session) binary(msg []byte) *ending {
	f, err := protocol.DecodeFrame(d.version, msg)
	if err != nil {
		return end(BadFrame, err)
	}
	if f.Kind == protocol.FrameJSON {
		return d.text(f.Payload)
	}
	d.server.count.framesUp.Add(1)
	u := d.utterance
	if u == nil {
		if _, err := protocol.PacketDuration(f.Payload); err != nil {
			return end(BadOpus, err)
		}
		d.loose++
		return nil
	}
	ended, err := u.add(f.Payload, &d.server.pcm)
	if err != nil {
		return end(BadOpus, err)
	}
	if d.mode == protocol.ModeManual {
		return nil
	}
	if u.vad.speaking && d.stopTurn() { // in realtime mode: the user breaks in
		if e := d.ttsStop(); e != nil {
			return e
		}
	}
	if !ended {
		return nil
	}
	d.utterance = nil
	if d.mode == protocol.ModeRealtime { // the microphone stays open
		d.utterance = newUtterance(u.decoder, d.server.cfg.Voice)
	}
	return d.heard(u)
}

// heard recognises a finished utterance and begins the answer.
func (d *session) heard(u *utterance) *ending {
	d.server.count.utterances.Add(1)
	l := d.server.script.recognise(u)
	d.log.Info(
		"utterance", "samples", u.vad.samples, "speech_samples", u.vad.speech(),
		"pcm_sha256", u.sum(), "packets", u.packets, "text", l.text,
	)
	if u.vad.speech() > 0 {
		d.startTurn(l)
	}
	return nil
}

func (d *session) ttsStop() *ending {
	return d.writeJSON(protocol.Message{Type: protocol.TypeTTS, State: protocol.StateStop, SessionID: d.id})
}

func (d *session) writePacket(buf, packet []byte) ([]byte, *ending) {
	buf, err := protocol.AppendFrame(buf[:0], d.version, protocol.Frame{Payload: packet})
	if err != nil {
		return buf, end(BadFrame, err)
	}
	e := d.write(websocket.MessageBinary, buf)
	if e == nil {
		d.server.count.framesDown.Add(1)
	}
	return buf, e
}
