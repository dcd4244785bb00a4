package fleet_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"xzfleet/emulator/device"
	"xzfleet/emulator/fleet"
	"xzfleet/netem"
	"xzfleet/results"
	"xzfleet/server/voice"
)

// cleanRTT is what the scenario says.
const cleanRTT = 80 * time.Millisecond

// exchange is a piece of an AT conversation, as it stands on the UART.
type exchange struct {
	down, up   string
	turnaround time.Duration
}

// onUART is how long an exchange takes at 921600 baud, 8N1.
func (e exchange) onUART() time.Duration {
	chars := func(n int) time.Duration { return time.Duration(float64(n) / 92160 * float64(time.Second)) }
	return chars(len(e.down)) + e.turnaround + chars(len(e.up))
}

const (
	command = 1200 * time.Microsecond
	ok      = "\r\nOK\r\n"
)

// expected is what a connect takes on a clean link: six round trips (DNS 1,
// TCP 1, TLS 1.2 2, upgrade 1, hello 1), the modelled compute, and on a modem
// the UART. sizes are the bytes of the server's 101 and hello frame.
func expected(profile string, sizes wireSizes) time.Duration {
	total := 6 * cleanRTT
	if profile == "wifi-s3" {
		// Two RSA-2048 chain signatures and the ServerKeyExchange at 18 ms,
		// X25519 twice: 34.5 million instructions at 1.537 cycles, 240 MHz.
		return total + 3*18*time.Millisecond + time.Duration(34.5e6*1.537/240e6*float64(time.Second))
	}
	hex := func(n int) string { return strings.Repeat("0", 2*n) }
	for _, e := range []exchange{
		{"AT+MIPSTATE=1\r\n", "\r\n+MIPSTATE: 1,,,,\"INITIAL\"\r\n" + ok, command},
		{"AT+MSSLCFG=\"auth\",0,0\r\n", ok, command},
		{"AT+MIPCFG=\"ssl\",1,1,0\r\n", ok, command},
		{"AT+MIPCFG=\"encoding\",1,1,1\r\n", ok, command},
		{"AT+MIPOPEN=1,\"TCP\",\"voice.test\"," + sizes.port + ",,0\r\n", "", 0},
		{"", "\r\n+MIPOPEN: 1,0\r\n", 0},
		{"AT+MIPSEND=1," + strconv.Itoa(sizes.request) + "," + hex(sizes.request) + "\r\n", "", 0},
		{"", "\r\n+MIPURC: \"rtcp\",1," + strconv.Itoa(sizes.upgraded) + "," + hex(sizes.upgraded) + "\r\n", 0},
		{"AT+MIPSEND=1," + strconv.Itoa(sizes.hello) + "," + hex(sizes.hello) + "\r\n", "", 0},
		{"", "\r\n+MIPURC: \"rtcp\",1," + strconv.Itoa(sizes.answer) + "," + hex(sizes.answer) + "\r\n", 0},
	} {
		total += e.onUART()
	}
	return total
}

type wireSizes struct {
	port                             string
	request, upgraded, hello, answer int
}

// watch learns the sizes from what passes.
func (s *wireSizes) watch(_ *device.Config, _ time.Duration, ev device.Event, acts []device.Action) {
	if ev.Cause == "" && ev.Kind == device.Upgraded && s.upgraded == 0 {
		s.upgraded = ev.Wire
	}
	if ev.Kind == device.TextIn && s.answer == 0 && bytes.Contains(ev.Data, []byte(`"hello"`)) {
		s.answer = ev.Wire
	}
	for _, a := range acts {
		if a.Kind == device.Send && a.Message == device.Request {
			s.request = len(a.Data)
		}
		if a.Kind == device.Send && a.Message == device.Text && s.hello == 0 {
			s.hello = len(a.Data) + 8 // two bytes, a 16-bit length, a mask
		}
	}
}

// inMemory runs test in a synctest bubble with the bundled server behind a
// pipe.
func inMemory(t *testing.T, test func(t *testing.T, r fleet.Run)) {
	synctest.Test(t, func(t *testing.T) {
		server, err := voice.New(voice.Default(), slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ln := netem.Listen()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = server.Serve(ctx, ln) })
		block, _ := pem.Decode(server.RootPEM())
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		test(t, fleet.Run{
			ID: "test", Network: netem.NewMemoryNetwork(ln),
			Target: fleet.Target{
				URL: "wss://voice.test:4443/xiaozhi/v1/", OTA: "",
				Hosts: []string{"voice.test"}, Addresses: map[string]string{"voice.test": "127.0.0.1:4443"},
				Roots: []*x509.Certificate{root},
			},
		})
		cancel()
		wg.Wait()
	})
}

func TestCleanIsExactInVirtualTime(t *testing.T) {
	inMemory(t, func(t *testing.T, r fleet.Run) {
		var m memory
		sizes := wireSizes{port: "4443"}
		r.Scenario, r.Sink, r.Trace = load(t, "clean"), &m, sizes.watch
		if _, err := r.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(m.attempts) != r.Scenario.Devices() {
			t.Fatalf("%d attempts", len(m.attempts))
		}
		for _, a := range m.attempts {
			want := expected(a.Profile, sizes)
			if a.Outcome != results.OK || math.Abs(a.ConnectMs-float64(want)/1e6) > 1e-3 || a.LateMs != 0 {
				t.Errorf("%s: %s in %.4f ms, want %.4f; late %v; phases %v", a.Profile, a.Outcome, a.ConnectMs, float64(want)/1e6, a.LateMs, a.PhaseMs)
			}
		}
	})
}
