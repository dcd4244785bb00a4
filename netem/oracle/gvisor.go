package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// oracle is gVisor's netstack at both ends of modelled links. A device has an
// interface and two wires of its own; the server has one interface for all. All
// that happens, gVisor's timers too, happens on one queue, which somebody has
// to turn.
type oracle struct {
	*turner
	device, server *stack.Stack
	door           tcpip.Endpoint // listens
	serverNIC      *nic
	late           lateness
	accepting      sync.WaitGroup
	stop           context.CancelFunc

	mu      sync.Mutex
	devices []*device // by number
	idle    []*device // longest idle first
}

// device is a place that one connection at a time may take.
type device struct {
	number   int
	nic      *nic
	up, down *wire
	since    time.Duration // idle since
	accepted chan *end     // the server's end of its connection
}

const port = 443

// quiet is how long a device stays idle, so that no packet of its last
// connection is in flight.
const quiet = 2 * time.Second

var serverAddress = tcpip.AddrFrom4([4]byte{192, 0, 2, 1})

// address is the device's own, in 10.0.0.0/8.
func address(number int) tcpip.Address {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24+uint32(number)+1)
	return tcpip.AddrFrom4(b)
}

func newOracle(t *turner, sack bool) (*oracle, error) {
	o := &oracle{turner: t, device: newStack(t, sack), server: newStack(t, sack)}
	o.serverNIC = newNIC(o.downlink)
	if err := attach(o.server, 1, o.serverNIC, serverAddress); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	o.stop = stop
	return o, o.listen(ctx)
}

func (o *oracle) close() {
	o.stop()
	o.accepting.Wait()
	o.door.Close()
	for _, s := range []*stack.Stack{o.device, o.server} {
		s.Close()
		s.Wait()
	}
}

// newStack is gVisor as it comes: time stamps, NewReno, Nagle's algorithm off;
// and, if asked for, SACK with RACK and tail loss probes.
func newStack(t *turner, sack bool) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
		Clock:              t,
	})
	option := tcpip.TCPSACKEnabled(sack)
	s.SetTransportProtocolOption(tcp.ProtocolNumber, &option)
	return s
}

// attach gives a stack an interface with one address, and a route over it to
// everywhere.
func attach(s *stack.Stack, id tcpip.NICID, n *nic, a tcpip.Address) error {
	if err := s.CreateNIC(id, n); err != nil {
		return fmt.Errorf("interface %d: %s", id, err)
	}
	own := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: a.WithPrefix()}
	if err := s.AddProtocolAddress(id, own, stack.AddressProperties{}); err != nil {
		return fmt.Errorf("address %s: %s", a, err)
	}
	s.AddRoute(tcpip.Route{Destination: header.IPv4EmptySubnet, NIC: id})
	return nil
}

// downlink takes a packet of the server's to the wire of its device.
func (o *oracle) downlink(p *stack.PacketBuffer) {
	to := header.IPv4(p.NetworkHeader().Slice()).DestinationAddress().As4()
	o.mu.Lock()
	d := o.devices[binary.BigEndian.Uint32(to[:])-10<<24-1]
	o.mu.Unlock()
	d.down.send(p)
}

// take finds a device that has been idle for long enough, or makes one.
func (o *oracle) take() (*device, error) {
	o.mu.Lock()
	if len(o.idle) > 0 && o.queue.Now()-o.idle[0].since > quiet {
		d := o.idle[0]
		o.idle = o.idle[1:]
		o.mu.Unlock()
		return d, nil
	}
	d := &device{number: len(o.devices), accepted: make(chan *end, 1)}
	o.devices = append(o.devices, d)
	o.mu.Unlock()
	d.up = &wire{turner: o.turner, to: o.serverNIC, late: &o.late}
	d.nic = newNIC(d.up.send)
	d.down = &wire{turner: o.turner, to: d.nic, late: &o.late}
	return d, attach(o.device, d.id(), d.nic, address(d.number))
}

func (d *device) id() tcpip.NICID { return tcpip.NICID(d.number + 1) }

func (o *oracle) release(d *device) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d.since = o.queue.Now()
	o.idle = append(o.idle, d)
}

// listen opens the server's port and hands every connection to its device.
func (o *oracle) listen(ctx context.Context) error {
	var wq waiter.Queue
	ep, err := o.server.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, &wq)
	if err != nil {
		return fmt.Errorf("listen: %s", err)
	}
	o.door = ep
	if err := ep.Bind(tcpip.FullAddress{Port: port}); err != nil {
		return fmt.Errorf("bind: %s", err)
	}
	// With a short backlog gVisor takes to SYN cookies, another law.
	if err := ep.Listen(4096); err != nil {
		return fmt.Errorf("listen: %s", err)
	}
	entry, ready := waiter.NewChannelEntry(waiter.ReadableEvents)
	wq.EventRegister(&entry)
	o.accepting.Go(func() {
		for {
			var from tcpip.FullAddress
			if c, q, err := ep.Accept(&from); err == nil {
				o.accept(from.Addr.As4(), &end{gonet.NewTCPConn(q, c), c, q})
				continue
			}
			select {
			case <-ready:
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}

func (o *oracle) accept(from [4]byte, e *end) {
	o.mu.Lock()
	d := o.devices[binary.BigEndian.Uint32(from[:])-10<<24-1]
	o.mu.Unlock()
	select {
	case d.accepted <- e:
	default:
		e.ep.Abort()
	}
}
