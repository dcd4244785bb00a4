package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"xzfleet/emulator/device"
	"xzfleet/netem"
	"xzfleet/scenarios"
)

// profilesOut is what `profiles ARGS` prints.
func profilesOut(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	if err := profilesCommand(args, streams{out: &out}); err != nil {
		t.Fatalf("profiles %q: %v", args, err)
	}
	return out.String()
}

// TestDevicesPrintAsScenarios: what `profiles DEVICE` prints is, pasted behind
// [[fleet]], the device as it is, and names what is assumed.
func TestDevicesPrintAsScenarios(t *testing.T) {
	for _, p := range device.Profiles() {
		text := profilesOut(t, p.Name)
		file := filepath.Join(t.TempDir(), "pasted.toml")
		if err := os.WriteFile(file, []byte("[[fleet]]\nname = 'a'\ncount = 1\nlink = 'none'\n"+text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := scenarios.Load(file, nil)
		if err != nil {
			t.Errorf("%v in\n%s", err, text)
			continue
		}
		got := s.Fleets[0].Device
		for _, list := range []*[]string{&got.TLS.Ciphers, &got.TLS.Groups} {
			if len(*list) == 0 {
				*list = nil // [] is the stack's own, as nothing is
			}
		}
		if !reflect.DeepEqual(got, p) {
			t.Errorf("got %+v\nwant %+v", got, p)
		}
		for _, assumed := range p.Assumed {
			if !strings.Contains(text, assumed) {
				t.Errorf("%s: %s is not printed as assumed", p.Name, assumed)
			}
		}
	}
}

// TestAssumedFieldsAreThere: every name in Assumed is that of a field or a
// table.
func TestAssumedFieldsAreThere(t *testing.T) {
	for _, p := range device.Profiles() {
		marked := map[string]bool{}
		for _, f := range fieldsOf(p) {
			marked[f.path()], marked[f.table] = true, true
		}
		for _, name := range p.Assumed {
			if !marked[name] {
				t.Errorf("%s: there is no %s", p.Name, name)
			}
		}
	}
}

func TestProfilesJSON(t *testing.T) {
	var all struct {
		Devices []struct {
			Name, Firmware string
			Modem          map[string]any
		}
		Links []struct {
			Name  string
			RTTms struct{ P50, P95 float64 } `json:"rtt_ms"`
			Loss  float64
			// of which each has its mark
			Numbers []scenarios.Number
		}
	}
	if err := json.Unmarshal([]byte(profilesOut(t, "-json")), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Devices) != len(device.Profiles()) || len(all.Links) != 12 {
		t.Fatalf("%d devices, %d links", len(all.Devices), len(all.Links))
	}
	typical := all.Links[2]
	if typical.Name != "cat1-typical" || typical.RTTms.P50 != 83 || math.Abs(typical.RTTms.P95-210.6) > .1 || math.Abs(typical.Loss-.00189) > 1e-5 {
		t.Errorf("got %+v", typical)
	}
	found := false
	for _, n := range typical.Numbers {
		found = found || n.Key == "rrc.promotion.median" && n.Value == 258. && n.Mark == "M"
		if n.Mark == "" || n.Source == "" {
			t.Errorf("%s has no mark", n.Key)
		}
	}
	if !found {
		t.Errorf("no promotion in %+v", typical.Numbers)
	}
}

func TestNetemOptions(t *testing.T) {
	p := netem.Profile{GE: netem.GE{P: .01, R: .4, LossBad: 1, LossGood: .001, StepMs: 20}, JitterSD: 20}
	for _, c := range []struct {
		p           netem.Profile
		delay, rate float64
		queue       int
		want        string
	}{
		{netem.Profile{}, 40, 0, 0, " delay 40ms"},
		{netem.Profile{}, 40, 0, 65536, " delay 40ms"},
		{netem.Profile{}, 40, 300, 0, " delay 40ms rate 300kbit"},
		// 44 packets in the queue, 300 kbit/s times 71.5 ms on the way.
		{p, 71.5, 300, 65536, " delay 71.5ms 20ms distribution paretonormal loss gemodel 1% 40% 100% 0.1% rate 300kbit limit 46"},
	} {
		if got := netemOf(&c.p, c.delay, c.rate, c.queue); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"SynRTO": "syn_rto", "DNSCache": "dns_cache", "MSS": "mss", "DelayedACK": "delayed_ack", "MHz": "mhz", "TLS": "tls",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
	}
}
