package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"xzfleet/results/stats"
)

// nbsp keeps a number and its unit on one line; the terminal writes a space.
const nbsp = "\u00a0"

// count writes 12,345.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural writes "1 cell", "2 cells".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// bare is a time without its unit, and the unit: ms below 10 s, s above.
func bare(ms float64) (number, unit string) {
	switch abs := math.Abs(ms); {
	case abs == 0:
		return "0", "ms"
	case abs < 9.95:
		return strconv.FormatFloat(ms, 'f', 1, 64), "ms"
	case abs < 9999.5:
		return strconv.FormatFloat(ms, 'f', 0, 64), "ms"
	case abs < 99_950:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64), "s"
	}
	return strconv.FormatFloat(ms/1000, 'f', 0, 64), "s"
}

// duration writes 812 ms or 12.3 s.
func duration(ms float64) string {
	number, unit := bare(ms)
	return number + nbsp + unit
}

// percent writes a share with as many digits as it deserves, and never rounds
// to all or nothing what is not.
func percent(share float64) string { return percentBare(share) + nbsp + "%" }

func percentBare(share float64) string {
	switch {
	case share <= 0:
		return "0"
	case share >= 1:
		return "100"
	}
	p := 100 * share
	digits := 2
	if p >= 9.95 {
		digits = 1
	}
	for ; digits < 6; digits++ {
		text := strconv.FormatFloat(p, 'f', digits, 64)
		if rounded, err := strconv.ParseFloat(text, 64); err == nil && rounded > 0 && rounded < 100 {
			return text
		}
	}
	return strconv.FormatFloat(p, 'g', 3, 64)
}

// quantile writes the value of an estimate in ms, or a dash.
func quantile(e stats.Estimate) string {
	if e.Value == nil {
		return "–"
	}
	return duration(*e.Value)
}

// quantileRange writes the interval of an estimate in ms, or nothing. Where
// the records give no upper end it may be never.
func quantileRange(e stats.Estimate) string {
	if e.Value == nil {
		return ""
	}
	low, lowUnit := "0", ""
	if e.Low != nil {
		low, lowUnit = bare(*e.Low)
	}
	high, highUnit := "∞", ""
	if e.High != nil {
		high, highUnit = bare(*e.High)
	}
	switch {
	case highUnit == "" || lowUnit == "":
		return strings.TrimSpace(low + "–" + high + nbsp + lowUnit + highUnit)
	case lowUnit == highUnit:
		return low + "–" + high + nbsp + highUnit
	}
	return low + nbsp + lowUnit + " – " + high + nbsp + highUnit
}

// rate writes the value of a share.
func rate(e stats.Estimate) string {
	if e.Value == nil {
		return "–"
	}
	return percent(*e.Value)
}

// rateRange writes the interval of a share, or nothing.
func rateRange(e stats.Estimate) string {
	if e.Value == nil || e.Low == nil || e.High == nil {
		return ""
	}
	return percentBare(*e.Low) + "–" + percent(*e.High)
}

// withRange writes a value and its interval in brackets, or why there is none.
func withRange(value, interval, reason string) string {
	switch {
	case interval != "":
		return value + " (" + interval + ")"
	case reason != "":
		return reason
	}
	return value
}

// quantileText is a quantile with its interval, or the reason of its absence.
func quantileText(e stats.Estimate) string {
	return withRange(quantile(e), quantileRange(e), e.Reason)
}

// rateText is a share with its interval, or the reason of its absence.
func rateText(e stats.Estimate) string { return withRange(rate(e), rateRange(e), e.Reason) }

// megabytes writes memory.
func megabytes(bytes int64) string { return fmt.Sprintf("%.0f"+nbsp+"MB", float64(bytes)/1e6) }

// seconds writes a CPU time.
func seconds(s float64) string {
	if s < 10 {
		return fmt.Sprintf("%.2f"+nbsp+"s", s)
	}
	return fmt.Sprintf("%.1f"+nbsp+"s", s)
}
