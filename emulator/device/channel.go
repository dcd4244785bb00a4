package device

import (
	"xzfleet/results"
	"xzfleet/server/protocol"
)

// upgraded is when the firmware has seen "HTTP/1.1 101": it says hello.
func (m *Machine) upgraded() {
	m.enter(results.PhaseHello)
	hello, err := protocol.JSON(protocol.NewDeviceHello(m.version, protocol.Features{MCP: true}))
	if err != nil {
		m.fail(results.CauseProtocolError, results.Detail{Text: err.Error()})
		return
	}
	m.budget(0) // until the hello is sent
	m.send(outgoing{kind: Text, data: hello})
}

// helloText takes a text frame before the channel is open. What is no hello
// is logged by the firmware and ignored, so the wait goes on; a hello without
// a transport makes it read through a null pointer (Protocol::ParseServerHello
// of 78/xiaozhi-esp32).
func (m *Machine) helloText(ev Event) {
	msg, err := protocol.ParseMessage(ev.Data)
	switch {
	case err != nil:
		m.open.note = "the server said no message: " + firstRunes(string(ev.Data), 40)
		m.open.refused = string(ev.Data) == authRefusal
	case msg.Type != protocol.TypeHello:
	case msg.Transport == "":
		m.fail(results.CauseCrash, results.Detail{Text: "the server's hello names no transport"})
	case msg.Transport != protocol.Transport:
		m.open.note = "the server's hello names the transport " + firstRunes(msg.Transport, 40)
	default:
		m.talk.session = msg.SessionID
		m.recordTry(results.OK, "", results.Detail{})
		m.after(true)
	}
}

// authRefusal is the text frame by which xinnan-tech/xiaozhi-esp32-server
// says, after the 101, that a token is wrong; a close follows.
const authRefusal = "认证失败"

func firstRunes(s string, n int) string {
	r := []rune(s)
	if len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
