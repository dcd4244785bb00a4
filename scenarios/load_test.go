package scenarios

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestBad holds every complaint to its exact words and line.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d bad scenarios, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parse("bad.toml", string(text), nil)
			if err == nil {
				t.Fatal("was accepted")
			}
			golden := strings.TrimSuffix(file, ".toml") + ".txt"
			got := err.Error() + "\n"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestBundledLoad(t *testing.T) {
	names := Names()
	if want := []string{"clean", "quickstart", "smoke"}; !slices.Equal(names, want) {
		t.Errorf("names = %v, want %v", names, want)
	}
	for _, name := range names {
		s, err := Load(name, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Name != name || s.Note == "" || !strings.HasSuffix(s.Note, "?") {
			t.Errorf("%s: name %q, note %q: want a question", name, s.Name, s.Note)
		}
		if err := s.CheckExpectations(s.Devices()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQuickstart(t *testing.T) {
	s := mustLoad(t, "quickstart")
	if s.Devices() != 2000 || s.Length != 110*time.Second || s.Arrival != (Arrival{Pattern: Ramp, Over: time.Minute}) {
		t.Errorf("devices %d, length %v, arrival %+v", s.Devices(), s.Length, s.Arrival)
	}
	for _, f := range s.Fleets {
		// Fewer first tries than 72 carry no 95 % interval of the p95.
		if f.Count < 72 {
			t.Errorf("fleet %s has %d devices", f.Name, f.Count)
		}
	}
}

func TestClean(t *testing.T) {
	s := mustLoad(t, "clean")
	for _, f := range s.Fleets {
		link := f.Link
		if link.RTTFloor.Min != 80 {
			t.Errorf("fleet %s: floor %+v", f.Name, link.RTTFloor)
		}
		link.RTTFloor.Min, link.UpShare = 0, 0
		none, err := LinkNamed("none")
		if err != nil || !reflect.DeepEqual(link, none) {
			t.Errorf("fleet %s: beyond its length the link has %+v", f.Name, link)
		}
	}
}

func TestOverridesAreLaidOverProfiles(t *testing.T) {
	s, err := parse("x.toml", `
[[fleet]]
name = "a"
count = 1
device = "ml307-3.6"
link = "cat1-typical"
timeouts.connect = "15s"
modem.baud = 115200
tls = { sni = true, ciphers = [] }
path = { rtt_floor = { median = 70 }, jitter_sd = 0 }
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := s.Fleets[0]
	want, err := LinkNamed("cat1-typical")
	if err != nil {
		t.Fatal(err)
	}
	want.RTTFloor.Median, want.JitterSD = 70, 0
	if !reflect.DeepEqual(f.Link, want) {
		t.Errorf("link = %+v, want %+v", f.Link, want)
	}
	d := f.Device
	if d.Timeouts.Connect != 15*time.Second || d.Timeouts.Hello != 10*time.Second {
		t.Errorf("timeouts = %+v", d.Timeouts)
	}
	if d.Modem.Baud != 115200 || d.Modem.Piece != 730 || d.Modem.SendTurnaround == 0 {
		t.Errorf("modem = %+v", d.Modem)
	}
	if !d.TLS.SNI || d.TLS.Stack != "modem" || d.TLS.Verify != "none" || d.Name != "ml307-3.6" {
		t.Errorf("device = %+v", d)
	}
	if s.Name != "x" || s.Seed != 1 || s.Cell.Size != 50 || s.Arrival.Over != defaultOver {
		t.Errorf("defaults: %+v", s)
	}
}

func TestTargetSchemeDecidesBoot(t *testing.T) {
	for url, boot := range map[string]bool{"wss://h/x": false, "ws://h": false, "https://h/ota/": true, "http://h": true} {
		for _, before := range []string{"true", "false"} {
			s, err := Load("smoke", []string{"usage.boot=" + before, "target.url=" + url})
			if err != nil {
				t.Fatal(err)
			}
			if s.Usage.Boot != boot {
				t.Errorf("%s: boot = %t", url, s.Usage.Boot)
			}
		}
	}
}

func TestTargetMayBeIPv6(t *testing.T) {
	for _, url := range []string{"wss://[::1]:8443/xiaozhi/v1/", "ws://[2001:db8::1]", "https://[fe80::1%25eth0]:8443/ota/"} {
		s, err := Load("smoke", []string{"target.url=" + url})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if s.Target.URL != url {
			t.Errorf("%s became %s", url, s.Target.URL)
		}
		loadsBack(t, s)
	}
}

func TestLoadFinds(t *testing.T) {
	_, err := Load("quikstart", nil)
	if want := `no scenario "quikstart": did you mean "quickstart"? there are clean, quickstart, smoke, or the path of a file`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Load("./nowhere.toml", nil); !os.IsNotExist(unwrapped(err)) {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "mine.toml")
	text, err := Source("smoke")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(text, `name = "smoke"`, "", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := Load(file, nil); err != nil || s.Name != "mine" {
		t.Errorf("got %v, %v", s, err)
	}
	if err := os.Truncate(file, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, nil); err == nil || !strings.Contains(err.Error(), "is larger than 67108864 bytes") {
		t.Errorf("got %v", err)
	}
}

func unwrapped(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || os.IsNotExist(err) {
			return err
		}
		err = u.Unwrap()
	}
}

func mustLoad(t *testing.T, name string, sets ...string) *Scenario {
	t.Helper()
	s, err := Load(name, sets)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
