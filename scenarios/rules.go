package scenarios

import (
	"fmt"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"xzfleet/emulator/device"
)

// rule is what a key's value must be beyond its type.
type rule struct {
	want  string // what would be right, for the message
	ok    func(reflect.Value) bool
	later []string // values of the contract that are not there yet
	// ceiling is what would be right for a value that is above the range,
	// where want does not name its end.
	ceiling string
	above   func(reflect.Value) bool
}

// longest is more than any run or time-out takes; it keeps sums of durations
// far from overflow.
const longest = 30 * 24 * time.Hour

// most is the largest count of anything.
const most = 10_000_000

// ruleFor is the rule of a key, or else what every value of its type obeys.
func ruleFor(key string, t reflect.Type) rule {
	if r, ok := rules[key]; ok {
		return r
	}
	for _, table := range []string{"fleet.path.", "fleet.radio.", "profile."} {
		if key, ok := strings.CutPrefix(key, table); ok && linkRules[key].ok != nil {
			return linkRules[key]
		}
	}
	return ruleOfType(t)
}

// linkName is a link by name or file; which there are, the catalogue knows.
var linkName = rule{want: "a link profile (xzfleet profiles lists them) or the path of a link file", ok: anything}

func ruleOfType(t reflect.Type) rule {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return duration(0)
	case t.Kind() == reflect.Struct:
		return rule{want: "a table", ok: anything}
	case t.Kind() == reflect.Bool:
		return rule{want: "true or false", ok: anything}
	case t.Kind() == reflect.String:
		return rule{want: "a string", ok: anything}
	case t.Kind() == reflect.Float64:
		return between(0, math.MaxFloat64)
	case t.Kind() == reflect.Slice:
		return rule{want: `a list of strings, such as ["a", "b"]`, ok: anything}
	}
	return whole(0, math.MaxInt64)
}

func anything(reflect.Value) bool { return true }

// rules are the ranges, by key.
var rules = map[string]rule{
	"name":            match(fileName, "a name of letters, digits, '.', '-' and '_'"),
	"seed":            whole(0, math.MaxInt64),
	"length":          duration(time.Millisecond),
	"undecided":       oneOf("fail", "pass"),
	"arrival.pattern": oneOf("ramp", "poisson", "storm").notYet("steps", "lockstep"),
	"arrival.over":    duration(time.Millisecond),
	"arrival.rate":    moreThanZero(1e6, "devices/s"),
	"usage.turns":     whole(1, 1000),
	"usage.mode":      oneOf("auto").notYet("manual", "realtime"),
	"cell.size":       whole(1, most),
	"target.url":      {want: "a ws, wss, http or https URL without user name or fragment", ok: isTarget},

	"fleet.name":   {want: "a name of letters, digits, '-' and '_' that is not that of a key of [[fleet]]", ok: isFleetName},
	"fleet.count":  whole(1, most),
	"fleet.device": oneOf(deviceNames()...),
	"fleet.link":   linkName,

	"fleet.tls.min_version": oneOf("1.0", "1.1", "1.2", "1.3"),
	"fleet.tls.max_version": oneOf("1.0", "1.1", "1.2", "1.3"),
	"fleet.tls.verify":      oneOf("none", "ca", "bundle"),

	"fleet.timeouts.dns":     duration(time.Millisecond),
	"fleet.timeouts.tcp":     duration(time.Millisecond),
	"fleet.timeouts.tls":     duration(time.Millisecond),
	"fleet.timeouts.connect": duration(time.Millisecond),
	"fleet.timeouts.ota":     duration(time.Millisecond),
	"fleet.timeouts.upgrade": duration(time.Millisecond),
	"fleet.timeouts.hello":   duration(time.Millisecond),
	"fleet.timeouts.channel": duration(time.Millisecond),

	"fleet.retry.first":  duration(time.Millisecond),
	"fleet.retry.factor": between(1, 100),
	"fleet.retry.tries":  whole(1, 1000),
	"fleet.retry.jitter": between(0, 1),

	"fleet.modem.baud":  whole(1200, 4_000_000),
	"fleet.modem.piece": whole(1, 1460),
	"fleet.modem.ping":  oneOf("answer", "ignore", "die"),

	"fleet":                    {want: "tables: [[fleet]]"},
	"fleet.path.schedule":      {want: `tables: [{ at = "30s", link = "cat1-cell-edge" }]`},
	"fleet.path.schedule.at":   duration(time.Millisecond),
	"fleet.path.schedule.link": linkName,
	"profile":                  {want: "tables: [profile.NAME]"},
}

