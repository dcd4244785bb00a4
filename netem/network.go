package netem

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Network is what the connections of one run share: the queue that turns
// them, and how far ends are dialled.
type Network struct {
	*Queue
	dialFar func(ctx context.Context, addr string) (farEnd, error)
	ctx     context.Context
	cancel  context.CancelFunc
	crew    Crew           // that dial
	pumps   sync.WaitGroup // goroutines that read far ends

	mu    sync.Mutex
	conns map[*Conn]struct{} // those whose law is not done
}

// NewNetwork makes a network whose far ends are kernel sockets.
func NewNetwork() *Network { return newNetwork(dialSocket) }

// NewMemoryNetwork makes a network whose only server is l.
func NewMemoryNetwork(l *Listener) *Network {
	return newNetwork(func(ctx context.Context, _ string) (farEnd, error) { return l.dial(ctx) })
}

func newNetwork(dial func(context.Context, string) (farEnd, error)) *Network {
	ctx, cancel := context.WithCancel(context.Background())
	return &Network{Queue: NewQueue(), dialFar: dial, ctx: ctx, cancel: cancel, conns: map[*Conn]struct{}{}}
}

// Close ends what connections are left and waits for their goroutines.
// Nothing may be dialled after it.
func (n *Network) Close() {
	n.cancel()
	n.mu.Lock()
	left := slices.Collect(maps.Keys(n.conns))
	clear(n.conns)
	n.mu.Unlock()
	for _, c := range left {
		c.kill(net.ErrClosed)
	}
	n.crew.Wait()
	n.pumps.Wait()
}

func (n *Network) remember(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns[c] = struct{}{}
}

func (n *Network) forget(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, c)
}

// Sleep waits until the run's time t.
func (n *Network) Sleep(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t - n.Now())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Route says over which path and between which stacks a connection runs.
type Route struct {
	Path   *Path
	Device Stack
	Server Stack
	Key    Key    // of this connection's packets
	Addr   string // host:port of the real server
	Port   int    // that the device asked for, where it is not Addr's
}

// ipv6 reports whether the real server's address is one.
func (r Route) ipv6() bool {
	to, err := netip.ParseAddrPort(r.Addr)
	return err == nil && to.Addr().Unmap().Is6()
}

// Dial opens a connection and waits until it is open.
func (n *Network) Dial(ctx context.Context, at time.Duration, r Route, phase uint64) (*Conn, error) {
	c := n.Open(at, r, phase)
	return c, c.Await(ctx)
}

// Open starts a connection whose SYN leaves at the run's time at.
func (n *Network) Open(at time.Duration, r Route, phase uint64) *Conn {
	c := newConn(n, r)
	n.remember(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.law.Phase(phase)
	c.law.Open(at)
	c.process()
	return c
}
