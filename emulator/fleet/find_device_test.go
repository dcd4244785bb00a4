package fleet_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"xzfleet/emulator/device"
	"xzfleet/emulator/fleet"
	"xzfleet/netem"
	"xzfleet/scenarios"
)

func TestFindDevice(t *testing.T) {
	two := &scenarios.Scenario{Seed: 1, Fleets: []scenarios.Fleet{{Name: "indoor", Count: 3}, {Name: "outdoor", Count: 1}}}
	one := &scenarios.Scenario{Seed: 1, Fleets: two.Fleets[:1]}
	for name, c := range map[string]struct {
		s          *scenarios.Scenario
		fleet, dev int
		err        string
	}{
		"indoor/2":  {s: two, dev: 2},
		"outdoor/0": {s: two, fleet: 1},
		"1":         {s: one, dev: 1},
		"0":         {s: two, err: `device "0": there are several fleets, want FLEET/INDEX: indoor/0 to 2, outdoor/0`},
		"3":         {s: one, err: `device "3": want an INDEX from 0 to 2 in fleet indoor`},
		"indoor/3":  {s: two, err: `device "indoor/3": want an INDEX from 0 to 2 in fleet indoor`},
		"indoor/x":  {s: two, err: `device "indoor/x": want an INDEX from 0 to 2 in fleet indoor`},
		"indoor/-1": {s: two, err: `device "indoor/-1": want an INDEX from 0 to 2 in fleet indoor`},
		"indoor/":   {s: two, err: `device "indoor/": want an INDEX from 0 to 2 in fleet indoor`},
		"out/0":     {s: two, err: `device "out/0": there is no fleet "out": indoor/0 to 2, outdoor/0`},
		"":          {s: one, err: `device "": want an INDEX from 0 to 2 in fleet indoor`},
		"00:11:22:33:44:55": {s: two, err: `device "00:11:22:33:44:55": no device of this run has that device_id: ` +
			`want one of its records, or FLEET/INDEX: indoor/0 to 2, outdoor/0`},
	} {
		f, d, err := fleet.FindDevice(c.s, name)
		if fmt.Sprint(err) != c.err && (err != nil || c.err != "") || err == nil && (f != c.fleet || d != c.dev) {
			t.Errorf("%s: %d, %d, %v", name, f, d, err)
		}
	}
}

// The device_id of a record finds the device.
func TestFindDeviceByID(t *testing.T) {
	s := load(t, "smoke")
	var m memory
	ids := map[string][2]int{}
	r := fleet.Run{Scenario: s, ID: "test", Sink: &m, Target: fleet.Target{URL: "wss://voice.test:1/"}, Watch: func(cfg *device.Config) func(netem.PathEvent) {
		f := slices.IndexFunc(s.Fleets, func(f scenarios.Fleet) bool { return f.Name == cfg.Identity.Fleet })
		ids[cfg.Identity.DeviceID] = [2]int{f, cfg.Identity.Device}
		return nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if len(ids) != s.Devices() {
		t.Errorf("%d ids of %d devices", len(ids), s.Devices())
	}
	for id := range maps.Keys(ids) {
		for _, as := range []string{id, strings.ToUpper(id)} {
			if f, d, err := fleet.FindDevice(s, as); err != nil || [2]int{f, d} != ids[id] {
				t.Errorf("%s: %d, %d, %v", as, f, d, err)
			}
		}
	}
}
