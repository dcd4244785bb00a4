package device

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"xzfleet/server/protocol"
)

// plainArm is the same client on kernel sockets: the same ClientHello by the
// same TLS library, the same request, frame layer and WebSocket library, the
// same time-outs. What it has not is the model: no link, no law, no machine,
// no records; its timers and its deadlines are Go's.
type plainArm struct {
	bed     *pairBed
	profile Profile
	clients []*plainClient
	through chan error
	audio   atomic.Int64
	wg      sync.WaitGroup
}

// newPlainArm makes an arm of at most n devices.
func newPlainArm(bed *pairBed, n int) pairArm {
	return &plainArm{bed: bed, profile: pairProfile(), through: make(chan error, n)}
}

func (a *plainArm) open(n int, every time.Duration, use pairUse) error {
	for k := range n {
		c := &plainClient{arm: a, index: len(a.clients), use: use, rand: *newNewlibRand(), notes: make(chan time.Time), gone: make(chan struct{}), left: make(chan struct{})}
		a.clients = append(a.clients, c)
		a.wg.Add(1)
		time.AfterFunc(time.Duration(k)*every, func() {
			defer a.wg.Done()
			c.run()
		})
	}
	for range n {
		if err := <-a.through; err != nil {
			return err
		}
	}
	return nil
}

func (a *plainArm) frames() int64 { return a.audio.Load() }

func (a *plainArm) close() {
	for _, c := range a.clients {
		c.hangUp()
	}
	a.wg.Wait()
}

// plainClient is one device: a goroutine that opens and then is the
// microphone, and one that reads.
type plainClient struct {
	arm   *plainArm
	index int
	use   pairUse
	rand  newlibRand

	mu     sync.Mutex
	conn   net.Conn
	closed bool

	tls     *tlsConn
	ws      *websocket.Conn
	session string
	buf     []byte // the reader's

	notes chan time.Time // zero: the server speaks; else when to listen again
	gone  chan struct{}  // closed when the reader has ended
	left  chan struct{}  // closed when the microphone has
}

func (c *plainClient) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// hold remembers the connection, unless it is to be closed.
func (c *plainClient) hold(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
	return !c.closed
}

func (c *plainClient) run() {
	defer close(c.left)
	err := c.open()
	if err == nil {
		c.arm.wg.Go(c.read) // an open channel has its reader, however short it is
	}
	if err != nil {
		err = fmt.Errorf("client %d: %w", c.index, err)
	}
	c.arm.through <- err
	if err == nil && c.use != hangUp {
		c.talk()
	}
	c.hangUp()
	if c.ws != nil {
		_ = c.ws.CloseNow()
	}
}

// open goes from the dial to listen/start.
func (c *plainClient) open() error {
	limits := c.arm.profile.Timeouts
	dialer := net.Dialer{Timeout: limits.TCP, KeepAlive: -1}
	conn, err := dialer.Dial("tcp", c.arm.bed.addr)
	if err != nil {
		return err
	}
	if !c.hold(conn) {
		return conn.Close()
	}
	if err := conn.SetDeadline(time.Now().Add(limits.TLS)); err != nil {
		return err
	}
	c.tls, err = tlsHandshake(context.Background(), conn, tlsConfig{
		Profile: c.arm.profile.TLS, ServerName: pairHost, Roots: c.arm.bed.roots.set,
	})
	if err != nil {
		return err
	}
	if err := c.upgrade(limits); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	if err := c.hello(limits); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if err := c.send(websocket.MessageText, protocol.AppendListenDetect(nil, c.session, wakeWord)); err != nil {
		return err
	}
	return c.listen()
}

func (c *plainClient) upgrade(limits Timeouts) error {
	u := deviceURL{Host: pairHost, Path: "/xiaozhi/v1/", TLS: true}
	request := upgradeRequest(u, upgradeHeaders{DeviceID: pairDeviceID(c.index), ClientID: pairClientID, Version: 1}, upgradeKey(&c.rand))
	if err := c.tls.SetDeadline(time.Now().Add(limits.Upgrade)); err != nil {
		return err
	}
	if _, err := c.tls.Write(request); err != nil {
		return err
	}
	rest, err := readUpgrade(c.tls)
	if err != nil {
		return err
	}
	body := newFrameBody(c.tls, frameOptions{Rand: &c.rand, Rest: rest})
	c.ws, err = dialOver(context.Background(), body, nil)
	return err
}

func (c *plainClient) hello(limits Timeouts) error {
	hello, err := protocol.JSON(protocol.NewDeviceHello(1, protocol.Features{MCP: true}))
	if err != nil {
		return err
	}
	if err := c.send(websocket.MessageText, hello); err != nil {
		return err
	}
	if err := c.tls.SetReadDeadline(time.Now().Add(limits.Hello)); err != nil {
		return err
	}
	for {
		if _, err := c.next(); err != nil {
			return err
		}
		if m, err := protocol.ParseMessage(c.buf); err == nil && m.Type == protocol.TypeHello {
			c.session = m.SessionID
			return nil
		}
	}
}

func (c *plainClient) send(kind websocket.MessageType, p []byte) error {
	if err := c.tls.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	return sendFrame(context.Background(), c.ws, kind, p)
}

func (c *plainClient) listen() error {
	return c.send(websocket.MessageText, protocol.AppendListenStart(nil, c.session, protocol.ModeAuto))
}

// talk is the microphone: the clip, then silence until the server speaks.
func (c *plainClient) talk() {
	timer := time.NewTimer(micWarmUp)
	defer timer.Stop()
	due := time.Now().Add(micWarmUp)
	if c.use == keepMute {
		timer.Stop()
	}
	clips := c.arm.bed.speechOf(c.index)
	turn, frame, again := 0, 0, false
	for {
		select {
		case <-c.gone:
			return
		case at := <-c.notes:
			timer.Stop()
			if again = !at.IsZero(); again {
				due = at
				timer.Reset(time.Until(due))
			}
		case <-timer.C:
			var err error
			switch {
			case again:
				turn, frame, again = turn+1, 0, false
				err = c.listen()
				due = time.Now().Add(micWarmUp)
			default:
				packet := silence
				if clip := clips[turn%len(clips)]; frame < len(clip) {
					packet = clip[frame]
				}
				frame++
				due = due.Add(frameTime)
				c.arm.audio.Add(1)
				err = c.send(websocket.MessageBinary, packet)
			}
			if err != nil {
				return
			}
			timer.Reset(time.Until(due))
		}
	}
}
