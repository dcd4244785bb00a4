package scenarios

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"xzfleet/emulator/device"
	"xzfleet/netem"
	"xzfleet/results/stats"
)

// check complains about what no key shows by itself: what is missing, and
// what does not go together.
func (src *source) check(doc *document, links *catalogue) {
	src.checkArrival(doc.Arrival)
	if src.given("target", "ca") && !src.given("target", "url") {
		src.add(src.whereIs("target.ca"), "target.ca: without target.url the bundled server is used, whose root is known")
	}
	for i, text := range doc.Expect {
		if _, err := stats.ParseExpectation(text); err != nil {
			src.add(src.whereIs(element("expect", i)), "%v", err)
		}
	}
	src.checkServer(doc.Server)
	if _, there := src.tree["fleet"]; !there {
		src.add(place{}, "there is no [[fleet]]: want at least one")
	}
	if list, ok := src.fleets(); ok {
		src.checkFleets(list, doc.Fleet, links)
	}
}

// each takes a joined error apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// given reports whether file or sets hold a key.
func (src *source) given(table, key string) bool {
	t, _ := src.tree[table].(map[string]any)
	_, ok := t[key]
	return ok
}

func (src *source) checkArrival(a Arrival) {
	over, rate := src.given("arrival", "over"), src.given("arrival", "rate")
	where := func(key string) place { return src.whereIs("arrival." + key) }
	switch {
	case a.Pattern == Ramp && over && rate:
		src.add(later(where("over"), where("rate")), "arrival: a ramp has over or rate, not both")
	case a.Pattern == Poisson && !rate:
		src.add(where("pattern"), "arrival.rate: missing: a Poisson process wants devices/s")
	}
	if over && a.Pattern != Ramp {
		src.add(where("over"), "arrival.over: only a ramp has it; the pattern is %q", a.Pattern)
	}
	if rate && a.Pattern == Storm {
		src.add(where("rate"), "arrival.rate: a storm has none: all arrive at once")
	}
}

// later is the later of two places: the one that completed a contradiction.
func later(a, b place) place {
	if a.nth > b.nth || a.nth == b.nth && a.line > b.line {
		return a
	}
	return b
}

func (src *source) checkFleets(list []map[string]any, fleets []fleetTable, links *catalogue) {
	if len(list) == 0 {
		if _, there := src.tree["fleet"]; there {
			src.add(src.whereIs("fleet"), "there is no [[fleet]]: want at least one")
		}
	}
	first, total := map[string]place{}, 0
	for i, table := range list {
		at := element("fleet", i)
		for _, key := range []string{"name", "count", "device", "link"} {
			if _, ok := table[key]; !ok {
				src.add(src.whereIs(at), "fleet.%s: missing, want %s", key, rules["fleet."+key].want)
			}
		}
		name, _ := table["name"].(string)
		where := src.whereIs(at + ".name")
		if before, twice := first[name]; twice && name != "" {
			src.add(where, "fleet.name: %q is taken%s", name, onLine(before))
		} else {
			first[name] = where
		}
		if i < len(fleets) {
			total += fleets[i].Count
			src.checkFleet(at, table, fleets[i])
			src.checkLinks(at, table, &fleets[i], links)
		}
	}
	if total > most {
		src.add(place{}, "%d devices in all, want at most %d", total, most)
	}
}

func onLine(p place) string {
	if p.line == 0 {
		return ""
	}
	return fmt.Sprintf(" by line %d", p.line)
}

// checkFleet looks at the overrides of one fleet.
func (src *source) checkFleet(at string, table map[string]any, f fleetTable) {
	base, err := device.ProfileNamed(f.Device)
	if err == nil {
		src.checkTransport(at, table, base)
		for _, err := range f.TLS.Check() {
			src.add(src.whereIs(join(at+".tls", tlsKey(err.Error()))), "fleet.tls: %v", err)
		}
	}
}

