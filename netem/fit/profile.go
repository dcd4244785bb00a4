package fit

import (
	"fmt"
	"math"
	"strings"
	"time"

	"xzfleet/netem"
)

// Fit is a link profile made from measurements, and how sure each of its
// numbers is.
type Fit struct {
	Profile  netem.Profile
	Values   []Value
	Schedule []Class  // of a signal log
	Inputs   []string // the measurements, each in a line
	Warnings []string
}

// Value is one number that was found.
type Value struct {
	Key       string // of the profile, "ge.p"; empty where it fills none
	Name      string // what it is, where it fills none
	Value     float64
	Unit      string
	Low, High float64 // 95 %; both 0: there is no interval
	N         int     // observations
	KS        float64 // distance of the fitted distribution from theirs; 0: none was fitted
	Assumed   bool    // not measured
	From      Kind
	Date      time.Time
}

// Few is the number of observations below which a fit is not to be relied on.
const Few = 200

// inactivity is how long an LTE network keeps a silent device connected: 10 s
// at Verizon, 5 s at T-Mobile US (SIGCOMM21-5G/artifact RRC-Probe). A log
// shorter than ten of them has seen one state of the radio.
const inactivity = 10 * time.Second

// Profile makes a profile of all that was measured on one link. Where two
// kinds tell the same, the finer one counts: ping before a capture for the
// round trip, a trace before ping for stalls.
func Profile(ms ...Measurement) Fit {
	f := Fit{}
	by := map[Kind][]Measurement{}
	for _, m := range ms {
		by[m.Kind] = append(by[m.Kind], m)
		f.introduce(m)
	}
	for _, kind := range []Kind{Ping, Mahimahi, Capture, Signal} {
		f.warnOfFew(kind, by[kind])
	}
	f.fromPing(by[Ping], len(by[Mahimahi]) == 0)
	f.fromTraces(by[Mahimahi])
	f.fromCaptures(by[Capture], len(by[Ping]) == 0)
	f.fromSignal(by[Signal])
	f.warnOfAbsent(by)
	return f
}

// observations is what a kind counts.
func (k Kind) observations() string {
	return [...]string{"", "answers", "seconds", "handshakes", "readings"}[k]
}

// introduce says what a measurement is.
func (f *Fit) introduce(m Measurement) {
	text := fmt.Sprintf("%s: %v, %s, %v long, %d %s", m.base(), m.Kind, day(m.Date), m.Span.Round(time.Second), m.N, m.Kind.observations())
	if m.Over > 0 {
		of := "lines"
		if m.Kind == Capture {
			of = "packets"
		}
		text += fmt.Sprintf(", %d %s passed over", m.Over, of)
	}
	f.Inputs = append(f.Inputs, text)
	for _, w := range m.Warnings {
		f.warn("%s: %s", m.base(), w)
	}
}

func day(date time.Time) string {
	if date.IsZero() {
		return "date unknown"
	}
	return date.Format(time.DateOnly)
}

func (f *Fit) warnOfFew(kind Kind, ms []Measurement) {
	n, span := 0, time.Duration(0)
	for _, m := range ms {
		n, span = n+m.N, span+m.Span
	}
	if len(ms) == 0 {
		return
	}
	if n < Few {
		f.warn("%v: n = %d %s, fewer than %d: the fit is not to be relied on", kind, n, kind.observations(), Few)
	}
	if span < 10*inactivity {
		f.warn("%v: %v long, shorter than 10 inactivity periods (10 x %v)", kind, span.Round(time.Second), inactivity)
	}
}

// warnOfAbsent says what a scenario would miss.
func (f *Fit) warnOfAbsent(by map[Kind][]Measurement) {
	var absent []string
	if len(by[Ping])+len(by[Capture]) == 0 {
		absent = append(absent, "rtt_floor", "jitter_sd", "ge")
	}
	if len(by[Mahimahi]) == 0 {
		absent = append(absent, "rate_kbps")
	}
	absent = append(absent, "queue_bytes", "rrc", "drx", "handover", "nat", "attach")
	f.warn("not in these measurements and absent from the profile: %s; a bundled profile has them to copy", strings.Join(absent, ", "))
}

func (m *Measurement) warn(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
}

func (f *Fit) warn(format string, args ...any) {
	f.Warnings = append(f.Warnings, fmt.Sprintf(format, args...))
}

// source is what a group of values has in common.
type source struct {
	f    *Fit
	from Kind
	date time.Time
	n    int
}

func (f *Fit) source(ms []Measurement, n int) source {
	s := source{f: f, from: ms[0].Kind, n: n}
	for _, m := range ms {
		if s.date.IsZero() || !m.Date.IsZero() && m.Date.Before(s.date) {
			s.date = m.Date
		}
	}
	return s
}

// set fills a key of the profile.
func (s source) set(key string, to *float64, v float64, unit string, in interval, ks float64) {
	*to = round(v)
	s.add(Value{Key: key, Value: *to, Unit: unit, Low: in.low, High: in.high, KS: ks})
}

// assume fills a key with something that the data do not tell.
func (s source) assume(key string, to *float64, v float64, unit string) {
	*to = v
	s.add(Value{Key: key, Value: v, Unit: unit, Assumed: true})
}

// tell says a number that fills no key.
func (s source) tell(name string, v float64, unit string, in interval) {
	s.add(Value{Name: name, Value: round(v), Unit: unit, Low: in.low, High: in.high})
}

func (s source) add(v Value) {
	v.N, v.From, v.Date = s.n, s.from, s.date
	v.Low, v.High, v.KS = round(v.Low), round(v.High), round(v.KS)
	s.f.Values = append(s.f.Values, v)
}

// round keeps four digits: more is noise, and a nuisance in a file.
func round(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	if math.IsInf(scale, 0) || scale == 0 {
		return v
	}
	return math.Round(v*scale) / scale
}
