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

// maxFile bounds a scenario file, bytes; a run.toml may hold recorded rates.
const maxFile = 64 << 20

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
	src.apply(sets)
	base := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	doc := document{Scenario: defaults(base)}
	// Links first: the fleets are filled over them.
	f := filler{source: src}
	if own, ok := src.tree["profile"]; ok {
		f.value(position{"profile", "profile"}, own, reflect.ValueOf(&doc.Links).Elem())
		delete(src.tree, "profile")
	}
	links, err := newCatalogue(file, doc.Links)
	if err != nil {
		return nil, err
	}
	f.fleet = func(at string, table map[string]any) fleetTable { return src.baseFleet(at, table, links) }
	f.table(position{}, src.tree, reflect.ValueOf(&doc).Elem())
	src.check(&doc, links)
	if err := src.err(); err != nil {
		return nil, err
	}
	return resolve(&doc, src, links)
}

// baseFleet is a fleet before its overrides: what its profiles say. What is
// wrong with them is said when the fleet is checked.
func (src *source) baseFleet(at string, table map[string]any, links *catalogue) fleetTable {
	var t fleetTable
	deviceName, _ := table["device"].(string)
	if d, err := device.ProfileNamed(deviceName); err == nil {
		t.TLS, t.Timeouts, t.Retry, t.Modem = d.TLS, d.Timeouts, d.Retry, d.Modem
	}
	if name, ok := table["link"].(string); ok {
		if link, err := links.find(name, src.whereIs(at+".link")); err == nil {
			t.Path, t.Radio = tablesOf(link.Profile)
		}
	}
	return t
}

// resolve turns a checked document into a scenario.
func resolve(doc *document, src *source, links *catalogue) (*Scenario, error) {
	s := doc.Scenario
	for i, t := range doc.Fleet {
		d, err := device.ProfileNamed(t.Device)
		if err != nil {
			return nil, err
		}
		d.TLS, d.Timeouts, d.Retry, d.Modem = t.TLS, t.Timeouts, t.Retry, t.Modem
		at := element("fleet", i)
		link, err := links.find(t.Link, src.whereIs(at+".link"))
		if err != nil {
			return nil, err
		}
		f := Fleet{
			Name: t.Name, Count: t.Count, DeviceName: t.Device, LinkName: t.Link, Device: d, Link: t.over(link.Profile),
		}
		if err := f.follow(t.Path.Schedule, at+".path.schedule", src, links); err != nil {
			return nil, err
		}
		s.Fleets = append(s.Fleets, f)
	}
	s.Links = links.needed()
	if a := &s.Arrival; a.Pattern == Ramp && a.Over == 0 && a.Rate == 0 {
		a.Over = defaultOver
	}
	if u, err := url.Parse(s.Target.URL); err == nil && s.Target.URL != "" {
		s.Usage.Boot = u.Scheme == "http" || u.Scheme == "https"
	}
	return &s, nil
}

// follow gives a fleet its schedule, which stands at this path.
func (f *Fleet) follow(schedule []change, at string, src *source, links *catalogue) error {
	for i, c := range schedule {
		link, err := links.find(c.Link, src.whereIs(element(at, i)+".link"))
		if err != nil {
			return err
		}
		f.Schedule = append(f.Schedule, netem.Class{From: c.At, Profile: link.Profile})
		f.ScheduleNames = append(f.ScheduleNames, c.Link)
	}
	return nil
}
