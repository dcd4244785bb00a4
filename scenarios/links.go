package scenarios

import (
	_ "embed"
	"fmt"
	"reflect"
	"slices"

	"xzfleet/netem"
)

//go:embed links/profiles.toml
var linkFile string

// noLink is the built-in link: no delay, no loss, no limit.
const noLink = "none"

// modelled are the link profiles whose behaviour netem covers as far as a
// connected radio goes; the file's other profiles live from handovers, stalls,
// traffic of the cell and long attaches.
var modelled = []string{noLink, "cat1-good", "cat1-typical", "cat1-cell-edge"}

// toCome are the file's other profiles.
var toCome = []string{
	"cat1-moving", "cat1-congested", "lte-m", "nb-iot", "3g-fallback", "redcap-5g-sa", "sat-leo", "sat-geo",
}

// notModelled are the tables of a link profile that no part of netem obeys
// yet. They are passed over in the bundled file and unknown in a scenario.
var notModelled = []string{
	"rrc", "drx", "handover", "stall", "outage", "nat", "attach", "cross_traffic_load",
}

// Links lists the link profiles by name, the built-in "none" first.
func Links() []string { return slices.Clone(modelled) }

// LinkNamed finds a link profile.
func LinkNamed(name string) (netem.Profile, error) {
	links, err := bundledLinks()
	if err != nil {
		return netem.Profile{}, err
	}
	if p, ok := links[name]; ok {
		return p, nil
	}
	if slices.Contains(toCome, name) {
		return netem.Profile{}, fmt.Errorf("link profile %q is not there yet (there are %s)", name, quoteAll(modelled, "and"))
	}
	return netem.Profile{}, fmt.Errorf("unknown link profile %q (there are %s)", name, quoteAll(modelled, "and"))
}

// bundledLinks reads the modelled profiles of the bundled file.
func bundledLinks() (map[string]netem.Profile, error) {
	src, err := newSource("profiles.toml", linkFile)
	if err != nil {
		return nil, err
	}
	f := filler{source: src, skip: notModelled}
	all, _ := src.tree["profile"].(map[string]any)
	links := map[string]netem.Profile{noLink: {}}
	for _, name := range modelled[1:] {
		table, ok := all[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("profiles.toml: no [profile.%s]", name)
		}
		var p netem.Profile
		f.table(position{join("profile", name), "fleet.path"}, table, reflect.ValueOf(&p).Elem())
		links[name] = p
	}
	return links, src.err()
}
