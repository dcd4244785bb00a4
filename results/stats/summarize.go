package stats

import (
	"cmp"
	"slices"

	"xzfleet/results"
)

// Summarize computes everything that comes from records alone. The order of
// the records does not matter.
func Summarize(run results.Run) Summary {
	s := Summary{Schema: Schema, Part: newPart(run.Attempts, run.Sessions)}
	for _, g := range groups(run) {
		s.Groups = append(s.Groups, Group{
			Profile: g.profile, Link: g.link,
			Part: newPart(g.attempts, g.sessions),
		})
	}
	return s
}

// group is the records with one profile and link.
type group struct {
	profile, link string
	attempts      []results.Attempt
	sessions      []results.Session
}

// groups cuts a run by profile and link, sorted by both.
func groups(run results.Run) []group {
	type key struct{ profile, link string }
	index := map[key]int{}
	var all []group
	of := func(id *results.Identity) *group {
		k := key{id.Profile, id.Link}
		i, known := index[k]
		if !known {
			i = len(all)
			index[k] = i
			all = append(all, group{profile: id.Profile, link: id.Link})
		}
		return &all[i]
	}
	for i := range run.Attempts {
		g := of(&run.Attempts[i].Identity)
		g.attempts = append(g.attempts, run.Attempts[i])
	}
	for i := range run.Sessions {
		g := of(&run.Sessions[i].Identity)
		g.sessions = append(g.sessions, run.Sessions[i])
	}
	slices.SortFunc(all, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.profile, b.profile), cmp.Compare(a.link, b.link))
	})
	return all
}

func newPart(attempts []results.Attempt, sessions []results.Session) Part {
	units := newRoster()
	channel, ota := byKind(attempts)
	p := Part{
		Devices: countDevices(attempts),
		Block:   newBlock(channel, results.KindChannel, units),
		Drops:   newDrops(sessions, units),
		Talk:    newTalk(sessions, units),
	}
	if len(ota) > 0 {
		block := newBlock(ota, results.KindOTA, units)
		p.OTA = &block
	}
	return p
}

func byKind(attempts []results.Attempt) (channel, ota []*results.Attempt) {
	for i := range attempts {
		if a := &attempts[i]; a.Kind == results.KindOTA {
			ota = append(ota, a)
		} else {
			channel = append(channel, a)
		}
	}
	return channel, ota
}

func countDevices(attempts []results.Attempt) Devices {
	type seen struct{ connected, otaOK, otaFailed bool }
	devices, cells := map[place]seen{}, map[place]bool{}
	for i := range attempts {
		a := &attempts[i]
		cells[place{a.Run, a.Fleet, a.Cell}] = true
		d := devices[place{a.Run, a.Fleet, a.Device}]
		switch ok := a.Outcome == results.OK; {
		case a.Kind == results.KindChannel:
			d.connected = d.connected || ok
		case ok:
			d.otaOK = true
		case a.Outcome == results.Failed:
			d.otaFailed = true
		}
		devices[place{a.Run, a.Fleet, a.Device}] = d
	}
	n := Devices{Arrived: len(devices), Cells: len(cells)}
	perFleet := map[string]int{}
	for c := range cells {
		perFleet[c.fleet]++
	}
	for _, cells := range perFleet {
		if cells < FewestCells {
			n.FewCells++
		}
	}
	for _, d := range devices {
		if d.connected {
			n.Connected++
		}
		if d.otaFailed && !d.otaOK {
			n.OTAFailed++
		}
	}
	return n
}

// ours reports whether the emulator, not the system under test, ended the
// attempt.
func ours(a *results.Attempt) bool { return a.Cause == results.CauseEmulatorLimit }

func newBlock(attempts []*results.Attempt, kind results.Kind, units *roster) Block {
	var b Block
	counted := make([]*results.Attempt, 0, len(attempts))
	var first []*results.Attempt
	for _, a := range attempts {
		b.Attempts.Total++
		switch {
		case ours(a):
			b.Attempts.EmulatorLimit++
			continue
		case a.Outcome == results.OK:
			b.Attempts.OK++
		case a.Outcome == results.Failed:
			b.Attempts.Failed++
		default:
			b.Attempts.Cut++
		}
		counted = append(counted, a)
		if a.Try == 1 {
			first = append(first, a)
		}
	}
	b.Attempts.FirstTries = len(first)
	b.Phases = map[results.Phase]Incidence{}
	if len(counted) > 0 {
		passed := "connect"
		if kind == results.KindOTA {
			passed = "are answered"
		}
		b.Phases[Connect] = newIncidence(connectTimes(counted, units)).summary(passed)
	}
	for _, p := range results.PhasesOf(kind) {
		if obs := phaseTimes(counted, kind, p, units); len(obs) > 0 {
			b.Phases[p] = newIncidence(obs).summary("get through")
		}
	}
	b.Failures = newFailures(counted, first, units)
	return b
}

// connectTimes are the times from the intended start until open.
func connectTimes(attempts []*results.Attempt, units *roster) []observation {
	obs := make([]observation, 0, len(attempts))
	for _, a := range attempts {
		obs = append(obs, observation{a.ConnectMs, connectFate(a), units.unit(&a.Identity)})
	}
	return obs
}

func connectFate(a *results.Attempt) fate {
	switch a.Outcome {
	case results.OK:
		return event
	case results.Failed:
		return other
	default:
		return cut
	}
}

// phaseTimes are the times that the attempts which entered p spent in it.
func phaseTimes(attempts []*results.Attempt, kind results.Kind, p results.Phase, units *roster) []observation {
	order := results.PhasesOf(kind)
	var obs []observation
	for _, a := range attempts {
		ms, entered := a.PhaseMs[p]
		if !entered {
			continue
		}
		f := event
		if p == lastPhase(a, order) {
			f = connectFate(a) // the phase that the attempt ended in
		}
		obs = append(obs, observation{ms, f, units.unit(&a.Identity)})
	}
	return obs
}

func lastPhase(a *results.Attempt, order []results.Phase) results.Phase {
	for _, p := range slices.Backward(order) {
		if _, entered := a.PhaseMs[p]; entered {
			return p
		}
	}
	return ""
}

func (in *incidence) summary(passed string) Incidence {
	return Incidence{
		Entered: in.n, Through: in.events, Failed: in.others, Cut: in.cuts,
		P50: in.quantileEstimate(0.50, passed),
		P90: in.quantileEstimate(0.90, passed),
		P95: in.quantileEstimate(0.95, passed),
		P99: in.quantileEstimate(0.99, passed),
	}
}
