package netem

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

// bed is a network in memory, turned live inside a synctest bubble.
func bed(t *testing.T, test func(t *testing.T, n *Network, l *Listener)) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		n := NewMemoryNetwork(l)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { n.Live(ctx) })
		test(t, n, l)
		cancel()
		wg.Wait()
		n.Close()
	})
}

func route(rtt time.Duration) Route {
	return Route{Path: fixed(rtt, 0, 1), Device: StackLwIP(), Server: StackLinux(), Key: 1, Addr: "server:1"}
}

func TestConnEcho(t *testing.T) {
	bed(t, func(t *testing.T, n *Network, l *Listener) {
		var wg sync.WaitGroup
		wg.Go(func() {
			s, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(s, s)
			_ = s.Close()
		})
		c, err := n.Dial(t.Context(), 0, route(80*time.Millisecond), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Now(); got != 80*time.Millisecond || c.EventTime() != got {
			t.Errorf("open at %v, law says %v", got, c.EventTime())
		}
		buf := make([]byte, 100)
		for i := range 5 {
			if _, err := c.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			k, err := c.Read(buf)
			if err != nil || string(buf[:k]) != "hello" {
				t.Fatalf("%q, %v", buf[:k], err)
			}
			if want := time.Duration(i+2) * 80 * time.Millisecond; n.Now() != want {
				t.Errorf("echo %d at %v, want %v", i, n.Now(), want)
			}
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if k, err := c.Read(buf); k != 0 || err != io.EOF {
			t.Errorf("after half-close: %d, %v", k, err)
		}
		_ = c.Close()
		wg.Wait()
	})
}

func TestRefusedAfterOneRoundTrip(t *testing.T) {
	bed(t, func(t *testing.T, n *Network, l *Listener) {
		_ = l.Close()
		c, err := n.Dial(t.Context(), 0, route(80*time.Millisecond), 0)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("err = %v", err)
		}
		if c.EventTime() != 80*time.Millisecond {
			t.Errorf("refused at %v", c.EventTime())
		}
	})
}

func TestBlackHoleTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(ctx context.Context, _ string) (farEnd, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { n.Live(ctx) })
		c, err := n.Dial(t.Context(), 0, route(80*time.Millisecond), 0)
		if !errors.Is(err, syscall.ETIMEDOUT) || c.EventTime() < 18*time.Second || c.EventTime() > 18500*time.Millisecond {
			t.Errorf("%v at %v", err, c.EventTime())
		}
		cancel()
		wg.Wait()
		n.Close()
	})
}

func TestServerResetReachesTheDevice(t *testing.T) {
	bed(t, func(t *testing.T, n *Network, l *Listener) {
		c, err := n.Dial(t.Context(), 0, route(80*time.Millisecond), 0)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := l.Accept()
		s.(*pipeConn).abort()
		_, err = c.Read(make([]byte, 1))
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("err = %v", err)
		}
		_ = c.Close()
	})
}

func TestReadDeadline(t *testing.T) {
	bed(t, func(t *testing.T, n *Network, l *Listener) {
		c, err := n.Dial(t.Context(), 0, route(80*time.Millisecond), 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		_, err = c.Read(make([]byte, 1))
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || n.Now() != 1080*time.Millisecond {
			t.Errorf("%v at %v", err, n.Now())
		}
		_ = c.Close()
		s, _ := l.Accept()
		_ = s.Close()
	})
}

// The far end never reads: the modelled window closes and the writer blocks.
func TestUnreadServerBlocksTheWriter(t *testing.T) {
	bed(t, func(t *testing.T, n *Network, l *Listener) {
		c, err := n.Dial(t.Context(), 0, route(80*time.Millisecond), 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetWriteDeadline(time.Now().Add(time.Hour))
		k, err := c.Write(make([]byte, 1<<20))
		limit := pipeBuffer + StackLinux().Window + StackLwIP().SendBuffer
		if err == nil || k < pipeBuffer || k > limit {
			t.Errorf("wrote %d bytes (%v), want at most %d", k, err, limit)
		}
		_ = c.Close()
	})
}

func TestNetConnOverLoopback(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, nil, err
		}
		n := NewNetwork()
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { n.Live(ctx) })
		dev := StackLwIP()
		dev.Window, dev.SendBuffer = 64<<10, 64<<10
		r := Route{Path: fixed(2*time.Millisecond, 0, 1), Device: dev, Server: StackLinux(), Key: 1, Addr: l.Addr().String()}
		c, err := n.Dial(ctx, 0, r, 0)
		if err != nil {
			cancel()
			return nil, nil, nil, err
		}
		s, err := l.Accept()
		stop := func() {
			_ = c.Close()
			_ = s.Close()
			cancel()
			wg.Wait()
			n.Close()
			_ = l.Close()
		}
		return c, s, stop, err
	})
}

func TestLookupTakesOneRoundTrip(t *testing.T) {
	bed(t, func(t *testing.T, n *Network, _ *Listener) {
		done := make(chan time.Duration, 1)
		n.Lookup(5*time.Millisecond, fixed(80*time.Millisecond, 0, 1), 1, func(at time.Duration, found bool) {
			if !found {
				t.Error("not found")
			}
			done <- at
		})
		if at := <-done; at != 85*time.Millisecond {
			t.Errorf("resolved at %v", at)
		}
	})
}

func TestLookupGivesUp(t *testing.T) {
	l := NewLookup(0, fixed(80*time.Millisecond, 1, 1), 1)
	for {
		at, found, over := l.Step(l.Due())
		if over {
			if found || at != 7*time.Second {
				t.Errorf("found %v at %v", found, at)
			}
			return
		}
	}
}
