package device_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"xzfleet/emulator/device"
	"xzfleet/netem"
	"xzfleet/results"
	"xzfleet/server/protocol"
	"xzfleet/server/voice"
)

// serve starts the voice server in this process; it ends with the test.
func serve(t *testing.T) (addr string, root *x509.Certificate) {
	t.Helper()
	ready := make(chan voice.Ready, 1)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(ready)
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		if err := voice.Serve(ctx, voice.Default(), "127.0.0.1:0", log, func(r voice.Ready) { ready <- r }); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	r, ok := <-ready
	if !ok {
		t.Fatal("the server did not start")
	}
	block, _ := pem.Decode(r.RootPEM)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return r.Addr, root
}

// recorder keeps what devices were told and did, and their records.
type recorder struct {
	mu       sync.Mutex
	logs     map[int][]device.Logged
	attempts map[int][]results.Attempt
	sessions map[int][]results.Session
}

func (r *recorder) Attempt(a results.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts[a.Device] = append(r.attempts[a.Device], a)
}

func (r *recorder) Session(s results.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[s.Device] = append(r.sessions[s.Device], s)
}

// trace copies what the devices use again.
func (r *recorder) trace(cfg *device.Config, now time.Duration, ev device.Event, acts []device.Action) {
	ev.Data = slices.Clone(ev.Data)
	r.mu.Lock()
	defer r.mu.Unlock()
	i := cfg.Identity.Device
	r.logs[i] = append(r.logs[i], device.Logged{Now: now, Ev: ev, Acts: slices.Clone(acts)})
}

// liveConfig is device i, which boots at once and speaks a single turn.
func liveConfig(t *testing.T, i int, profile, addr string) *device.Config {
	t.Helper()
	p, err := device.ProfileNamed(profile)
	if err != nil {
		t.Fatal(err)
	}
	wake, clips, err := device.Speech()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return &device.Config{
		Profile: &p,
		Identity: results.Identity{
			Run: "live", Fleet: "speakers", Device: i, DeviceID: "02:00:00:00:00:01", Profile: profile, Link: "none",
		},
		Key: device.Key(1, "speakers", i), ClientID: "11111111-2222-4333-8444-555555555555",
		OTA: "https://voice.test:" + port + protocol.OTAPath, Hosts: []string{"voice.test"},
		Turns: 1, Wake: wake, Clips: clips,
	}
}

// TestLiveReplay: a modem and a Wi-Fi device talk to the real server; what
// they were told, replayed, gives the same actions and the same records but
// for what only the world knows.
func TestLiveReplay(t *testing.T) {
	addr, root := serve(t)
	r := &recorder{logs: map[int][]device.Logged{}, attempts: map[int][]results.Attempt{}, sessions: map[int][]results.Session{}}
	network := netem.NewNetwork()
	site := &device.Site{
		Network: network, Server: netem.StackLinux(), Roots: device.NewRoots([]*x509.Certificate{root}),
		Addresses: map[string]string{"voice.test": addr}, Sink: r, Trace: r.trace,
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { network.Live(ctx) })
	t.Cleanup(func() { stop(); wg.Wait(); network.Close() })

	var configs []*device.Config
	var devices []*device.Live
	for i, profile := range []string{"ml307-3.6", "wifi-s3"} {
		cfg := liveConfig(t, i, profile, addr)
		configs = append(configs, cfg)
		devices = append(devices, site.Start(cfg, netem.NewPath(netem.Profile{}, cfg.Key.Text("path"))))
	}
	over := time.After(30 * time.Second)
	for _, d := range devices {
		select {
		case <-d.Done():
		case <-over:
			d.Cut(network.Now())
		}
	}
	site.Wait()
	for i, cfg := range configs {
		checkReplay(t, cfg, r.logs[i], r.attempts[i], r.sessions[i])
	}
}

// checkReplay compares a replay with what was traced and recorded live.
func checkReplay(t *testing.T, cfg *device.Config, log []device.Logged, attempts []results.Attempt, sessions []results.Session) {
	t.Helper()
	name := cfg.Profile.Name
	var tries []results.Attempt
	var ends []results.Session
	for i, acts := range device.Replay(cfg, log) {
		if len(acts)+len(log[i].Acts) > 0 && !reflect.DeepEqual(acts, log[i].Acts) {
			t.Fatalf("%s, step %d of %d: %+v, live %+v", name, i, len(log), acts, log[i].Acts)
		}
		for _, a := range acts {
			switch a.Kind {
			case device.RecordTry:
				tries = append(tries, *a.Attempt)
			case device.RecordEnd:
				ends = append(ends, *a.Session)
			}
		}
	}
	for i := range attempts {
		if err := attempts[i].Check(); err != nil || attempts[i].Outcome != results.OK || attempts[i].Net == nil {
			t.Errorf("%s: %v, %+v %+v", name, err, attempts[i], attempts[i].Detail)
		}
		attempts[i].Net, attempts[i].LateMs = nil, 0
	}
	for i := range sessions {
		if err := sessions[i].Check(); err != nil || sessions[i].ClosedBy != results.ByDevice || sessions[i].Cause != "" {
			t.Errorf("%s: %v, %+v %+v", name, err, sessions[i], sessions[i].Detail)
		}
		sessions[i].Net = nil
	}
	if len(tries) != 2 || !reflect.DeepEqual(attempts, tries) {
		t.Errorf("%s: attempts %+v, replayed %+v", name, attempts, tries)
	}
	if len(ends) != 1 || !reflect.DeepEqual(sessions, ends) || len(ends[0].Talk.FirstAudioMs) != 1 {
		t.Errorf("%s: sessions %+v, replayed %+v", name, sessions, ends)
	}
}
