//go:build cgo

package voice

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"xzfleet/server/protocol"
)

// client is a device on a plain WebSocket.
type client struct {
	t       *testing.T
	ws      *websocket.Conn
	version int
	session string
	events  chan event // closed when the connection ends
	err     error      // why it ended
	done    sync.WaitGroup
}

// event is a message from the server.
type event struct {
	protocol.Message
	packet []byte // of a binary message
	at     time.Time
}

// name is the type of an event, with its state.
func (e event) name() string {
	switch {
	case e.packet != nil:
		return "audio"
	case e.State != "":
		return e.Type + " " + e.State
	}
	return e.Type
}

// upgrade opens the WebSocket at url and says nothing on it.
func (b *bed) upgrade(url, version string) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(b.t.Context(), url, &websocket.DialOptions{
		HTTPClient: b.web(),
		HTTPHeader: http.Header{"Protocol-Version": {version}, "Device-Id": {"aa:bb"}, "Client-Id": {"c"}},
	})
}

const channelURL = "wss://voice.test/xiaozhi/v1/"

// connect goes through upgrade and hello.
func (b *bed) connect(url string, version int) *client {
	b.t.Helper()
	ws, _, err := b.upgrade(url, string(rune('0'+version)))
	if err != nil {
		b.t.Fatal(err)
	}
	c := &client{t: b.t, ws: ws, version: version, events: make(chan event, 1000)}
	b.t.Cleanup(c.close)
	c.done.Go(c.readAll)
	hello, err := protocol.JSON(protocol.NewDeviceHello(version, protocol.Features{MCP: true}))
	if err != nil {
		b.t.Fatal(err)
	}
	c.sendText(hello)
	e := c.next()
	if e.name() != "hello" || e.Transport != "websocket" || e.AudioParams == nil || *e.AudioParams != protocol.DownlinkAudio() {
		b.t.Fatalf("server hello: %+v", e.Message)
	}
	c.session = e.SessionID
	return c
}

func (c *client) close() {
	_ = c.ws.CloseNow()
	c.done.Wait()
}

func (c *client) readAll() {
	defer close(c.events)
	for {
		typ, msg, err := c.ws.Read(context.Background())
		if err != nil {
			c.err = err
			return
		}
		e := event{at: time.Now()}
		if typ == websocket.MessageText {
			e.Message, err = protocol.ParseMessage(msg)
		} else {
			var f protocol.Frame
			f, err = protocol.DecodeFrame(c.version, msg)
			e.packet = f.Payload
		}
		if err != nil {
			c.t.Errorf("%q: %v", msg, err)
			return
		}
		c.events <- e
	}
}

func (c *client) next() event {
	c.t.Helper()
	e, ok := <-c.events
	if !ok {
		c.t.Fatal("the connection ended")
	}
	return e
}

// until collects events up to one of that name.
func (c *client) until(name string) []event {
	c.t.Helper()
	var got []event
	for {
		got = append(got, c.next())
		if got[len(got)-1].name() == name {
			return got
		}
	}
}

func (c *client) sendText(text []byte) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageText, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) send(packets ...[]byte) {
	c.t.Helper()
	for _, p := range packets {
		msg, err := protocol.AppendFrame(nil, c.version, protocol.Frame{Payload: p})
		if err != nil {
			c.t.Fatal(err)
		}
		if err := c.ws.Write(c.t.Context(), websocket.MessageBinary, msg); err != nil {
			c.t.Fatal(err)
		}
	}
}

// dtx is the packet of 60 ms of silence.
var dtx = []byte{0x58}

// ask listens in auto mode and says a clip and enough silence.
func (c *client) ask(packets [][]byte) {
	c.t.Helper()
	c.sendText(protocol.AppendListenStart(nil, c.session, protocol.ModeAuto))
	c.send(packets...)
	c.send(dtx, dtx, dtx, dtx)
}