func deviceNames() []string {
	var names []string
	for _, p := range device.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

func oneOf(names ...string) rule {
	return rule{want: quoteAll(names, "or"), ok: func(v reflect.Value) bool { return slices.Contains(names, v.String()) }}
}

func (r rule) notYet(names ...string) rule {
	r.later = names
	return r
}

func match(re *regexp.Regexp, want string) rule {
	return rule{want: want, ok: func(v reflect.Value) bool { return re.MatchString(v.String()) }}
}

// whole is a whole number in [low, high]; an upper end that few will meet is
// mentioned only to those.
func whole(low, high int64) rule {
	r := rule{want: fmt.Sprintf("a whole number of at least %d", low)}
	if high < most {
		r.want = fmt.Sprintf("a whole number from %d to %d", low, high)
	}
	r.ceiling = fmt.Sprintf("a whole number of at most %d", high)
	r.above = func(v reflect.Value) bool { return high >= most && integer(v) > high }
	r.ok = func(v reflect.Value) bool { return integer(v) >= low && integer(v) <= high }
	return r
}

func integer(v reflect.Value) int64 {
	if v.CanUint() {
		return int64(min(v.Uint(), math.MaxInt64))
	}
	return v.Int()
}

func between(low, high float64) rule {
	want := "a number from " + number(low) + " to " + number(high)
	if high == math.MaxFloat64 {
		want = "a number of at least " + number(low)
	}
	return rule{want: want, ok: func(v reflect.Value) bool { return v.Float() >= low && v.Float() <= high }}
}

func moreThanZero(high float64, unit string) rule {
	want := fmt.Sprintf("a number of more than 0 and at most %s (%s)", number(high), unit)
	return rule{want: want, ok: func(v reflect.Value) bool { return v.Float() > 0 && v.Float() <= high }}
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func duration(low time.Duration) rule {
	return rule{
		want:    `a duration of at least ` + low.String() + `, such as "10s"`,
		ok:      func(v reflect.Value) bool { d := time.Duration(v.Int()); return d >= low && d <= longest },
		ceiling: "a duration of at most " + longest.String(),
		above:   func(v reflect.Value) bool { return time.Duration(v.Int()) > longest },
	}
}

// fileName keeps a scenario's name fit for the folder that is named after it.
var fileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)

var fleetName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// isLinkName keeps the name of a table [profile.NAME] on one line, and "none"
// what it is.
func isLinkName(v reflect.Value) bool {
	return linkNames.MatchString(v.String()) && v.String() != noLink
}

var linkNames = regexp.MustCompile(`^[^\x00-\x1f\x7f]{1,200}$`)

const linkNameWanted = `a name for [profile.NAME] of at most 200 characters on one line other than "none"`

// isFleetName keeps -set paths clear: no dot, and never the name of a key,
// those to come included.
func isFleetName(v reflect.Value) bool {
	keys := append(keysOf(reflect.TypeFor[fleetTable]()), "heap")
	return fleetName.MatchString(v.String()) && !slices.Contains(keys, v.String())
}

func isTarget(v reflect.Value) bool {
	u, err := url.Parse(v.String())
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(u.Host, " \t\r\n") {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return false
		}
	}
	return slices.Contains([]string{"ws", "wss", "http", "https"}, u.Scheme)
}
