package fit

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"xzfleet/netem"
)

var voice = netip.MustParseAddrPort("192.0.2.1:443")

// roundTrips are those of an emulated link, a while apart.
func roundTrips(link netem.Profile, seed uint64, n int) []time.Duration {
	path := netem.NewPath(link, netem.Seed(seed))
	all := make([]time.Duration, n)
	for i := range all {
		now := time.Duration(i) * 1573 * time.Millisecond
		up, _ := path.Up.Send(now, 60, 0)
		down, _ := path.Down.Send(up, 60, 0)
		all[i] = down - now
	}
	return all
}

func device(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 40000)
}

// Floor and jitter are the same wherever the capture was made, in whichever
// form.
func TestCaptureRecovered(t *testing.T) {
	link := netem.Profile{RTTFloor: netem.RTTFloor{Min: 84}, JitterSD: 9}
	rtts := roundTrips(link, 31, 2000)
	for i, form := range []format{
		{binary.LittleEndian, time.Microsecond, 1, false},
		{binary.BigEndian, time.Nanosecond, 101, false},
		{binary.LittleEndian, time.Nanosecond, 113, false},
		{binary.BigEndian, time.Microsecond, 276, false},
		{binary.LittleEndian, time.Microsecond, 1, true},
		{binary.BigEndian, time.Nanosecond, 113, true},
	} {
		end := netem.Side(i % 2)
		six := i == 2
		t.Run(fmt.Sprintf("%+v from the %v", form, end), func(t *testing.T) {
			var p packets
			for k, rtt := range rtts {
				from := netip.AddrPortFrom(device(1).Addr(), uint16(10000+k))
				to := voice
				if six {
					from = netip.AddrPortFrom(netip.MustParseAddr("2001:db8::7"), from.Port())
					to = netip.MustParseAddrPort("[2001:db8::1]:443")
				}
				p.handshake(time.Duration(k)*time.Second, rtt, from, to, end)
			}
			m := read(t, "any.pcap", form.file(p.sorted()))
			if m.Kind != Capture || m.N != len(rtts) || m.Date != began || m.Over != 0 {
				t.Errorf("%v of %v: %d handshakes, %d over", m.Kind, m.Date, m.N, m.Over)
			}
			f := Profile(m)
			near(t, "rtt_floor.min", f.Profile.RTTFloor.Min, 84, 0.02)
			near(t, "jitter_sd", f.Profile.JitterSD, 9, 0.10)
			near(t, "handshake p50", f.value(t, "TCP handshake p50").Value, 84+9*median(roundTripLaw()), 0.01)
			if near := f.value(t, "captured near the device").Value; near != 100*float64(1-end) {
				t.Errorf("captured near the device: %v %%", near)
			}
			if f.Profile.GE != (netem.GE{}) {
				t.Errorf("loss without any: %+v", f.Profile.GE)
			}
		})
	}
}

// A SYN is repeated after a second where it or its answer was lost; a data
// segment comes again late, whether its first copy passed here or not.
func TestCaptureLossCounted(t *testing.T) {
	const n, loss = 3000, 0.04
	var p packets
	lostSYN, again, segments := 0, [2]int{}, [2]int{}
	for k := range uint64(n) {
		from := netip.AddrPortFrom(device(1).Addr(), uint16(10000+k))
		at := time.Duration(k) * 2 * time.Second
		for try := uint64(0); netem.Seed(41).Of(k, try).Uniform() < loss; try++ {
			p.add(at, from, voice, flagSYN, 100, 0, 0)
			lostSYN++
			at += time.Second
		}
		at = p.handshake(at, 80*time.Millisecond, from, voice, netem.DeviceSide)
		for side := range again {
			a, b := from, voice
			if side == 1 {
				a, b = b, a
			}
			for i := range uint64(8) {
				at += 20 * time.Millisecond
				seq := uint32(101 + i*500)
				lost := netem.Seed(42).Of(k, uint64(side), i).Uniform() < loss && i < 7 // behind the last none comes that shows it
				if !lost || side == 0 {                                                 // seen at the sender's end even where it is lost
					p.add(at, a, b, flagACK, seq, 901, 500)
					segments[side]++
				}
				if lost {
					p.add(at+300*time.Millisecond, a, b, flagACK, seq, 901, 500)
					segments[side]++
					again[side]++
				}
			}
		}
		p.add(at+10*time.Second, from, voice, flagACK, 101+4000-1, 901, 1) // a keep-alive
	}
	f := Profile(read(t, "lossy.pcap", format{binary.LittleEndian, time.Microsecond, 1, false}.file(p.sorted())))
	syns := f.value(t, "SYNs not answered")
	holds(t, syns, 100*loss)
	near(t, "SYNs not answered", syns.Value, 100*float64(lostSYN)/float64(n+lostSYN), 0.001)
	for side, name := range []string{"segments repeated, up", "segments repeated, down"} {
		v := f.value(t, name)
		if v.N != segments[side] {
			t.Errorf("%s: %d segments, not %d", name, v.N, segments[side])
		}
		near(t, name, v.Value, 100*float64(again[side])/float64(segments[side]), 0.001)
	}
	ge := f.Profile.GE
	near(t, "loss of a direction", ge.P/(ge.P+ge.R), loss*7/8, 0.1)
	if f.Profile.GE.StepMs != 20 || !f.value(t, "ge.r").Assumed {
		t.Errorf("%+v", ge)
	}
}

