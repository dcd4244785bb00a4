package fit

import (
	"math"
	"strings"
	"testing"
	"time"

	"xzfleet/netem"
)

// moving is the link cat1-moving as far as ping sees it, with the floor of one
// device.
var moving = netem.Profile{
	RTTFloor: netem.RTTFloor{Min: 84}, UpShare: 0.6, JitterSD: 9,
	GE: netem.GE{P: 0.0040, R: 0.66, LossBad: 1, StepMs: 20},
}

// lossOf is the loss there and back of a chain in each direction.
func lossOf(ge netem.GE) float64 {
	one := ge.P / (ge.P + ge.R)
	return 1 - (1-one)*(1-one)
}

func TestPingRecovered(t *testing.T) {
	for name, link := range map[string]netem.Profile{
		"moving": moving,
		"good":   {RTTFloor: netem.RTTFloor{Min: 45}, JitterSD: 3, GE: netem.GE{P: 0.0003, R: 0.7, LossBad: 1, StepMs: 20}},
		"edge":   {RTTFloor: netem.RTTFloor{Min: 110}, JitterSD: 20, GE: netem.GE{P: 0.01, R: 0.4, LossBad: 1, LossGood: 0.001, StepMs: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			m := read(t, "walk.log", pings{link: link, n: 9000, spacing: 200 * time.Millisecond}.log())
			if m.Kind != Ping || m.Over != 0 || m.Date.Sub(began).Truncate(time.Second) != 0 || m.Span.Round(time.Second) != 30*time.Minute {
				t.Errorf("kind %v, date %v, span %v", m.Kind, m.Date, m.Span)
			}
			f := Profile(m)
			near(t, "rtt_floor.min", f.Profile.RTTFloor.Min, link.RTTFloor.Min, 0.02)
			near(t, "jitter_sd", f.Profile.JitterSD, link.JitterSD, 0.10)
			holds(t, f.value(t, "jitter_sd"), link.JitterSD)
			holds(t, f.value(t, "loss, there and back"), 100*(1-(1-lossOf(link.GE))*math.Pow(1-link.GE.LossGood, 2)))
			if ks := f.value(t, "jitter_sd").KS; ks <= 0 || ks > 0.03 {
				t.Errorf("KS %v", ks)
			}
			if n := f.value(t, "stall.per_min"); n.N != 0 || n.High < 0.05 || n.High > 0.2 {
				t.Errorf("stalls: %+v", n)
			}
		})
	}
}

// The chain is recovered where probes are close enough to see its bursts.
func TestPingChainRecovered(t *testing.T) {
	ge := netem.GE{P: 0.005, R: 0.4, LossBad: 1, StepMs: 20}
	link := moving
	link.GE, link.JitterSD = ge, 0.5
	m := read(t, "fast.log", pings{link: link, n: 100_000, spacing: 20 * time.Millisecond}.log())
	f := Profile(m)
	holds(t, f.value(t, "ge.p"), ge.P)
	near(t, "ge.p", f.Profile.GE.P, ge.P, 0.1)
	near(t, "ge.r", f.Profile.GE.R, ge.R, 0.1)
	near(t, "ge.step_ms", f.Profile.GE.StepMs, 20, 0.01)
}

// What was fitted gives the same again.
func TestPingFitIsItsOwnFixedPoint(t *testing.T) {
	first := Profile(read(t, "a.log", pings{link: moving, n: 9000, spacing: 200 * time.Millisecond}.log()))
	again := Profile(read(t, "b.log", pings{link: first.Profile, seed: 7, n: 9000, spacing: 200 * time.Millisecond}.log()))
	near(t, "floor", again.Profile.RTTFloor.Min, first.Profile.RTTFloor.Min, 0.02)
	near(t, "jitter", again.Profile.JitterSD, first.Profile.JitterSD, 0.10)
	holds(t, again.value(t, "loss, there and back"), 100*lossOf(first.Profile.GE))
	near(t, "lowest", again.value(t, "lowest RTT, by 5 min").Value, first.value(t, "lowest RTT, by 5 min").Value, 0.05)
}

func TestPingStallsAndOutagesCounted(t *testing.T) {
	stalls := spans(60, 30*time.Second, func(k netem.Key) time.Duration {
		return 550*time.Millisecond + k.Within(2*time.Second)
	})
	var outages []span
	for _, s := range stalls[:12] {
		outages = append(outages, span{s.from + 10*time.Second, s.from + 15*time.Second})
	}
	f := Profile(read(t, "drive.log", pings{
		link: moving, n: 9000, spacing: 200 * time.Millisecond, stalls: stalls, outages: outages,
	}.log()))
	if n := f.value(t, "stall.median").N; n != len(stalls) {
		t.Errorf("%d stalls, not %d", n, len(stalls))
	}
	if n := f.value(t, "outage.median_s").N; n != len(outages) {
		t.Errorf("%d outages, not %d", n, len(outages))
	}
	near(t, "stall.per_min", f.Profile.Stall.PerMin, 2, 0.001)
	var lengths []float64
	for _, s := range stalls {
		lengths = append(lengths, milliseconds(s.to-s.from))
	}
	near(t, "stall.median", f.Profile.Stall.Median, median(lengths), 0.05)
	near(t, "outage.per_hour", f.Profile.Outage.PerHour, 24, 0.001)
	near(t, "outage.median_s", f.Profile.Outage.MedianS, 5, 0.05)
	near(t, "rtt_floor.min", f.Profile.RTTFloor.Min, 84, 0.02)
	near(t, "jitter_sd", f.Profile.JitterSD, 9, 0.10)
	holds(t, f.value(t, "loss, there and back"), 100*lossOf(moving.GE))
}