// checkLinks looks at the links of one fleet.
func (src *source) checkLinks(at string, table map[string]any, f *fleetTable, links *catalogue) {
	src.checkLinkName(at+".link", "fleet.link", f.Link, links)
	path, _ := table["path"].(map[string]any)
	radio, _ := table["radio"].(map[string]any)
	resolved := f.over(netem.Profile{})
	for _, c := range checkLink(&resolved) {
		// What the fleet does not touch, the profile answers for.
		var where place
		in := ""
		for _, key := range c.keys {
			if _, ok := path[key]; ok {
				in, where = "path", later(where, src.whereIs(join(at+".path", key)))
			}
			if _, ok := radio[key]; ok {
				in, where = "radio", later(where, src.whereIs(join(at+".radio", key)))
			}
		}
		if in != "" {
			src.add(where, "fleet.%s.%s", in, c.text)
		}
	}
	if given, ok := tables(path["schedule"]); ok {
		src.checkSchedule(at+".path.schedule", given, f.Path.Schedule, links)
	}
}

// checkLinkName complains about a link that is not there or not right.
func (src *source) checkLinkName(at, key, name string, links *catalogue) {
	if name == "" {
		return // missing, or not a string
	}
	where := src.whereIs(at)
	_, err := links.find(name, where)
	for _, err := range each(err) {
		src.add(where, "%s: %v", key, err)
	}
}

// checkSchedule complains about a schedule that is not complete or not in
// order.
func (src *source) checkSchedule(at string, given []map[string]any, schedule []change, links *catalogue) {
	const key = "fleet.path.schedule"
	before := time.Duration(0)
	for i, c := range schedule {
		here := element(at, i)
		for _, inner := range keysOf(reflect.TypeFor[change]()) {
			if _, ok := given[i][inner]; !ok {
				src.add(src.whereIs(here), "%s.%s: missing, want %s", key, inner, rules[join(key, inner)].want)
			}
		}
		src.checkLinkName(here+".link", key+".link", c.Link, links)
		if c.At > 0 && c.At <= before {
			src.add(src.whereIs(here+".at"), "%s.at: found %v after %v, want times in order", key, c.At, before)
		}
		before = max(before, c.At)
	}
}

// tlsKey is the key of fleet.tls that a complaint of the TLS client is about.
func tlsKey(text string) string {
	for _, key := range keysOf(reflect.TypeFor[device.TLS]()) {
		if strings.HasPrefix(text, key) {
			return key
		}
	}
	if strings.Contains(text, "cipher") {
		return "ciphers"
	}
	return "groups"
}

// checkTransport refuses what the device has no use for: a modem's settings
// without a modem, and the time-outs of the other transport.
func (src *source) checkTransport(at string, table map[string]any, base device.Profile) {
	hasModem := base.Modem.Baud > 0
	if modem, ok := table["modem"].(map[string]any); ok && len(modem) > 0 && !hasModem {
		src.add(src.whereIs(at+".modem"), "fleet.modem: %s has no AT modem", base.Name)
	}
	timeouts, _ := table["timeouts"].(map[string]any)
	for _, key := range timeoutsWithout(hasModem) {
		if _, ok := timeouts[key]; ok {
			src.add(src.whereIs(join(at+".timeouts", key)), "fleet.timeouts.%s: %s has no such time-out: %s", key, base.Name, openingBudget(hasModem))
		}
	}
}

// timeoutsWithout lists the time-outs that a transport does not have: a modem
// opens within one budget, lwIP and mbedTLS have one for each step.
func timeoutsWithout(hasModem bool) []string {
	if hasModem {
		return []string{"dns", "tcp", "tls"}
	}
	return []string{"connect"}
}

func openingBudget(hasModem bool) string {
	if hasModem {
		return "its modem opens within one, fleet.timeouts.connect"
	}
	return "it opens in steps, each with its own: " + strings.Join(timeoutsWithout(true), ", ")
}
