package scenarios

import (
	"fmt"
	"reflect"

	"xzfleet/netem"
)

// packet is the largest IP packet, bytes: a queue holds at least one.
const packet = 1500

// linkRules are the ranges of a link profile, by key; they hold in a table
// [profile.NAME], in [fleet.path] and in [fleet.radio].
var linkRules = map[string]rule{
	"rtt_floor.min":    between(0, 60_000),
	"rtt_floor.median": between(0, 60_000),
	"rtt_floor.sigma":  between(0, 5),
	"up_share":         between(0, 1),
	"jitter_sd":        between(0, 10_000),
	"ge.p":             between(0, 1),
	"ge.r":             between(0, 1),
	"ge.loss_bad":      between(0, 1),
	"ge.loss_good":     between(0, 1),
	"ge.step_ms":       between(0, 60_000),
	"rate_kbps.up":     between(0, 1e8),
	"rate_kbps.down":   between(0, 1e8),
	"rate_kbps.sigma":  between(0, 5),
	"rate_kbps.corr_s": between(0, 3600),
	"queue_bytes.up":   queue(),
	"queue_bytes.down": queue(),

	"cross_traffic_load.up":   below(0, 1),
	"cross_traffic_load.down": below(0, 1),

	// Sigmas up to 3 keep the longest draw of a log-normal far from overflow.
	"rrc.inactivity_s":         between(0, 86_400),
	"rrc.promotion.median":     between(0, 600_000),
	"rrc.promotion.sigma":      between(0, 3),
	"rrc.tail.prob":            between(0, 1),
	"rrc.tail.add_min":         between(0, 600_000),
	"rrc.tail.add_max":         between(0, 600_000),
	"rrc.fail_prob":            between(0, 1),
	"drx.inactivity_ms":        between(0, 86_400_000),
	"drx.cycle_ms":             between(0, 600_000),
	"drx.paging_ms":            between(0, 10_485_760), // eDRX, 3GPP TS 24.008
	"handover.per_min":         between(0, 600),
	"handover.median":          between(0, 600_000),
	"handover.sigma":           between(0, 3),
	"handover.fail_prob":       between(0, 1),
	"handover.reestablish_min": between(0, 600_000),
	"handover.reestablish_max": between(0, 600_000),
	"stall.per_min":            between(0, 600),
	"stall.median":             between(0, 600_000),
	"stall.sigma":              between(0, 3),
	"outage.per_hour":          between(0, 3600),
	"outage.median_s":          between(0, 3600),
	"outage.sigma":             between(0, 3),
	"outage.max_s":             between(0, 86_400),
	"nat.tcp_idle_s":           between(0, 2_592_000),
	"nat.udp_idle_s":           between(0, 2_592_000),
	"nat.on_expiry":            orEmpty(oneOf("silent-drop", "rst")),
	"attach.median_s":          between(0, 3600),
	"attach.sigma":             between(0, 3),
	"attach.timeout_s":         between(0, 86_400),

	"middlebox.block_ports":   ports(),
	"middlebox.clear_upgrade": oneOf("", "reset", "strip"),
}

// orEmpty lets a string be "", what it is where nothing is said.
func orEmpty(r rule) rule {
	return rule{want: r.want, ok: func(v reflect.Value) bool { return v.String() == "" || r.ok(v) }}
}

func below(low, high float64) rule {
	return rule{
		want: "a number from " + number(low) + " to below " + number(high),
		ok:   func(v reflect.Value) bool { return v.Float() >= low && v.Float() < high },
	}
}

func queue() rule {
	return rule{
		want: fmt.Sprintf("0 (no limit), or a whole number from %d (a packet) to %d", packet, 1<<30),
		ok:   func(v reflect.Value) bool { n := v.Int(); return n == 0 || n >= packet && n <= 1<<30 },
	}
}

func ports() rule {
	return rule{want: "a list of ports from 1 to 65535, such as [443, 8443]", ok: func(v reflect.Value) bool {
		for i := range v.Len() {
			if n := v.Index(i).Int(); n < 1 || n > 65535 {
				return false
			}
		}
		return true
	}}
}

// complaint is what does not go together in a link. It begins with the first
// of the keys that it is about.
type complaint struct {
	keys []string
	text string
}

// checkLink complains about what no key of a link shows by itself.
func checkLink(p *netem.Profile) []complaint {
	var all []complaint
	say := func(wrong bool, text string, keys ...string) {
		if wrong {
			all = append(all, complaint{keys, text})
		}
	}
	ge := p.GE
	say(ge.P > 0 && ge.StepMs == 0, "ge.step_ms: a loss chain with p above 0 wants a step of more than 0 ms", "ge")
	say(ge.P > 0 && ge.R == 0, "ge.r: a loss chain with p above 0 wants a way back, more than 0", "ge")
	// In continuous time the chain leaves its states at the rate -ln(1-p-r)
	// per step.
	say(ge.P > 0 && ge.R > 0 && ge.P+ge.R >= 1, fmt.Sprintf("ge: p + r is %v, want less than 1", ge.P+ge.R), "ge")
	say(p.Rate.Sigma > 0 && p.Rate.CorrS == 0, "rate_kbps.corr_s: a rate with sigma above 0 wants a correlation time of more than 0 s", "rate_kbps")
	for _, d := range []struct {
		name       string
		load, rate float64
	}{{"up", p.CrossLoad.Up, p.Rate.Up}, {"down", p.CrossLoad.Down, p.Rate.Down}} {
		say(d.load > 0 && d.rate == 0, fmt.Sprintf("cross_traffic_load.%s: found %v of a rate without limit, want rate_kbps.%[1]s above 0", d.name, d.load), "cross_traffic_load", "rate_kbps")
	}
	tail, ho := p.RRC.Tail, p.Handover
	say(tail.AddMin > tail.AddMax, fmt.Sprintf("rrc.tail: found add_min %v above add_max %v, want them in order", tail.AddMin, tail.AddMax), "rrc")
	say(ho.ReestablishMin > ho.ReestablishMax, fmt.Sprintf("handover: found reestablish_min %v above reestablish_max %v, want them in order", ho.ReestablishMin, ho.ReestablishMax), "handover")
	say(ho.PerMin > 0 && ho.Median == 0 && ho.FailProb < 1, "handover.median: handovers with per_min above 0 want a length of more than 0 ms", "handover")
	say(p.Stall.PerMin > 0 && p.Stall.Median == 0, "stall.median: stalls with per_min above 0 want a length of more than 0 ms", "stall")
	say(p.Outage.PerHour > 0 && p.Outage.MedianS == 0, "outage.median_s: outages with per_hour above 0 want a length of more than 0 s", "outage")
	return all
}
