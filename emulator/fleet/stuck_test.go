package fleet_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"xzfleet/emulator/fleet"
	"xzfleet/netem"
	"xzfleet/results"
	"xzfleet/results/stats"
	"xzfleet/server/voice"
)

// neverRead is a server that accepts one connection and does not read it. It
// returns its address, and what ends it.
func neverRead(t *testing.T) (string, func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		<-over
		_ = c.Close()
	})
	return ln.Addr().String(), func() {
		close(over)
		_ = ln.Close()
		wg.Wait()
	}
}

// One server socket is never read while more goes up than it and the model
// hold; nothing that runs on the queue may wait for it.
func TestStuckSocketHoldsNobodyUp(t *testing.T) {
	s, err := load(t, "smoke", "arrival.over=20s", "length=60s").WithDevices(200)
	if err != nil {
		t.Fatal(err)
	}
	network := netem.NewNetwork()
	addr, stop := neverRead(t)
	defer stop()

	var wrote int
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		path := netem.NewPath(netem.Profile{}, 1)
		c, err := network.Dial(ctx, network.Now(), netem.Route{
			Path: path, Device: netem.StackLwIP(), Server: netem.StackLinux(), Key: 1, Addr: addr,
		}, 0)
		if err != nil {
			t.Error(err)
			return
		}
		release := context.AfterFunc(ctx, func() { _ = c.Close() })
		defer release()
		for block := make([]byte, 24_000); err == nil; {
			var n int
			n, err = c.Write(block)
			wrote += n
		}
	})

	var m memory
	r := fleet.Run{Scenario: s, ID: "test", Target: serve(t, voice.Default(), io.Discard), Sink: &m, Network: network}
	out, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	wg.Wait()

	ok := 0
	for _, a := range m.attempts {
		if a.Kind == results.KindChannel && a.Outcome == results.OK {
			ok++
		}
	}
	if ok != 200 || out.Cut {
		t.Errorf("%d of 200 devices connected, cut %v", ok, out.Cut)
	}
	if wrote < 24_000 {
		t.Errorf("only %d bytes went up", wrote)
	}
	voiceLate := float64(out.Voice.Quantile(0.99)) / float64(time.Millisecond)
	health := stats.Judge(results.Run{Attempts: m.attempts, Sessions: m.sessions}, stats.Health{VoiceLatenessP99Ms: &voiceLate})
	if !health.Trusted {
		t.Errorf("not trusted: %v", health.Reasons)
	}
	t.Logf("%d bytes went into the stuck socket; late_ms p50 %.2f p95 %.2f, voice p99 %.2f ms", wrote, health.LateMs.P50, health.LateMs.P95, voiceLate)
}
