package report

import (
	"fmt"
	"strings"

	"xzfleet/results/stats"
)

// headline is what the run comes to, in one sentence.
func headline(s stats.Summary) string {
	d := s.Devices
	if d.Arrived == 0 {
		return "No device made an attempt"
	}
	share := percent(float64(d.Connected) / float64(d.Arrived))
	return fmt.Sprintf("%s of %s connected (%s)", count(d.Connected), plural(d.Arrived, "device"), share)
}

// connectText is connect p50 and p95.
func connectText(s stats.Summary) string {
	if _, any := s.Phases[stats.Connect]; !any {
		return ""
	}
	return connectTimes(s.Block)
}

// leading names the most frequent failures of first tries.
func leading(f stats.Failures, most int) string {
	var parts []string
	rest := 0
	for _, row := range f.By {
		switch {
		case row.Count == 0:
		case len(parts) < most:
			parts = append(parts, fmt.Sprintf("%s %s %s", row.Phase, row.Cause, count(row.Count)))
		default:
			rest += row.Count
		}
	}
	if rest > 0 {
		parts = append(parts, "other "+count(rest))
	}
	return strings.Join(parts, ", ")
}

// voiceText is how the conversations fared.
func voiceText(t *stats.Talk) string {
	first := t.FirstAudioMs
	text := fmt.Sprintf("first audio p50 %s, p95 %s; ", quantileText(first.P50), quantileText(first.P95))
	text += fmt.Sprintf("%s of %s answered", count(first.Through), plural(first.Entered, "turn"))
	if first.Cut > 0 {
		text += fmt.Sprintf(" (%s cut)", count(first.Cut))
	}
	if t.FramesDown > 0 {
		text += fmt.Sprintf("; %s of %s frames late", rate(t.LateFrames.Share), count(t.FramesDown))
	}
	if t.DroppedFrames > 0 {
		text += fmt.Sprintf(", %s dropped by the devices", count(t.DroppedFrames))
	}
	return text
}

// dropsText is how many open channels were lost, and to whom.
func dropsText(d *stats.Drops) string {
	text := fmt.Sprintf("%s of %s: %s", count(d.Count), plural(d.Sessions, "session"), rateText(d.Rate))
	for i, row := range d.By {
		by := "; "
		if i > 0 {
			by = ", "
		}
		text += by + strings.TrimSpace(string(row.ClosedBy)+" "+string(row.Cause)) + " " + count(row.Count)
	}
	return text
}

// connectTimes is how long a whole attempt took.
func connectTimes(b stats.Block) string {
	c := b.Phases[stats.Connect]
	return "p50 " + quantileText(c.P50) + ", p95 " + quantileText(c.P95)
}

// otaText is how the configuration requests fared.
func otaText(s stats.Summary) string {
	text := "answered " + connectTimes(*s.OTA) + "; failures " + rateText(s.OTA.Failures.Rate)
	if n := s.Devices.OTAFailed; n > 0 {
		text += "; " + plural(n, "device") + " never got an answer"
	}
	return text
}

// latenessText is what the emulator added of its own.
func latenessText(h *stats.Health) string {
	var parts []string
	if h.LateMs != nil {
		parts = append(parts, fmt.Sprintf("own lateness %s at p50, %s at p95", duration(h.LateMs.P50), duration(h.LateMs.P95)))
	}
	if h.VoiceLatenessP99Ms != nil {
		parts = append(parts, fmt.Sprintf("voice frames %s at p99", duration(*h.VoiceLatenessP99Ms)))
	}
	return strings.Join(parts, ", ")
}

// realPathText is what lies behind the model.
func realPathText(p *stats.RealPath) string {
	if p.Error != "" {
		return "not measured: " + p.Error
	}
	text := fmt.Sprintf("%s round trip (median of %d dials), taken off the links", fine(p.RTTMs), p.Dials)
	if p.LongerThanLink > 0 {
		text += fmt.Sprintf("; longer than the link of %s, which it makes slower", plural(p.LongerThanLink, "device"))
	}
	return text
}

// fine is a duration of which hundredths of a millisecond count.
func fine(ms float64) string {
	if ms < 1 {
		return fmt.Sprintf("%.2f ms", ms)
	}
	return duration(ms)
}

// usage is what a process used.
func usage(cpuS, waitS float64, rss int64) string {
	var parts []string
	if cpuS > 0 {
		parts = append(parts, "CPU "+seconds(cpuS))
	}
	if waitS > 0 {
		parts = append(parts, "waited "+seconds(waitS)+" for a CPU")
	}
	if rss > 0 {
		parts = append(parts, "memory "+megabytes(rss))
	}
	return strings.Join(parts, ", ")
}

// verdictText is the number behind a verdict.
func verdictText(v stats.Verdict) string {
	if v.Value == nil {
		return "nothing was observed to its end"
	}
	text := v.Measure + " " + rateText(stats.Estimate{Value: v.Value, Low: v.Low, High: v.High})
	if v.Outcome == stats.Undecided && v.NeedsN > 0 {
		text += fmt.Sprintf("; needs about %s attempts", count(v.NeedsN))
	}
	return text
}

// coverage says what the intervals cover.
func coverage(s stats.Summary) string {
	d := s.Devices
	text := fmt.Sprintf("Intervals are two-sided 95 %%, for other draws of this model (%s in %s), not for the field or another day.",
		plural(d.Arrived, "device"), plural(d.Cells, "cell"))
	if d.FewCells > 0 {
		text += fmt.Sprintf(" In %s of fewer than %d cells they cover other devices, not other cells.",
			plural(d.FewCells, "fleet"), stats.FewestCells)
	}
	return text
}

// definition says what the numbers count.
const definition = "Times count from the intended start. pNN is the time by which NN % of all attempts were through; " +
	"failures, time-outs included, count as never, and attempts cut by the end of the run as open."
