package netem

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// exchanges opens a connection over n and times what a TLS opening would take:
// the open and four answers to four requests.
func exchanges(t *testing.T, n *Network, path *Path) (took [5]time.Duration) {
	r := route(0)
	r.Path = path
	began := n.Now()
	c, err := n.Dial(t.Context(), began, r, 0)
	if err != nil {
		t.Fatal(err)
	}
	took[0] = c.EventTime() - began
	buf := make([]byte, 100)
	for i := range 4 {
		if _, err := c.Write(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Fatal(err)
		}
		took[i+1] = c.EventTime() - began
	}
	_ = c.Close()
	return took
}

// TestRealPathBehindTheModel: a server 30 ms away and one next door look the
// same from a device whose link is 80 ms long, as the real path is measured
// and taken off.
func TestRealPathBehindTheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		var servers, turns sync.WaitGroup
		servers.Go(func() {
			for {
				s, err := l.Accept()
				if err != nil {
					return
				}
				servers.Go(func() {
					_, _ = io.Copy(s, s)
					_ = s.Close()
				})
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		turn := func(n *Network) *Network {
			turns.Go(func() { n.Live(ctx) })
			return n
		}
		near, away := turn(NewMemoryNetwork(l)), turn(NewMemoryNetwork(l))
		real := NewPath(Profile{RTTFloor: RTTFloor{Min: 30}}, 2)
		far := turn(NewNetworkOver(func(ctx context.Context, _ string) (net.Conn, error) {
			r := Route{Path: real, Device: StackLinux(), Server: StackLinux(), Key: 3, Addr: "server:1"}
			return away.Dial(ctx, away.Now(), r, 0)
		}))
		behind, err := far.RoundTrip(t.Context(), "server:1", 20)
		if err != nil || behind != 30*time.Millisecond {
			t.Fatalf("measured %v, %v", behind, err)
		}
		profile := []Class{{Profile: Profile{RTTFloor: RTTFloor{Min: 80}}}}
		direct := exchanges(t, near, NewCell(1).Path(profile, 1, 0))
		behindIt := exchanges(t, far, NewCell(1).Path(profile, 1, behind))
		if direct != behindIt || direct[4] != 400*time.Millisecond {
			t.Errorf("direct %v, over the real path %v", direct, behindIt)
		}
		time.Sleep(time.Minute)
		l.Close()
		servers.Wait()
		cancel()
		turns.Wait()
		far.Close()
		away.Close()
		near.Close()
	})
}
