package scenarios

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"xzfleet/emulator/device"
)

// redacted stands in for a secret.
const redacted = "REDACTED"

// runFile is run.toml: a document with every value spelt out that the device
// obeys, and none that it does not. Links of files are in it under the name
// that the fleets have for them, so that it needs no other file.
type runFile struct {
	Scenario
	Fleet []runFleet `toml:"fleet"`
}

type runFleet struct {
	Name     string                   `toml:"name"`
	Count    int                      `toml:"count"`
	Device   string                   `toml:"device"`
	Link     string                   `toml:"link"`
	TLS      device.TLS               `toml:"tls"`
	Timeouts map[string]time.Duration `toml:"timeouts"`
	Retry    device.Retry             `toml:"retry"`
	Modem    *device.Modem            `toml:"modem"` // nil without a modem
	Path     pathTable                `toml:"path"`
	Radio    radioTable               `toml:"radio"`
}

// Encode writes the scenario fully resolved, with secrets redacted. Loading
// the text gives the scenario that Redacted returns.
func (s *Scenario) Encode() ([]byte, error) {
	file := runFile{Scenario: *s.Redacted()}
	for _, f := range s.Fleets {
		t := runFleet{
			Name: f.Name, Count: f.Count, Device: f.DeviceName, Link: f.LinkName,
			TLS: f.Device.TLS, Timeouts: timeoutsOf(f.Device), Retry: f.Device.Retry,
		}
		t.Path, t.Radio = tablesOf(f.Link)
		for i, c := range f.Schedule {
			t.Path.Schedule = append(t.Path.Schedule, change{c.From, f.ScheduleNames[i]})
		}
		if f.Device.Modem.Baud > 0 {
			t.Modem = &f.Device.Modem
		}
		file.Fleet = append(file.Fleet, t)
	}
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(file); err != nil {
		return nil, fmt.Errorf("encode scenario %s: %w", s.Name, err)
	}
	return b.Bytes(), nil
}

// timeoutsOf lists the time-outs that a device has.
func timeoutsOf(d device.Profile) map[string]time.Duration {
	t := d.Timeouts
	all := map[string]time.Duration{
		"dns": t.DNS, "tcp": t.TCP, "tls": t.TLS, "connect": t.Connect,
		"ota": t.OTA, "upgrade": t.Upgrade, "hello": t.Hello, "channel": t.Channel,
	}
	for key, d := range all {
		if d == 0 {
			delete(all, key)
		}
	}
	return all
}

// Redacted is the scenario without secrets: tokens in the target's query.
func (s *Scenario) Redacted() *Scenario {
	c := s.clone()
	c.Target.URL = redactQuery(s.Target.URL)
	return c
}

// redactQuery blanks the values of a URL's query that look like credentials
// by their key. It cuts at every separator that servers know, since what one
// takes for a value is the next key to another.
func redactQuery(text string) string {
	before, query, found := strings.Cut(text, "?")
	if !found {
		return text
	}
	var b strings.Builder
	b.WriteString(before + "?")
	for query != "" {
		pair, end := query, ""
		if i := strings.IndexAny(query, "&;"); i >= 0 {
			pair, end = query[:i], query[i:i+1]
		}
		query = query[len(pair)+len(end):]
		if key, _, is := strings.Cut(pair, "="); is && secretKey(key) {
			pair = key + "=" + redacted
		}
		b.WriteString(pair + end)
	}
	return b.String()
}

func secretKey(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc([]string{"token", "key", "secret", "pass", "auth", "sign"}, func(s string) bool {
		return strings.Contains(key, s)
	})
}

// clone copies a scenario so that its fleets can be changed.
func (s *Scenario) clone() *Scenario {
	c := *s
	c.Fleets = slices.Clone(s.Fleets)
	return &c
}
