package scenarios

import (
	"reflect"
	"strings"
	"time"

	"xzfleet/netem"
)

// pathTable is [fleet.path]: what of a link profile is about packets on their
// way, each number by itself over that of the fleet's link; units and meaning
// as in the file of link profiles (`xzfleet profiles NAME`).
type pathTable struct {
	RTTFloor   netem.RTTFloor  `toml:"rtt_floor"`
	UpShare    float64         `toml:"up_share"`
	JitterSD   float64         `toml:"jitter_sd"`
	GE         netem.GE        `toml:"ge"`
	Rate       netem.Rate      `toml:"rate_kbps"`
	QueueBytes netem.UpDown    `toml:"queue_bytes"`
	CrossLoad  netem.Load      `toml:"cross_traffic_load"`
	NAT        netem.NAT       `toml:"nat"`
	Middlebox  netem.Middlebox `toml:"middlebox"`
	// Schedule moves the fleet's devices from one link to the next, each from
	// its time on. The overrides of the fleet are for the first link, that of
	// fleet.link, alone; the others are as their profiles say.
	Schedule []change `toml:"schedule,omitempty"`
}

// radioTable is [fleet.radio]: what of a link profile is about the radio.
type radioTable struct {
	RRC      netem.RRC      `toml:"rrc"`
	DRX      netem.DRX      `toml:"drx"`
	Handover netem.Handover `toml:"handover"`
	Stall    netem.Stall    `toml:"stall"`
	Outage   netem.Outage   `toml:"outage"`
	Attach   netem.Attach   `toml:"attach"`
}

// change is one entry of a schedule.
type change struct {
	At   time.Duration `toml:"at"`   // since the run's start
	Link string        `toml:"link"` // as fleet.link: a profile, or the path of a link file
}

// tablesOf takes a profile apart into the tables of a fleet.
func tablesOf(p netem.Profile) (path pathTable, radio radioTable) {
	copyKeys(reflect.ValueOf(&path).Elem(), reflect.ValueOf(p))
	copyKeys(reflect.ValueOf(&radio).Elem(), reflect.ValueOf(p))
	return path, radio
}

// over lays the tables of a fleet over the profile that they were made from.
func (f *fleetTable) over(p netem.Profile) netem.Profile {
	copyKeys(reflect.ValueOf(&p).Elem(), reflect.ValueOf(f.Path))
	copyKeys(reflect.ValueOf(&p).Elem(), reflect.ValueOf(f.Radio))
	return p
}

// copyKeys copies what two structs both call the same in TOML.
func copyKeys(dst, src reflect.Value) {
	from := fieldsOf(src.Type())
	for key, index := range fieldsOf(dst.Type()) {
		if there, ok := from[key]; ok {
			dst.FieldByIndex(index).Set(src.FieldByIndex(there))
		}
	}
}

// otherTable names the one of [fleet.path] and [fleet.radio] that has a key
// where the other was found, or "".
func otherTable(key string) string {
	for table, other := range map[string]string{"fleet.path.": "fleet.radio", "fleet.radio.": "fleet.path"} {
		rest, ok := strings.CutPrefix(key, table)
		if _, has := fieldsOf(tableTypes[other])[rest]; ok && has {
			return "[" + other + "]"
		}
	}
	return ""
}

var tableTypes = map[string]reflect.Type{
	"fleet.path": reflect.TypeFor[pathTable](), "fleet.radio": reflect.TypeFor[radioTable](),
}
