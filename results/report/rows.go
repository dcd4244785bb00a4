package report

import (
	"fmt"
	"sort"

	"xzfleet/results"
	"xzfleet/results/stats"
)

// milestones are the times at which the table beside the curves reads them.
var milestones = [3]float64{1000, 3000, 10_000} // ms

// groupRow is one group beside its curve.
type groupRow struct {
	Profile, Link string
	Colour, Dash  int
	Devices       string
	By            [len(milestones)]string // share connected by each milestone
	End           string
	P50, P95      cell
	Failed        cell
}

// cell is a value with its interval, or the reason why there is none.
type cell struct{ Value, Note string }

func groupRows(s stats.Summary, curves []stats.Curve, p *plot) []groupRow {
	var rows []groupRow
	for i, c := range curves {
		row := groupRow{Profile: c.Profile, Link: c.Link, End: "0" + nbsp + "%"}
		if p != nil {
			row.Colour, row.Dash = p.Curves[i].Colour, p.Curves[i].Dash
		}
		for m, ms := range milestones {
			row.By[m] = percent(shareBy(c, ms))
		}
		if n := len(c.Points); n > 0 {
			row.End = percent(c.Points[n-1].Share)
		}
		for _, g := range s.Groups {
			if g.Profile == c.Profile && g.Link == c.Link {
				row.Devices = count(g.Devices.Arrived)
				connect := g.Phases[stats.Connect]
				row.P50, row.P95 = quantileCell(connect.P50), quantileCell(connect.P95)
				row.Failed = cell{rate(g.Failures.Rate), rateRange(g.Failures.Rate)}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func quantileCell(e stats.Estimate) cell {
	if e.Value == nil {
		return cell{"–", e.Reason}
	}
	return cell{quantile(e), quantileRange(e)}
}

// shareBy reads a curve.
func shareBy(c stats.Curve, ms float64) float64 {
	i := sort.Search(len(c.Points), func(i int) bool { return c.Points[i].Ms > ms })
	if i == 0 {
		return 0
	}
	return c.Points[i-1].Share
}

// phaseRow is what a group, or the whole run, spent in each phase.
type phaseRow struct {
	Profile, Link string
	Cells         []phaseCell
}

// phaseCell has bars in percent of the longest one in the table.
type phaseCell struct {
	Phase    string
	P50, P95 string
	Bar50    float64
	Bar95    float64
	Title    string
}

// phaseRows are the phases that were entered, and a row for the whole run and
// for each group.
func phaseRows(s stats.Summary) (phases []string, rows []phaseRow) {
	names := phaseNames(s.Block, results.KindChannel)
	if len(names) == 0 {
		return nil, nil
	}
	var longest float64
	add := func(profile, link string, b stats.Block) {
		row := phaseRow{Profile: profile, Link: link}
		for _, name := range names {
			i := b.Phases[name]
			c := phaseCell{Phase: string(name), P50: quantile(i.P50), P95: quantile(i.P95), Title: phaseTitle(i)}
			if i.P50.Value != nil {
				c.Bar50 = *i.P50.Value
			}
			if i.P95.Value != nil {
				c.Bar95 = *i.P95.Value
			}
			longest = max(longest, c.Bar50, c.Bar95)
			row.Cells = append(row.Cells, c)
		}
		rows = append(rows, row)
	}
	add("all", "", s.Block)
	if len(s.Groups) > 1 {
		for _, g := range s.Groups {
			add(g.Profile, g.Link, g.Block)
		}
	}
	for _, row := range rows {
		for i := range row.Cells {
			row.Cells[i].Bar50 *= 100 / max(longest, 1)
			row.Cells[i].Bar95 *= 100 / max(longest, 1)
		}
	}
	for _, name := range names {
		phases = append(phases, string(name))
	}
	return phases, rows
}

func phaseTitle(i stats.Incidence) string {
	return fmt.Sprintf("%s entered, %s through, %s failed, %s cut; p50 %s; p95 %s",
		count(i.Entered), count(i.Through), count(i.Failed), count(i.Cut), quantileText(i.P50), quantileText(i.P95))
}

// failureTable is the failures of one kind of attempt.
type failureTable struct {
	Title, Tries, Rate string
	Rows               []failureRow
}

// failureRow has its interval in percent of the widest in the table.
type failureRow struct {
	Phase, Cause, Count, All string
	Rate                     cell
	Low, Value, High         float64
}

func failureTables(s stats.Summary) []failureTable {
	tables := []failureTable{newFailureTable("Opening the channel", s.Block)}
	if s.OTA != nil {
		tables = append(tables, newFailureTable("OTA request", *s.OTA))
	}
	return tables
}

func newFailureTable(title string, b stats.Block) failureTable {
	t := failureTable{
		Title: title, Tries: count(b.Attempts.FirstTries) + " first tries", Rate: rateText(b.Failures.Rate),
	}
	widest := 0.0
	for _, f := range b.Failures.By {
		if f.Rate.High != nil {
			widest = max(widest, *f.Rate.High)
		}
	}
	for _, f := range b.Failures.By {
		row := failureRow{
			Phase: string(f.Phase), Cause: string(f.Cause), Count: count(f.Count), All: count(f.AllTries),
			Rate: cell{rate(f.Rate), rateRange(f.Rate)},
		}
		if f.Rate.Value != nil && widest > 0 {
			row.Low = 100 * *f.Rate.Low / widest
			row.Value = 100 * *f.Rate.Value / widest
			row.High = 100 * *f.Rate.High / widest
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
