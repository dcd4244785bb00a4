package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"xzfleet/netem"
)

// end is one end of a connection.
type end struct {
	net.Conn
	ep tcpip.Endpoint
	wq *waiter.Queue
}

// await waits until n bytes in sequence are there. An application that read
// earlier would, by the hazards of its scheduling, move the window in the
// middle of a row of duplicate ACKs, which gVisor then does not count
// (snd.go, isDupAck).
func (e *end) await(ctx context.Context, n int) error {
	entry, ready := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventErr | waiter.EventHUp)
	e.wq.EventRegister(&entry)
	defer e.wq.EventUnregister(&entry)
	for {
		if there, err := e.ep.GetSockOptInt(tcpip.ReceiveQueueSizeOption); err != nil || there >= n {
			return nil // the read says what is wrong
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dial connects from a device.
func (o *oracle) dial(ctx context.Context, d *device) (*end, error) {
	var wq waiter.Queue
	ep, err := o.device.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, &wq)
	if err != nil {
		return nil, fmt.Errorf("dial: %s", err)
	}
	e := &end{gonet.NewTCPConn(&wq, ep), ep, &wq}
	if err := ep.Bind(tcpip.FullAddress{NIC: d.id(), Addr: address(d.number)}); err != nil {
		return e, fmt.Errorf("bind: %s", err)
	}
	entry, ready := waiter.NewChannelEntry(waiter.WritableEvents)
	wq.EventRegister(&entry)
	defer wq.EventUnregister(&entry)
	if err := ep.Connect(tcpip.FullAddress{Addr: serverAddress, Port: port}); err != nil {
		if _, started := err.(*tcpip.ErrConnectStarted); !started {
			return e, fmt.Errorf("connect: %s", err)
		}
	}
	select {
	case <-ready:
	case <-ctx.Done():
		return e, ctx.Err()
	}
	if err := ep.LastError(); err != nil {
		return e, fmt.Errorf("connect: %s", err)
	}
	return e, nil
}

// sample puts n connections through a script, perSecond of them a second. Those
// of even number draw from one seed, those of odd from another.
func (o *oracle) sample(c condition, script []step, n int, perSecond float64, seed netem.Key) ([]attempt, error) {
	sample := make([]attempt, n)
	failed := make(chan error, n)
	var under sync.WaitGroup
	under.Add(n)
	begin := o.queue.Now()
	for i := range sample {
		o.at(begin+time.Duration(float64(i)/perSecond*float64(time.Second)), func() {
			go func() {
				defer under.Done()
				d, err := o.take()
				if err != nil {
					failed <- err
					return
				}
				sample[i] = o.attempt(c, script, d, seed.Of(uint64(i%2), uint64(i)))
			}()
		})
	}
	o.turn(&under)
	select {
	case err := <-failed:
		return nil, err
	default:
		return sample, nil
	}
}

// attempt is one connection of a device.
func (o *oracle) attempt(c condition, script []step, d *device, key netem.Key) attempt {
	path := netem.NewPath(c.profile(), key)
	d.up.use(path.Up, key.Of(uint64(netem.DeviceSide)))
	d.down.use(path.Down, key.Of(uint64(netem.ServerSide)))
	a := newAttempt(script)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	start := o.queue.Now()
	o.at(start+patience, cancel)
	var server *end
	var theServer sync.WaitGroup
	theServer.Go(func() {
		select {
		case server = <-d.accepted:
			o.play(ctx, server, netem.ServerSide, script, start, &a)
		case <-ctx.Done():
		}
	})
	client, err := o.dial(ctx, d)
	if err == nil {
		o.play(ctx, client, netem.DeviceSide, script, start, &a)
	}
	theServer.Wait()
	a.lost = d.up.use(nil, 0) + d.down.use(nil, 0)
	if client != nil {
		client.ep.Abort()
	}
	// A server's end that still waits for its ACK would call again.
	if server != nil {
		server.ep.Abort()
		o.release(d)
	}
	return a
}

// play is one side's part in a script. Every entry of a has one writer.
func (o *oracle) play(ctx context.Context, e *end, side netem.Side, script []step, start time.Duration, a *attempt) {
	defer context.AfterFunc(ctx, e.ep.Abort)()
	if script[0].from == side {
		a.opened = o.queue.Now() - start
	}
	for i, s := range script {
		if s.from == side {
			if _, err := e.Write(make([]byte, s.n)); err != nil {
				return
			}
			continue
		}
		if e.await(ctx, s.n) != nil {
			return
		}
		now := o.queue.Now()
		if _, err := io.ReadFull(e, make([]byte, s.n)); err != nil {
			return
		}
		a.done[i] = now - start
	}
}