// Captured at a server, devices differ by their floors.
func TestCaptureOfManyDevices(t *testing.T) {
	link := netem.Profile{RTTFloor: netem.RTTFloor{Min: 24, Median: 59, Sigma: 0.7}, JitterSD: 6}
	var p packets
	for i := range 1000 {
		for k, rtt := range roundTrips(link, uint64(i), 5) {
			from := netip.AddrPortFrom(device(i).Addr(), uint16(10000+k))
			p.handshake(time.Duration(i*5+k)*time.Second, rtt, from, voice, netem.ServerSide)
		}
	}
	f := Profile(read(t, "server.pcap", format{binary.LittleEndian, time.Microsecond, 1, false}.file(p.sorted())))
	floor := f.Profile.RTTFloor
	near(t, "median floor", floor.Min+floor.Median, 83, 0.06)
	near(t, "sigma", floor.Sigma, 0.7, 0.2)
	near(t, "jitter_sd", f.Profile.JitterSD, 6, 0.10)
	if v := f.value(t, "rtt_floor.sigma"); v.N != 1000 || v.KS <= 0 || v.KS > 0.05 {
		t.Errorf("%+v", v)
	}
}

// A file whose writer was killed is good up to there.
func TestCaptureCutOff(t *testing.T) {
	var p packets
	for k := range 3 {
		p.handshake(time.Duration(k)*time.Second, 80*time.Millisecond, netip.AddrPortFrom(device(1).Addr(), uint16(k+1)), voice, netem.DeviceSide)
	}
	for _, ng := range []bool{false, true} {
		text := format{binary.LittleEndian, time.Microsecond, 1, ng}.file(p.sorted())
		m := read(t, "killed.pcap", text[:len(text)-5])
		if m.N != 2 || len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "cut off in packet 9") {
			t.Errorf("pcapng %v: %d handshakes, %q", ng, m.N, m.Warnings)
		}
	}
}

// Refused is an answer; a connection that was under way at the end is not
// held against the link.
func TestCaptureSYNs(t *testing.T) {
	var p packets
	a, b, c := device(1), device(2), device(3)
	p.handshake(0, 80*time.Millisecond, a, voice, netem.DeviceSide)
	p.add(time.Second, b, voice, flagSYN, 5, 0, 0)
	p.add(time.Second+80*time.Millisecond, voice, b, flagRST|flagACK, 0, 6, 0)
	p.add(time.Minute, c, voice, flagSYN, 7, 0, 0)
	p.add(2*time.Minute, c, voice, flagSYN, 8, 0, 0) // another one from the same port
	m := read(t, "few.pcap", format{binary.LittleEndian, time.Microsecond, 1, false}.file(p.sorted()))
	if m.capture.syns != 3 || m.capture.answered != 2 || m.N != 1 {
		t.Errorf("%d SYNs, %d answered, %d handshakes", m.capture.syns, m.capture.answered, m.N)
	}
}
