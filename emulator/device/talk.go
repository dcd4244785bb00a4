package device

import (
	"slices"
	"time"

	"xzfleet/results"
	"xzfleet/server/protocol"
)

// talk is a channel that is open: the microphone's clock, the speaker's
// queue, and what was counted.
type talk struct {
	session  string
	start    time.Duration
	speaking bool // the server speaks
	numbers  results.Talk

	micAt     time.Duration // the next frame of the microphone
	frame     int           // its number within the turn
	lead      int           // frames of silence before the clip
	clip      [][]byte
	speechEnd time.Duration // due time of the clip's last frame, once that was due
	heard     bool          // the first audio of this answer has come

	playFrom time.Duration // play time of the first frame since the queue was dry
	queued   int           // frames since then

	deadlockAt time.Duration
	closeAt    time.Duration
	silentAt   time.Duration // the channel counts as lost
}

const (
	frameTime   = 60 * time.Millisecond
	playQueue   = 40                     // packets, audio_service.h
	micWarmUp   = 120 * time.Millisecond // after voice processing is enabled
	wakeWord    = "你好小智"
	silencePack = 0x58 // Opus TOC of a DTX frame: SILK wide-band, 60 ms, mono
)

var silence = []byte{silencePack}

func (t *talk) clear() {
	*t = talk{numbers: results.Talk{FirstAudioMs: []float64{}}, speechEnd: never, micAt: never, deadlockAt: never, closeAt: never, silentAt: never}
}

func (t talk) clone() talk {
	t.numbers.FirstAudioMs = append([]float64{}, t.numbers.FirstAudioMs...)
	return t
}

func (t *talk) due() time.Duration { return min(t.micAt, t.deadlockAt, t.closeAt, t.silentAt) }

// startTalk is what a wake word does once the channel is open: all packets of
// the wake word in one burst, then detect, then listening.
func (m *Machine) startTalk() {
	m.state = talking
	t := &m.talk
	t.start = m.now
	m.heardFrom()
	for _, p := range m.cfg.Wake {
		m.sendAudio(p, false)
	}
	m.send(outgoing{kind: Text, data: protocol.AppendListenDetect(nil, t.session, wakeWord)})
	m.listen()
}

// listen asks for the next turn; the microphone runs once that is sent.
func (m *Machine) listen() {
	t := &m.talk
	t.speaking, t.heard, t.frame, t.queued, t.speechEnd = false, false, 0, 0, never
	if len(m.cfg.Clips) > 0 {
		t.clip = m.cfg.Clips[t.numbers.Turns%len(m.cfg.Clips)]
	}
	t.lead = 0
	if t.numbers.Turns > 0 {
		t.lead = int(m.cfg.Think / frameTime)
	}
	t.numbers.Turns++
	m.send(outgoing{kind: Text, data: protocol.AppendListenStart(nil, t.session, protocol.ModeAuto), start: true})
}

func (t *talk) micOn(now time.Duration) { t.micAt = now + micWarmUp }

// speak is a frame of the microphone: the clip, and silence around it until
// the server answers.
func (m *Machine) speak() {
	t := &m.talk
	packet := silence
	if k := t.frame - t.lead; k >= 0 && k < len(t.clip) {
		packet = t.clip[k]
		if k == len(t.clip)-1 {
			t.speechEnd = m.now
		}
	}
	t.frame++
	t.micAt += frameTime
	m.sendAudio(packet, true)
}

// sendAudio frames a packet for the protocol's version. Versions that the
// firmware does not know go bare, as 1 does (WebsocketProtocol::SendAudio).
func (m *Machine) sendAudio(packet []byte, live bool) {
	data := packet
	if m.version != 1 {
		if framed, err := protocol.AppendFrame(nil, m.version, protocol.Frame{Payload: packet}); err == nil {
			data = framed
		}
	}
	m.send(outgoing{kind: Audio, data: data, voice: live})
}

// heardFrom restarts the wait after which the channel counts as lost.
func (m *Machine) heardFrom() {
	m.talk.silentAt = never
	if limit := m.cfg.Profile.Timeouts.Channel; limit > 0 {
		m.talk.silentAt = m.now + limit
	}
}

