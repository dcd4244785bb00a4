package fit

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Class is a link profile from a time on.
type Class struct {
	At   time.Duration
	Link string
}

// classes of a signal, best first, by their least RSSI and RSRP in dBm, which
// must be exceeded and reached. Those of the RSSI are ERRANT's (marty90/errant
// README: above −75 good, −85 to −75 medium, at or below −85 bad), those of
// the RSRP are assumed.
var classes = []struct {
	link       string
	rssi, rsrp int
}{
	{"cat1-good", -75, -95},
	{"cat1-typical", -85, -108},
	{"cat1-cell-edge", -1000, -1000},
}

func classOf(r reading) int {
	return slices.IndexFunc(classes, func(c struct {
		link       string
		rssi, rsrp int
	},
	) bool {
		if r.rsrp {
			return r.dBm >= c.rsrp
		}
		return r.dBm > c.rssi
	})
}

// fromSignal makes the time line of link profiles. Of several logs the first
// is it; where a log has both, the RSSI counts, whose limits have a source.
func (f *Fit) fromSignal(ms []Measurement) {
	if len(ms) == 0 {
		return
	}
	m := ms[0]
	for _, other := range ms[1:] {
		f.warn("%s: a second log of the signal, not used: a device has one time line", other.base())
	}
	readings := slices.Clone(m.readings)
	if slices.ContainsFunc(readings, func(r reading) bool { return !r.rsrp }) {
		readings = slices.DeleteFunc(readings, func(r reading) bool { return r.rsrp })
	}
	shares := make([]time.Duration, len(classes))
	start, last := readings[0].at, readings[len(readings)-1].at
	end := last + (last-start)/time.Duration(max(1, len(readings)-1))
	var total time.Duration
	for i, r := range readings {
		until := end
		if i+1 < len(readings) {
			until = readings[i+1].at
		}
		class := classOf(r)
		shares[class] += until - r.at
		total += until - r.at
		if n := len(f.Schedule); n == 0 || f.Schedule[n-1].Link != classes[class].link {
			f.Schedule = append(f.Schedule, Class{r.at - start, classes[class].link})
		}
	}
	s := f.source(ms[:1], len(readings))
	if readings[0].rsrp {
		f.warn("CSQ: the classes of an RSRP (from -95 dBm good, from -108 medium) are assumed")
	}
	for i, c := range classes {
		if total > 0 {
			s.tell("time in "+c.link, 100*float64(shares[i])/float64(total), "%", interval{})
		}
	}
}

// WriteSchedule writes the time line as the key of a scenario's [fleet.path].
func (f Fit) WriteSchedule(w io.Writer) error {
	if _, err := fmt.Fprintln(w, "schedule = ["); err != nil {
		return err
	}
	for _, c := range f.Schedule {
		if _, err := fmt.Fprintf(w, "  { at = %q, link = %q },\n", c.At.Round(time.Millisecond), c.Link); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, "]")
	return err
}
