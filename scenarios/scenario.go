// Package scenarios says what a run is: which devices, how many, over which
// links, arriving when and doing what, against which server. It loads
// scenario files strictly, reports everything that is wrong with one at once,
// resolves profiles and overrides, and cuts a fleet into shares. It is the
// one home of TOML.
package scenarios

import (
	"time"

	"xzfleet/emulator/device"
	"xzfleet/netem"
	"xzfleet/server/voice"
)

// Scenario is a scenario file fully resolved: defaults filled in, profiles
// looked up, overrides applied.
type Scenario struct {
	Name      string        `toml:"name"` // default: the file's name
	Note      string        `toml:"note"` // the question it answers
	Seed      uint64        `toml:"seed"`
	Length    time.Duration `toml:"length"`    // the run ends then at the latest
	Expect    []string      `toml:"expect"`    // e.g. "connect p95 < 3s", "failures < 1%"
	Undecided string        `toml:"undecided"` // verdict where the data cannot tell: "fail" or "pass"
	Arrival   Arrival       `toml:"arrival"`
	Usage     Usage         `toml:"usage"`
	Cell      Cell          `toml:"cell"`
	Target    Target        `toml:"target"`
	Fleets    []Fleet       `toml:"-"`
	// Links are link profiles of the scenario's own, [profile.NAME], and in a
	// resolved scenario those of the link files that it names. They come before
	// the bundled ones of the same name.
	Links  map[string]Link `toml:"profile,omitempty"`
	Server voice.Config    `toml:"server"` // the bundled server, unused where Target.URL is set
}

// Pattern says how devices arrive.
type Pattern string

const (
	Ramp    Pattern = "ramp"    // evenly spaced
	Poisson Pattern = "poisson" // independent, exponential gaps
	Storm   Pattern = "storm"   // all at once, at the start
)

// Arrival is when devices start. A ramp has either Over or Rate, a Poisson
// process has Rate, a storm neither.
type Arrival struct {
	Pattern Pattern       `toml:"pattern"`
	Over    time.Duration `toml:"over,omitzero"` // from the first device to the last
	Rate    float64       `toml:"rate,omitzero"` // devices/s
}

// Usage is what a device does once it has arrived.
type Usage struct {
	Boot  bool          `toml:"boot"`  // power-on: OTA request first; the scheme of Target.URL decides where that is set
	Turns int           `toml:"turns"` // spoken turns per conversation
	Think time.Duration `toml:"think"` // from the end of an answer to the next question
	Mode  string        `toml:"mode"`  // listening mode, "auto"
}

// Cell is the radio cell that devices of one fleet share.
type Cell struct {
	Size int `toml:"size"` // devices; a cell never spans fleets
}

// Target is a server other than the bundled one.
type Target struct {
	URL string `toml:"url,omitempty"` // ws or wss: open there; http or https: OTA first, follow its answer
	CA  string `toml:"ca,omitempty"`  // PEM file of roots that devices trust beside their own
}

// Fleet is a number of devices alike.
type Fleet struct {
	Name       string
	Count      int
	DeviceName string         // the profile that Device was made from
	LinkName   string         // the profile or the file that Link was made from
	Device     device.Profile // with the scenario's overrides
	Link       netem.Profile  // with the scenario's overrides
	// Schedule are the links that come after Link, each from its time on, in
	// order; ScheduleNames are the profiles or files that they were made from.
	Schedule      []netem.Class
	ScheduleNames []string
}

// defaults is a scenario without a file; fleets have none.
func defaults(name string) Scenario {
	return Scenario{
		Name:      name,
		Seed:      1,
		Length:    time.Minute,
		Undecided: "fail",
		Arrival:   Arrival{Pattern: Ramp},
		Usage:     Usage{Turns: 1, Mode: "auto"},
		Cell:      Cell{Size: 50},
		Server:    voice.Default(),
	}
}

// defaultOver is how long a ramp takes that says neither over nor rate.
const defaultOver = 10 * time.Second

// Devices is the number of devices in all fleets.
func (s *Scenario) Devices() int {
	n := 0
	for _, f := range s.Fleets {
		n += f.Count
	}
	return n
}

// document is a scenario as its file spells it; run.toml is one too.
type document struct {
	Scenario
	Fleet []fleetTable `toml:"fleet"`
}

// fleetTable is [[fleet]]: profiles by name, overrides by table. Link is a
// bundled link profile, one of the scenario's own, or the path of a link file:
// with a slash or ending in .toml, relative to the scenario's file (or, from a
// -set, to the working directory).
type fleetTable struct {
	Name     string          `toml:"name"`
	Count    int             `toml:"count"`
	Device   string          `toml:"device"`
	Link     string          `toml:"link"`
	TLS      device.TLS      `toml:"tls"`
	Timeouts device.Timeouts `toml:"timeouts"`
	Retry    device.Retry    `toml:"retry"`
	Modem    device.Modem    `toml:"modem"`
	Path     pathTable       `toml:"path"`
	Radio    radioTable      `toml:"radio"`
}
