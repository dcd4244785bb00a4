package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"xzfleet/emulator/fleet"
)

func TestLeash(t *testing.T) {
	for _, c := range []struct {
		addr, named string
		want        bool
	}{
		{"127.0.0.1", "", true},
		{"::1", "", true},
		{"10.1.2.3", "", true},
		{"192.168.1.9", "", true},
		{"fd00::1", "", true},
		{"169.254.3.4", "", true},
		{"203.0.113.5", "", false},
		{"2001:db8::1", "", false},
		{"203.0.113.5", "other.example", false},
		{"203.0.113.5", "Voice.Example", true},
	} {
		if got := onLeash("voice.example", netip.MustParseAddr(c.addr), []string{c.named}); got != c.want {
			t.Errorf("%s with -i-may-load %q: %t", c.addr, c.named, got)
		}
	}
}

func TestMakeFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	now := time.Date(2026, 11, 24, 9, 5, 7, 0, time.UTC)
	for _, want := range []string{"20261124-090507-smoke", "20261124-090507-smoke-2", "20261124-090507-smoke-3"} {
		got, err := makeFolder("", "smoke", now)
		if err != nil || got != filepath.Join("runs", want) || checkFolder(got) != nil {
			t.Errorf("%s, %v, not %s", got, err, want)
		}
	}
	if err := checkFolder("runs"); err == nil {
		t.Error("a folder that is not empty is taken")
	}
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := checkFolder("file"); err == nil {
		t.Error("a file is taken for a folder")
	}
}

func TestMeter(t *testing.T) {
	m := &meter{progress: new(fleet.Progress), devices: 200, length: 10 * time.Second, started: time.Now()}
	for i := range 8 { // 10 arrivals/s, so that there are none but those now
		m.past = append(m.past, reading{Counts: fleet.Counts{Arrived: 10*i - 80}, elapsed: time.Duration(i) * time.Second})
	}
	m.past[0].Arrived = -1000 // forgotten: before the window
	r := m.read(m.started.Add(8 * time.Second))
	if r.rate != 10 {
		t.Errorf("rate %v, not 10/s over the last 5 s", r.rate)
	}
	if r.left != 2*time.Second {
		t.Errorf("%v left", r.left)
	}
	if got, want := r.String(), "0:08: 0 of 200 arrived, 0 connected, 0 talking, 0 failed, 10/s, at most 0:02 left"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if r = m.read(m.started.Add(time.Minute)); r.left != 0 {
		t.Errorf("%v left after the end", r.left)
	}
}
