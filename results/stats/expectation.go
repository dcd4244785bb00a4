package stats

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Expectation is what a run should come to: `connect pNN < DURATION` or
// `failures < PERCENT%`.
type Expectation struct {
	Text    string
	Metric  Metric
	Share   float64       // connect: the share that must be connected by Within; failures: the most that may fail
	Within  time.Duration // connect only
	OrEqual bool          // the operator is <=
}

// Metric is what an expectation is about.
type Metric string

const (
	MetricConnect  Metric = "connect"
	MetricFailures Metric = "failures"
)

var expectationForm = regexp.MustCompile(`^\s*([a-z_]+)(?:\s+p\s*([0-9.]+))?\s*(<=|<|>=|>|==|=)\s*([^<>=]*?)\s*$`)

// ParseExpectation reads one expectation. Its error says what would be right.
func ParseExpectation(text string) (Expectation, error) {
	bad := func(format string, args ...any) (Expectation, error) {
		return Expectation{}, fmt.Errorf("expectation %q: %s", text, fmt.Sprintf(format, args...))
	}
	m := expectationForm.FindStringSubmatch(text)
	if m == nil {
		return bad(`want "connect p95 < 3s" or "failures < 1%%"`)
	}
	metric, percentile, op, limit := Metric(m[1]), m[2], m[3], strings.Join(strings.Fields(m[4]), "")
	e := Expectation{Text: strings.TrimSpace(text), Metric: metric, OrEqual: op == "<="}
	if op != "<" && op != "<=" {
		return bad("operator %q, want < or <=", op)
	}
	switch metric {
	case MetricConnect:
		if percentile == "" {
			return bad(`which quantile? want "connect p95 < %s"`, limit)
		}
		p, err := strconv.ParseFloat(percentile, 64)
		if err != nil || !(p > 0 && p < 100) {
			return bad("p%s is not a quantile between p1 and p99.9", percentile)
		}
		e.Share = p / 100
		e.Within, err = time.ParseDuration(limit)
		if err != nil || e.Within <= 0 {
			return bad(`%q is not a duration like 3s or 800ms`, limit)
		}
	case MetricFailures:
		if percentile != "" {
			return bad("a rate has no quantile: want \"failures %s %s\"", op, limit)
		}
		number, isPercent := strings.CutSuffix(limit, "%")
		p, err := strconv.ParseFloat(number, 64)
		if !isPercent || err != nil {
			return bad(`%q is not a share like 1%%`, limit)
		}
		if !(p > 0 && p <= 100) {
			return bad("no number of attempts can show a rate %s %s: want more than 0%% and at most 100%%", op, limit)
		}
		e.Share = p / 100
	default:
		return bad(`unknown metric %q, want connect or failures`, metric)
	}
	return e, nil
}

// judge compares the interval of the share that e is about with its limit.
func (e Expectation) judge(low, high float64) Outcome {
	if e.Metric == MetricConnect { // more than Share must connect
		low, high = 1-high, 1-low
	}
	limit := e.Share
	if e.Metric == MetricConnect {
		limit = 1 - e.Share
	}
	switch {
	case high < limit-slack, e.OrEqual && high <= limit+slack:
		return Met
	case low > limit+slack, !e.OrEqual && low >= limit-slack:
		return Missed
	}
	return Undecided
}

// NeedsN is the least number of attempts at which a flawless run meets e.
func (e Expectation) NeedsN() int {
	flawless := 0.0
	if e.Metric == MetricConnect {
		flawless = 1
	}
	n, _ := e.decidedFrom(flawless, 1, normalQuantile(), Met)
	return n
}

// decidedFrom is about how many attempts, each worth 1/deff independent ones,
// give one of the wanted verdicts when the share p is seen; false where no
// number does.
func (e Expectation) decidedFrom(p, deff, quantile float64, want ...Outcome) (int, bool) {
	decided := func(n int) bool {
		return slices.Contains(want, e.judge(wilson(p, float64(n)/deff, quantile)))
	}
	const most = math.MaxInt32
	low, high := 0, 1 // decided at high, not at low
	for !decided(high) {
		if high > most/2 {
			return 0, false
		}
		low, high = high, 2*high
	}
	for high-low > 1 {
		if mid := low + (high-low)/2; decided(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high, true
}
