package stats

import (
	"cmp"
	"slices"

	"xzfleet/results"
)

// newDrops is nil where no channel was open. A channel that the run's end
// closed counts as one that held.
func newDrops(sessions []results.Session, units *roster) *Drops {
	// What the emulator ended is in no rate.
	sessions = slices.DeleteFunc(slices.Clone(sessions), func(s results.Session) bool { return s.Cause == results.CauseEmulatorLimit })
	if len(sessions) == 0 {
		return nil
	}
	d := &Drops{Sessions: len(sessions), By: []Drop{}}
	type end struct {
		by    results.ClosedBy
		cause results.Cause
	}
	index := map[end]int{}
	held := make([]float64, 0, len(sessions))
	for i := range sessions {
		s := &sessions[i]
		held = append(held, s.HeldMs)
		if !s.ClosedBy.Drop() {
			continue
		}
		d.Count++
		key := end{s.ClosedBy, s.Cause}
		row, known := index[key]
		if !known {
			row = len(d.By)
			index[key] = row
			d.By = append(d.By, Drop{ClosedBy: s.ClosedBy, Cause: s.Cause})
		}
		d.By[row].Count++
	}
	slices.Sort(held) // a fixed order of additions
	for _, ms := range held {
		d.HeldS += ms / 1000
	}
	d.HeldS = roundTo(d.HeldS, stepMs)
	d.Rate = dropping(sessions, units, func(s *results.Session) bool { return s.ClosedBy.Drop() })
	for i := range d.By {
		row := &d.By[i]
		row.Rate = dropping(sessions, units, func(s *results.Session) bool {
			return s.ClosedBy == row.ClosedBy && s.Cause == row.Cause
		})
	}
	slices.SortFunc(d.By, func(a, b Drop) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.ClosedBy, b.ClosedBy), cmp.Compare(a.Cause, b.Cause))
	})
	return d
}

func dropping(sessions []results.Session, units *roster, so func(*results.Session) bool) Estimate {
	var s sample
	for i := range sessions {
		dropped := 0
		if so(&sessions[i]) {
			dropped = 1
		}
		s.add(units.unit(&sessions[i].Identity), 1, dropped)
	}
	return s.proportion()
}

// newTalk is nil where nothing was spoken.
func newTalk(sessions []results.Session, units *roster) *Talk {
	t := &Talk{}
	var obs []observation
	var late sample
	for i := range sessions {
		s := &sessions[i]
		if s.Talk == nil {
			continue
		}
		u := units.unit(&s.Identity)
		t.Sessions++
		t.Turns += s.Talk.Turns
		t.FramesUp += s.Talk.FramesUp
		t.FramesDown += s.Talk.FramesDown
		t.LateFrames.Count += s.Talk.LateFrames
		t.DroppedFrames += s.Talk.DroppedFrames
		late.add(u, s.Talk.FramesDown, s.Talk.LateFrames)
		obs = append(obs, answers(s, u)...)
	}
	if t.Sessions == 0 {
		return nil
	}
	t.LateFrames.Share = late.proportion()
	t.FirstAudioMs = newIncidence(obs).summary("are answered")
	return t
}

// answers are the waiting times of a session's turns. How long an unanswered
// turn waited is not recorded: it counts as never, but the last one of a
// session that the run's end closed was cut, at a time unknown.
func answers(s *results.Session, u unit) []observation {
	var obs []observation
	for _, ms := range s.Talk.FirstAudioMs {
		obs = append(obs, observation{ms, event, u})
	}
	for turn := len(s.Talk.FirstAudioMs); turn < s.Talk.Turns; turn++ {
		if turn == s.Talk.Turns-1 && s.ClosedBy == results.ByRunEnd {
			obs = append(obs, observation{0, cut, u})
		} else {
			obs = append(obs, observation{s.HeldMs, other, u})
		}
	}
	return obs
}
