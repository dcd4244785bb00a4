package fit

import (
	"net/netip"
	"slices"

	"xzfleet/netem"
)

// A capture tells how much is lost, not in which bursts: those of the bundled
// profiles are assumed, which have them from the k-of-5 lost pings of
// uccmisl/5Gdataset.
const (
	assumedR      = 0.66
	assumedStepMs = 20
	mostLoss      = 0.3 // p + r of a chain is below 1
)

// fewDevices is the least number of devices that tell how devices differ.
const fewDevices = 20

// fromCaptures tells of handshakes and repeats; where there is no ping, they
// fill the round trip and the loss as well.
func (f *Fit) fromCaptures(ms []Measurement, fill bool) {
	if len(ms) == 0 {
		return
	}
	var c capture
	for _, m := range ms {
		c.handshakes = append(c.handshakes, m.capture.handshakes...)
		c.syns, c.answered = c.syns+m.capture.syns, c.answered+m.capture.answered
		for side, n := range m.capture.data {
			c.data[side].segments += n.segments
			c.data[side].again += n.again
		}
	}
	s := f.source(ms, len(c.handshakes))
	f.handshakeTimes(s, c)
	f.repeats(s, c)
	if fill {
		f.floors(s, c)
		f.lossOfRepeats(s, c)
	}
}

// handshakeTimes are what a run of the emulator is to be held against.
func (f *Fit) handshakeTimes(s source, c capture) {
	var times []float64
	atDevice := 0
	for _, h := range c.handshakes {
		times = append(times, milliseconds(h.rtt))
		if h.atEnd == netem.DeviceSide {
			atDevice++
		}
	}
	slices.Sort(times)
	for _, q := range []struct {
		name string
		q    float64
	}{{"TCP handshake p50", 0.5}, {"TCP handshake p90", 0.9}, {"TCP handshake p95", 0.95}, {"TCP handshake p99", 0.99}} {
		s.tell(q.name, quantile(times, q.q), "ms", quantileInterval(times, q.q))
	}
	s.tell("captured near the device", 100*share(atDevice, s.n), "%", interval{})
}

// repeats are shares of what was sent.
func (f *Fit) repeats(s source, c capture) {
	for _, r := range []struct {
		name string
		k, n int
	}{
		{"SYNs not answered", c.syns - c.answered, c.syns},
		{"segments repeated, up", c.data[0].again, c.data[0].segments},
		{"segments repeated, down", c.data[1].again, c.data[1].segments},
	} {
		if s.n = r.n; r.n > 0 {
			s.tell(r.name, 100*share(r.k, r.n), "%", percent(wilson(share(r.k, r.n), float64(r.n))))
		}
	}
}

// floors fits the round trip: a floor for each device, and from what is left
// within devices the jitter.
func (f *Fit) floors(s source, c capture) {
	byDevice := map[netip.Addr][]float64{}
	var order []netip.Addr
	for _, h := range c.handshakes {
		if byDevice[h.device] == nil {
			order = append(order, h.device)
		}
		byDevice[h.device] = append(byDevice[h.device], milliseconds(h.rtt))
	}
	var samples [][]float64
	for _, device := range order {
		samples = append(samples, byDevice[device])
	}
	d, means := fitDelay(samples)
	floor := &f.Profile.RTTFloor
	if len(samples) < fewDevices {
		s.set("rtt_floor.min", &floor.Min, d.at, "ms", d.atInterval(means), 0)
		if len(samples) > 1 {
			f.warn("pcap: %d devices, fewer than %d: the floor is their median, the same for every device", len(samples), fewDevices)
		}
	} else {
		f.deviceFloors(s, means)
	}
	if s.n = d.n; d.n > len(samples) {
		s.set("jitter_sd", &f.Profile.JitterSD, d.sd, "ms", d.sdInterval(), d.ks)
	}
	if d.late > 0 {
		f.warn("pcap: %d handshakes later than jitter explains (an idle radio, a stall): left out of floor and jitter", d.late)
	}
}

// deviceFloors fits min + log-normal to the floors of devices, the minimum by
// three quantiles: for a log-normal part, that of p05 and p95 lie in one ratio
// about the median.
func (f *Fit) deviceFloors(s source, means []float64) {
	means = slices.Sorted(slices.Values(means))
	low, mid, high := quantile(means, 0.05), quantile(means, 0.5), quantile(means, 0.95)
	shift := 0.0
	if span := low + high - 2*mid; span > 0 {
		shift = min(max(0, (low*high-mid*mid)/span), 0.99*means[0])
	}
	above := make([]float64, len(means))
	for i, v := range means {
		above[i] = max(v-shift, 1e-3) // a log-normal has no 0
	}
	s.n = len(means)
	l := fitLogNormal(above, float64(s.n))
	floor := &f.Profile.RTTFloor
	s.set("rtt_floor.min", &floor.Min, shift, "ms", interval{}, 0)
	s.set("rtt_floor.median", &floor.Median, l.median, "ms", l.medianIn, 0)
	s.set("rtt_floor.sigma", &floor.Sigma, l.sigma, "", l.sigmaIn, l.ks)
}

// lossOfRepeats fills the loss of a direction from the repeated segments of
// both.
func (f *Fit) lossOfRepeats(s source, c capture) {
	n, again := c.data[0].segments+c.data[1].segments, c.data[0].again+c.data[1].again
	loss := share(again, n)
	if again == 0 {
		return
	}
	if loss > mostLoss {
		f.warn("pcap: %.0f %% of the segments repeated are more than a loss chain can have: not taken for loss", 100*loss)
		return
	}
	s.n = n
	in := wilson(loss, float64(n))
	p := func(loss float64) float64 { return assumedR * loss / (1 - loss) }
	ge := &f.Profile.GE
	s.set("ge.p", &ge.P, p(loss), "", interval{p(in.low), p(in.high)}, 0)
	s.assume("ge.r", &ge.R, assumedR, "")
	s.assume("ge.loss_bad", &ge.LossBad, 1, "")
	s.assume("ge.step_ms", &ge.StepMs, assumedStepMs, "ms")
	f.warn("pcap: every repeated segment counts as a loss, also where the time-out was too early")
}
