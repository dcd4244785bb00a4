package fleet_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	"xzfleet/emulator/fleet"
	"xzfleet/results"
	"xzfleet/scenarios"
	"xzfleet/server/protocol"
	"xzfleet/server/voice"
)

// memory keeps records.
type memory struct {
	mu       sync.Mutex
	attempts []results.Attempt
	sessions []results.Session
}

func (m *memory) Attempt(a results.Attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.attempts = append(m.attempts, a)
}

func (m *memory) Session(s results.Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions = append(m.sessions, s)
}

// serve starts the bundled server in this process and returns where devices
// find it.
func serve(t *testing.T, cfg voice.Config, log io.Writer) fleet.Target {
	t.Helper()
	ready := make(chan voice.Ready, 1)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := voice.Serve(ctx, cfg, "127.0.0.1:0", slog.New(slog.NewTextHandler(log, nil)), func(r voice.Ready) { ready <- r }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	r := <-ready
	block, _ := pem.Decode(r.RootPEM)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(r.Addr)
	return fleet.Target{
		OTA:       "https://voice.test:" + port + protocol.OTAPath,
		URL:       "wss://voice.test:" + port + protocol.WebSocketPath,
		Hosts:     []string{"voice.test"},
		Addresses: map[string]string{"voice.test": r.Addr},
		Roots:     []*x509.Certificate{root},
	}
}

func load(t *testing.T, name string, sets ...string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Load(name, sets)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSmoke(t *testing.T) {
	s := load(t, "smoke")
	var m memory
	var events tape
	r := fleet.Run{Scenario: s, ID: "test", Target: serve(t, voice.Default(), io.Discard), Sink: &m, Trace: events.take}
	if !s.Usage.Boot {
		r.Target.OTA = ""
	}
	out, err := r.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range m.attempts {
		if err := a.Check(); err != nil || a.Outcome != results.OK {
			t.Errorf("%v: %+v %+v", err, a, a.Detail)
		}
	}
	for _, e := range m.sessions {
		if err := e.Check(); err != nil || e.ClosedBy != results.ByDevice {
			t.Errorf("%v: %+v %+v", err, e, e.Talk)
		}
	}
	if n := s.Devices(); len(m.attempts) != 2*n || len(m.sessions) != n || out.Cut {
		t.Errorf("%d attempts and %d sessions of %d devices, cut %v", len(m.attempts), len(m.sessions), n, out.Cut)
	}
	events.replay(t, m.attempts)
	t.Logf("ran %v, voice frames late by %v at p99", out.Duration, out.Voice.Quantile(0.99))
}
