package scenarios

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"xzfleet/emulator/device"
	"xzfleet/netem"
)

// maxFile bounds a scenario file, bytes.
const maxFile = 256 << 10

// Load reads a bundled scenario by its name, or else a file, with each of
// sets (PATH=VALUE) laid over it, and resolves it. The error lists everything
// that is wrong, one complaint a line, with file and line or the set that
// brought it.
func Load(name string, sets []string) (*Scenario, error) {
	file, text, err := find(name)
	if err != nil {
		return nil, err
	}
	return parse(file, text, sets)
}

// find returns the text of a scenario and what to call its file.
func find(name string) (file, text string, err error) {
	if slices.Contains(Names(), name) {
		text, err := Source(name)
		return name + ".toml", text, err
	}
	f, err := os.Open(name)
	if err != nil {
		if strings.ContainsAny(name, "./\\") {
			return "", "", fmt.Errorf("scenario: %w", err)
		}
		return "", "", unknownScenario(name)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", "", fmt.Errorf("scenario: %w", err)
	}
	if len(data) > maxFile {
		return "", "", fmt.Errorf("scenario: %s is larger than %d bytes", name, maxFile)
	}
	return name, string(data), nil
}

func unknownScenario(name string) error {
	hint := ""
	if near := nearest(name, Names()); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near)
	}
	return fmt.Errorf("no scenario %q: %sthere are %s, or the path of a file", name, hint, strings.Join(Names(), ", "))
}

// parse checks and resolves the text of a scenario.
func parse(file, text string, sets []string) (*Scenario, error) {
	src, err := newSource(file, text)
	if err != nil {
		return nil, err
	}
	links, err := bundledLinks()
	if err != nil {
		return nil, err
	}
	src.apply(sets)
	f := filler{source: src, fleet: func(table map[string]any) fleetTable { return baseFleet(table, links) }}
	base := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	doc := document{Scenario: defaults(base)}
	f.table(position{}, src.tree, reflect.ValueOf(&doc).Elem())
	src.check(&doc)
	if err := src.err(); err != nil {
		return nil, err
	}
	return resolve(&doc)
}

// baseFleet is a fleet before its overrides: what its profiles say.
func baseFleet(table map[string]any, links map[string]netem.Profile) fleetTable {
	var t fleetTable
	deviceName, _ := table["device"].(string)
	linkName, _ := table["link"].(string)
	if d, err := device.ProfileNamed(deviceName); err == nil {
		t.TLS, t.Timeouts, t.Retry, t.Modem = d.TLS, d.Timeouts, d.Retry, d.Modem
	}
	t.Path = links[linkName]
	return t
}

// resolve turns a checked document into a scenario.
func resolve(doc *document) (*Scenario, error) {
	s := doc.Scenario
	for _, t := range doc.Fleet {
		d, err := device.ProfileNamed(t.Device)
		if err != nil {
			return nil, err
		}
		d.TLS, d.Timeouts, d.Retry, d.Modem = t.TLS, t.Timeouts, t.Retry, t.Modem
		s.Fleets = append(s.Fleets, Fleet{
			Name: t.Name, Count: t.Count, DeviceName: t.Device, LinkName: t.Link, Device: d, Link: t.Path,
		})
	}
	if a := &s.Arrival; a.Pattern == Ramp && a.Over == 0 && a.Rate == 0 {
		a.Over = defaultOver
	}
	if u, err := url.Parse(s.Target.URL); err == nil && s.Target.URL != "" {
		s.Usage.Boot = u.Scheme == "http" || u.Scheme == "https"
	}
	return &s, nil
}
