package device

import (
	"time"

	"xzfleet/results"
)

// EventKind says what a world tells the machine.
type EventKind uint8

const (
	Tick      EventKind = iota // nothing but time: a timer of the machine is due
	RadioUp                    // the device is registered, or connected, or Cause
	Resolved                   // the lookup is over; Cause says if it failed
	Connected                  // TCP is open, or Cause
	Progress                   // bytes of the TLS handshake have come
	Secured                    // TLS is open, or Cause
	Sent                       // the transport has taken what Send gave it, or Cause
	Upgraded                   // the answer to the WebSocket request, or Cause
	Answered                   // the answer to the OTA request: Code, Data; or Cause
	TextIn                     // a text message: Data
	AudioIn                    // a binary message
	PingIn                     // a WebSocket ping: Data
	CloseIn                    // a WebSocket close frame: Code
	Ended                      // the connection is gone: Cause
	Cut                        // the run ends
)

// in reports whether an event of this kind can belong to a phase.
func (k EventKind) in(p results.Phase) bool {
	switch k {
	case RadioUp:
		return p == results.PhaseRadio
	case Resolved:
		return p == results.PhaseDNS
	case Connected:
		return p == results.PhaseTCP
	case Secured, Progress:
		return p == results.PhaseTLS
	case Answered:
		return p == results.PhaseOTA
	case Upgraded:
		return p == results.PhaseUpgrade
	case TextIn, AudioIn, PingIn, CloseIn:
		return p == results.PhaseHello
	}
	return true
}

// Event is something that happened, told with its law time. Gen is the
// generation of the question that it answers: a late answer to an old one is
// an ordinary event without effect.
type Event struct {
	Kind   EventKind
	Gen    int
	Code   int    // HTTP status or close code
	Wire   int    // bytes that came to the device's transport for it
	Data   []byte // not kept by the machine
	Cause  results.Cause
	Detail results.Detail
	TLS    *results.TLS
}

// ActionKind says what the machine wants done.
type ActionKind uint8

const (
	Attach ActionKind = iota // register with the network: power-on
	Wake                     // bring the radio from idle to connected
	Lookup
	Dial
	Handshake
	Send      // Message over the open connection
	Close     // the connection, abruptly
	RecordTry // Attempt has ended
	RecordEnd // Session has ended
	Done      // the device will do nothing more
)

// MessageKind says how a Send goes out.
type MessageKind uint8

const (
	Request MessageKind = iota // raw bytes: the HTTP request
	Text                       // a WebSocket text frame
	Audio                      // a WebSocket binary frame
	Pong
)

// Action is what the machine wants done, at its law time.
type Action struct {
	Kind    ActionKind
	Gen     int
	At      time.Duration
	Phase   results.Phase // that names the draws of what goes out
	Message MessageKind
	Data    []byte
	Pieces  []time.Duration // Send over AT in several pieces: when each is out
	Rand    newlibRand      // state of the stream that masks the frame
	Voice   bool            // live audio: its lateness counts
	Attempt *results.Attempt
	Session *results.Session
}
