package netem

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// TestIPv6Target: a server at an IPv6 address is reached, over headers of 40
// bytes where IPv4 has 20.
func TestIPv6Target(t *testing.T) {
	sent := map[string]int64{}
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		n := NewNetwork()
		ctx, cancel := context.WithCancel(t.Context())
		var turn sync.WaitGroup
		turn.Go(func() { n.Live(ctx) })
		r := route(0)
		r.Path, r.Addr = NewPath(Profile{RTTFloor: RTTFloor{Min: 5}}, 1), l.Addr().String()
		c, err := n.Dial(ctx, 0, r, 0)
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 5)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(buf); err != nil || string(buf) != "hello" {
			t.Errorf("%s: %q, %v", host, buf, err)
		}
		counts, _, _ := c.Traffic()
		sent[host] = counts.Bytes[ServerSide]
		_ = c.Close()
		_ = s.Close()
		cancel()
		turn.Wait()
		n.Close()
		_ = l.Close()
	}
	// A SYN-ACK and a segment of data.
	if got := sent["[::1]:0"] - sent["127.0.0.1:0"]; got != 2*20 {
		t.Errorf("IPv6 takes %d bytes more in two packets", got)
	}
}
