package stats

import "xzfleet/results"

// Curve is the share of a group's attempts that were connected, over the time
// since their intended start. Failures never connect, so it ends below 1 where
// there were any.
type Curve struct {
	Profile, Link string
	Attempts      int     // of kind channel
	EndMs         float64 // of the longest attempt, however it ended
	Points        []Point // the steps, in order of time
}

// Point says that from Ms on Share of the attempts were connected.
type Point struct{ Ms, Share float64 }

// Curves are the connection curves of the run's groups, sorted by profile and
// link.
func Curves(run results.Run) []Curve {
	var curves []Curve
	for _, g := range groups(run) {
		channel, _ := byKind(g.attempts)
		var counted []*results.Attempt
		for _, a := range channel {
			if !ours(a) {
				counted = append(counted, a)
			}
		}
		if len(counted) == 0 {
			continue
		}
		in := newIncidence(connectTimes(counted, newRoster()))
		c := Curve{
			Profile: g.profile, Link: g.link,
			Attempts: in.n, EndMs: in.sorted[in.n-1].ms,
		}
		for _, s := range in.steps {
			if s.events > 0 {
				c.Points = append(c.Points, Point{s.ms, s.share})
			}
		}
		curves = append(curves, c)
	}
	return curves
}
