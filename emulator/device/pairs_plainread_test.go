package device

import (
	"context"
	"time"

	"github.com/coder/websocket"

	"xzfleet/server/protocol"
)

// read takes what the server sends until the connection ends, and says when
// it speaks and when the user has heard it out.
func (c *plainClient) read() {
	defer close(c.gone)
	var from time.Time // play time of the answer's first frame
	played := 0
	for {
		if err := c.tls.SetReadDeadline(time.Now().Add(c.arm.profile.Timeouts.Channel)); err != nil {
			return
		}
		kind, err := c.next()
		if err != nil {
			return
		}
		if kind == websocket.MessageBinary {
			c.arm.audio.Add(1)
			if played == 0 {
				from = time.Now()
			}
			played++
			continue
		}
		m, err := protocol.ParseMessage(c.buf)
		if err != nil || m.Type != protocol.TypeTTS {
			continue
		}
		switch m.State {
		case protocol.StateStart:
			played = 0
			c.note(time.Time{})
		case protocol.StateStop:
			c.note(latest(time.Now(), from.Add(time.Duration(played)*frameTime)))
		}
	}
}

// next reads a message into buf.
func (c *plainClient) next() (websocket.MessageType, error) {
	kind, r, err := c.ws.Reader(context.Background())
	if err == nil {
		c.buf, err = readInto(c.buf[:0], r)
	}
	return kind, err
}

func (c *plainClient) note(at time.Time) {
	select {
	case c.notes <- at:
	case <-c.left:
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