// takeTalking takes an event of the open channel.
func (m *Machine) takeTalking(ev Event) {
	switch ev.Kind {
	case TextIn:
		m.heardFrom()
		m.takeText(ev.Data)
	case AudioIn:
		m.heardFrom()
		m.takeAudio()
	case PingIn:
		m.ping(ev)
	case CloseIn, Ended:
		m.lost(ev)
	}
}

func (m *Machine) takeText(data []byte) {
	msg, err := protocol.ParseMessage(data)
	if err != nil || msg.Type != protocol.TypeTTS {
		return // the firmware logs it, shows it, or does neither
	}
	t := &m.talk
	switch {
	case msg.State == protocol.StateStart:
		t.speaking, t.micAt, t.closeAt = true, never, never
	case msg.State == protocol.StateStop && t.speaking:
		t.speaking = false
		t.closeAt = max(m.now, t.playedOut())
	}
}

// playedOut is when the last frame that came will have been played.
func (t *talk) playedOut() time.Duration {
	return t.playFrom + time.Duration(t.queued)*frameTime
}

// hangUp is when the answer has been played out: the next turn, or the user
// ends the conversation.
func (m *Machine) hangUp() {
	m.talk.closeAt = never
	if m.talk.numbers.Turns < m.cfg.Turns {
		m.listen()
		return
	}
	m.end(results.ByDevice, "", results.Detail{})
}

// takeAudio is a packet from the server. Outside speaking the firmware drops
// it. A frame is late when it comes after its play time: the first one's
// arrival and 60 ms for each since; the clock restarts when the queue was dry.
func (m *Machine) takeAudio() {
	t := &m.talk
	if !t.speaking {
		return
	}
	if !t.heard {
		t.heard = true
		t.numbers.FirstAudioMs = append(t.numbers.FirstAudioMs, millis(max(0, m.now-t.speechEnd)))
	}
	t.numbers.FramesDown++
	if t.queued > 0 {
		played := int((m.now-t.playFrom)/frameTime) + 1
		switch {
		case m.now > t.playedOut():
			t.numbers.LateFrames++
			t.queued = 0
		case t.queued-played >= playQueue:
			t.numbers.DroppedFrames++
			return
		}
	}
	if t.queued == 0 {
		t.playFrom = m.now
	}
	t.queued++
}

// ping is a WebSocket ping from the server. Firmware that answers from the
// task which parses the UART waits there for an OK that only it could read.
func (m *Machine) ping(ev Event) {
	modem := m.cfg.Profile.Modem
	pong := outgoing{kind: Pong, data: slices.Clone(ev.Data)}
	switch {
	case modem.Ping == PingIgnore:
	case modem.exists() && modem.Ping == PingDie:
		m.talk.micAt = never
		m.talk.deadlockAt = max(m.now, m.line.free) + modem.piece(pong.wire()) + deadlock
		m.send(pong)
	default:
		if modem.exists() {
			m.pong = *newNewlibRand() // a thread of its own each time
		}
		m.send(pong)
	}
}

// deaf reports whether the task that reads the UART waits for itself.
func (m *Machine) deaf() bool { return m.talk.deadlockAt != never }

// deadlocked is when that task gives up on the Pong's OK and hangs up.
func (m *Machine) deadlocked() {
	d := results.Detail{Text: "the Pong's AT+MIPSEND got no OK"}
	m.talk.deadlockAt = never
	if m.state == opening {
		m.endedOpening(Event{Kind: Ended, Cause: results.CausePingDeadlock, Detail: d})
		return
	}
	m.lose(results.CausePingDeadlock, d)
}

// end closes the channel and the device's day.
func (m *Machine) end(by results.ClosedBy, cause results.Cause, d results.Detail) {
	m.recordEnd(by, cause, d)
	m.drop()
	m.episode++
	m.finish()
}

func (m *Machine) recordEnd(by results.ClosedBy, cause results.Cause, d results.Detail) {
	t := &m.talk
	numbers := t.clone().numbers
	s := results.Session{
		Identity:  m.identity(results.KindChannel, m.try),
		StartMs:   millis(t.start),
		HeldMs:    millis(m.now - t.start),
		ClosedBy:  by,
		Cause:     cause,
		SessionID: t.session,
		Talk:      &numbers,
	}
	if d != (results.Detail{}) {
		s.Detail = &d
	}
	m.act(Action{Kind: RecordEnd, Session: &s})
}