// Stalls of the emulated link itself, whose lengths are log-normal.
func TestPingStallsRecovered(t *testing.T) {
	link := moving
	link.Stall = netem.Stall{PerMin: 3, Median: 900, Sigma: 0.3}
	f := Profile(read(t, "cell.log", pings{link: link, n: 36_000, spacing: 100 * time.Millisecond}.log()))
	holds(t, f.value(t, "stall.per_min"), 3)
	near(t, "stall.median", f.Profile.Stall.Median, 900, 0.1)
	near(t, "stall.sigma", f.Profile.Stall.Sigma, 0.3, 0.2)
	near(t, "jitter_sd", f.Profile.JitterSD, 9, 0.10)
}

// The longest run of silence, at the end, shows only with -O.
func TestPingOutstanding(t *testing.T) {
	p := pings{link: netem.Profile{RTTFloor: netem.RTTFloor{Min: 50}}, n: 600, spacing: time.Second, outages: []span{{500 * time.Second, 700 * time.Second}}}
	if n := len(Profile(read(t, "x.log", p.log())).value(t, "outage.per_hour").Unit); n == 0 {
		t.Error("no unit")
	}
	p.outstanding = true
	f := Profile(read(t, "x.log", p.log()))
	if v := f.value(t, "outage.max_s"); v.Value != 100 || v.N != 1 {
		t.Errorf("%+v", v)
	}
}

// Sequence numbers have 16 bits, and ping may be started again in one file.
func TestPingSequence(t *testing.T) {
	p := pings{link: netem.Profile{RTTFloor: netem.RTTFloor{Min: 20}}, n: 70_000, spacing: 200 * time.Millisecond, outages: []span{{200 * time.Second, 210 * time.Second}}}
	m := read(t, "long.log", p.log())
	if len(m.pings) != 1 || len(m.pings[0].probes) != p.n || m.N != p.n-50 {
		t.Errorf("%d runs of %d probes, %d answered", len(m.pings), len(m.pings[0].probes), m.N)
	}
	p.n, p.unstamped, p.outages = 300, true, []span{{0, time.Second}}
	m = read(t, "twice.log", p.log()+p.log())
	if len(m.pings) != 2 || len(m.pings[1].probes) != 300 || m.N != 590 {
		t.Errorf("%d runs, %d answered", len(m.pings), m.N)
	}
	if !strings.Contains(strings.Join(m.Warnings, "\n"), "no times in it") || !m.Date.IsZero() {
		t.Errorf("%v %q", m.Date, m.Warnings)
	}
}

// What other pings print.
func TestPingDialects(t *testing.T) {
	m := read(t, "busybox.log", "PING 192.0.2.1 (192.0.2.1): 56 data bytes\n64 bytes from 192.0.2.1: seq=0 ttl=57 time=20.125 ms\n64 bytes from 192.0.2.1: seq=2 ttl=57 time=21.0 ms\n")
	if m.N != 2 || len(m.pings[0].probes) != 3 {
		t.Errorf("busybox: %+v", m.pings)
	}
	m = read(t, "bsd.log", "PING 192.0.2.1 (192.0.2.1): 56 data bytes\n64 bytes from 192.0.2.1: icmp_seq=0 ttl=57 time=20.125 ms\nRequest timeout for icmp_seq 1\nRequest timeout for icmp_seq 2\n")
	if m.N != 1 || len(m.pings[0].probes) != 3 {
		t.Errorf("BSD: %+v", m.pings)
	}
	m = read(t, "six.log", "[1795600000.5] 64 bytes from host.test (2001:db8::1): icmp_seq=7 ttl=57 time=101 ms\r\n"+
		"[1795600001.5] From 192.0.2.254 icmp_seq=8 Destination Net Unreachable\r\n"+
		"[1795600002.6] 64 bytes from host.test (2001:db8::1): icmp_seq=9 ttl=57 time=103 ms\r\n"+
		"[1795600002.7] 64 bytes from host.test (2001:db8::1): icmp_seq=9 ttl=57 time=203 ms (DUP!)\r\n")
	if m.N != 2 || len(m.pings[0].probes) != 3 || m.pings[0].probes[1].answered || m.pings[0].probes[2].rtt != 103*time.Millisecond {
		t.Errorf("IPv6: %+v", m.pings)
	}
}

// The fourth moment that the interval of the jitter takes is the law's.
func TestLawKurtosis(t *testing.T) {
	law := roundTripLaw()
	mean, sd := moments(law)
	fourth := 0.0
	for _, x := range law {
		fourth += math.Pow((x-mean)/sd, 4) / float64(len(law))
	}
	near(t, "sd of a round trip", sd, math.Sqrt2, 0.01)
	near(t, "kurtosis", lawKurtosis, fourth, 0.03)
}
