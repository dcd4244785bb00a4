package main

import (
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"

	"xzfleet/netem"
	"xzfleet/scenarios"
)

// printTC prints the tc commands that come nearest to a link, and what they
// leave out.
func printTC(out io.Writer, name string) error {
	p, err := scenarios.LinkNamed(name)
	if err != nil {
		return err
	}
	if reflect.ValueOf(p).IsZero() {
		_, err := fmt.Fprintf(out, "# %s adds nothing: there is nothing for tc to do.\n", name)
		return err
	}
	share := p.UpShare
	if share == 0 {
		share = 0.5
	}
	floor := floorQuantile(p.RTTFloor, 0)
	up := netemOf(&p, floor*share, p.Rate.Up*(1-p.CrossLoad.Up), p.QueueBytes.Up)
	down := netemOf(&p, floor*(1-share), p.Rate.Down*(1-p.CrossLoad.Down), p.QueueBytes.Down)
	_, err = fmt.Fprintf(out, `# %s as near as tc-netem comes to it. As root, on a device or on the router in front of it; DEV
# faces the server. What leaves by DEV goes up; what comes in by it, down, is led through ifb0.
DEV=eth0
ip link add ifb0 type ifb
ip link set ifb0 up
tc qdisc add dev $DEV ingress
tc filter add dev $DEV parent ffff: matchall action mirred egress redirect dev ifb0
tc qdisc add dev $DEV root netem%s
tc qdisc add dev ifb0 root netem%s
# To end it: tc qdisc del dev $DEV root; tc qdisc del dev $DEV ingress; ip link del ifb0
#
# What this leaves out:
%s`, name, up, down, notInTC(&p))
	return err
}

// netemOf are the options of one direction: delay in ms, rate in kbit/s, queue
// in bytes. The rate is netem's own, not a tbf behind it: with it alone does
// netem keep the order of packets whose delays vary (Linux
// net/sched/sch_netem.c, netem_enqueue).
func netemOf(p *netem.Profile, delay, rate float64, queue int) string {
	var b strings.Builder
	fmt.Fprintf(&b, " delay %.4gms", delay)
	if p.JitterSD > 0 {
		fmt.Fprintf(&b, " %.4gms distribution paretonormal", p.JitterSD)
	}
	if ge := p.GE; ge.P > 0 || ge.LossGood > 0 {
		fmt.Fprintf(&b, " loss gemodel %.6g%% %.6g%% %.6g%% %.6g%%", 100*ge.P, 100*ge.R, 100*ge.LossBad, 100*ge.LossGood)
	}
	if rate > 0 {
		fmt.Fprintf(&b, " rate %.6gkbit", rate)
	}
	if rate > 0 && queue > 0 {
		// netem counts packets, and those on their way with them.
		onTheWay := rate * delay / 8
		fmt.Fprintf(&b, " limit %.0f", math.Ceil(float64(queue)/1500)+math.Ceil(onTheWay/1500))
	}
	return b.String()
}

// notInTC says, line by line, what a link has and tc has not.
func notInTC(p *netem.Profile) string {
	var b strings.Builder
	say := func(is bool, format string, args ...any) {
		if is {
			fmt.Fprintf(&b, "#   "+format+"\n", args...)
		}
	}
	floor := p.RTTFloor
	say(floor.Sigma > 0, "each device draws its round-trip floor (p50 %.0f, p95 %.0f ms); tc has one, the median", floorQuantile(floor, 0), floorQuantile(floor, p95))
	say(p.JitterSD > 0, "jitter is correlated, over 50 ms; netem draws it for each packet")
	say(p.GE.P > 0, "the loss chain runs in time, a step each %g ms; netem's moves a step with each packet, so that a packet\n#     repeated after a pause meets the state that lost it", p.GE.StepMs)
	say(p.Rate.Sigma > 0, "the rate varies (log-normal, sigma %g, over %g s); tc has its median", p.Rate.Sigma, p.Rate.CorrS)
	say(p.CrossLoad != netem.Load{}, "others use %g/%g of the rate up/down, in bursts; tc has what is left of it", p.CrossLoad.Up, p.CrossLoad.Down)
	say(p.QueueBytes != netem.UpDown{}, "the queue is limited in bytes (%d/%d); netem counts packets", p.QueueBytes.Up, p.QueueBytes.Down)
	say(p.RRC.InactivityS > 0, "radio states: idle after %g s without a packet, then a promotion of %g ms (median), %g %% in vain", p.RRC.InactivityS, p.RRC.Promotion.Median, 100*p.RRC.FailProb)
	say(p.DRX.CycleMs > 0 && p.DRX.InactivityMs > 0, "DRX: after %g ms without a packet the device listens each %g ms", p.DRX.InactivityMs, p.DRX.CycleMs)
	say(p.RRC.InactivityS > 0 && p.DRX.PagingMs > 0, "paging: an idle device listens each %g ms", p.DRX.PagingMs)
	say(p.Handover.PerMin > 0, "handovers: %g a minute, gaps of %g ms (median), %g %% fail", p.Handover.PerMin, p.Handover.Median, 100*p.Handover.FailProb)
	say(p.Stall.PerMin > 0, "stalls, when packets wait: %g a minute of %g ms (median)", p.Stall.PerMin, p.Stall.Median)
	say(p.Outage.PerHour > 0, "outages, when packets are lost: %g an hour of %g s (median)", p.Outage.PerHour, p.Outage.MedianS)
	say(p.NAT.TCPIdleS > 0, "address translation that forgets an idle TCP connection after %g s, UDP after %g s", p.NAT.TCPIdleS, p.NAT.UDPIdleS)
	say(p.Attach.MedianS > 0, "the attach at power-on: %g s (median)", p.Attach.MedianS)
	return b.String()
}
