package main

import (
	"context"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"

	"xzfleet/netem"
)

// The comparison at a size for every day, and without waiting, so that what
// else the machine does is not in it. A failure is one on three seeds of three:
// at this size a right law fails a line in one run of some hundreds.
func TestLawAgainstGVisor(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	for seed := range uint64(3) {
		var report strings.Builder
		lines, err := compare(newJumper(), settings{
			conditions: []condition{{80 * time.Millisecond, 0.03}},
			n:          2500, bulk: 600, perSecond: 150, seed: seed,
		}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		code := table(&report, lines)
		t.Logf("seed %d:\n%s", seed, &report)
		if code == 0 {
			return
		}
	}
	t.Error("the law differs from gVisor on each of three seeds")
}

// In real time everything takes at least as long as the links do, and loss
// takes as long as a time-out.
func TestLive(t *testing.T) {
	turner := newTurner()
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	running.Go(func() { turner.live(ctx) })
	defer running.Wait()
	defer stop()
	o, err := newOracle(turner, false)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	c := condition{20 * time.Millisecond, 0.05}
	sample, err := o.sample(c, handshake, 200, 100, netem.Seed(1))
	if err != nil {
		t.Fatal(err)
	}
	clean := 0
	for i, a := range sample {
		if a.lost == 0 {
			clean++
		}
		for j, d := range append([]time.Duration{a.opened}, a.done...) {
			if half := time.Duration(max(2, j+2)); d < half*c.rtt/2 {
				t.Errorf("attempt %d, step %d: at %v", i, j, d)
			}
		}
	}
	// 15 packets and more: 46 % of attempts lose none.
	if clean < 50 || clean > 140 {
		t.Errorf("%d of 200 attempts lost nothing", clean)
	}
	t.Logf("%d of 200 lost nothing; %v", clean, o.late.line().got)
}

// Without loss the law takes whole round trips: one, two more, one more, and
// one and a half for what is larger than the first window.
func TestLawWithoutLoss(t *testing.T) {
	c := condition{80 * time.Millisecond, 0}
	for _, sack := range []bool{false, true} {
		a := lawSample(c, sack, handshake, 1, 1)[0]
		for _, want := range []struct {
			of phase
			d  time.Duration
		}{{phaseTCP, c.rtt}, {phaseTLS, 2 * c.rtt}, {phaseTotal, 4 * c.rtt}} {
			if d, _ := want.of.of(a); d != want.d {
				t.Errorf("%s takes %v, want %v", want.of.name, d, want.d)
			}
		}
		for _, from := range []netem.Side{netem.DeviceSide, netem.ServerSide} {
			a := lawSample(c, sack, bulk(from), 1, 1)[0]
			if d, _ := phaseBulk.of(a); d != c.rtt*3/2 {
				t.Errorf("24 kB from side %d take %v", from, d)
			}
		}
	}
}

// A link that loses all ends no attempt.
func TestNever(t *testing.T) {
	a := lawSample(condition{80 * time.Millisecond, 0.999999}, false, handshake, 1, 1)[0]
	if a.opened != never || a.done[finished] != never || a.lost == 0 {
		t.Errorf("%+v", a)
	}
	if _, entered := phaseTLS.of(a); entered {
		t.Error("tls entered without a connection")
	}
}

func TestRenewedStamp(t *testing.T) {
	w := &wire{}
	syn := func(flags header.TCPFlags) []byte {
		b := make([]byte, header.IPv4MinimumSize+header.TCPMinimumSize+16)
		header.IPv4(b).Encode(&header.IPv4Fields{TotalLength: uint16(len(b)), Protocol: uint8(header.TCPProtocolNumber)})
		tcp := header.TCP(b[header.IPv4MinimumSize:])
		tcp.Encode(&header.TCPFields{DataOffset: header.TCPMinimumSize + 16, Flags: flags})
		o := tcp[header.TCPMinimumSize:]
		n := header.EncodeMSSOption(1460, o)
		n += header.EncodeSACKPermittedOption(o[n:])
		header.EncodeTSOption(7000, 9, o[n:])
		return b
	}
	stamp := func(flags header.TCPFlags, at time.Duration) uint32 {
		b := syn(flags)
		w.renew(b, at)
		return binary.BigEndian.Uint32(b[len(b)-8:])
	}
	for _, c := range []struct {
		flags header.TCPFlags
		at    time.Duration
		want  uint32
	}{
		{header.TCPFlagSyn, 5 * time.Second, 7000},
		{header.TCPFlagSyn, 6 * time.Second, 8000},
		{header.TCPFlagSyn | header.TCPFlagAck, 8500 * time.Millisecond, 10500},
		{header.TCPFlagAck, 9 * time.Second, 7000},
	} {
		if got := stamp(c.flags, c.at); got != c.want {
			t.Errorf("flags %v at %v: stamp %d, want %d", c.flags, c.at, got, c.want)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range []string{"-n 1", "-rate 0", "-rate 151", "-conditions 80", "-n 100 more", "-nothing"} {
		if code := run(strings.Fields(args), io.Discard, io.Discard); code != 2 {
			t.Errorf("%s: exit code %d", args, code)
		}
	}
}

func TestTableFails(t *testing.T) {
	if code := table(io.Discard, []verdict{{law: "a", ok: true}, {law: "b", info: true}}); code != 0 {
		t.Errorf("all fine: exit code %d", code)
	}
	if code := table(io.Discard, []verdict{{law: "a", ok: true}, {law: "b"}}); code != 1 {
		t.Errorf("one line failed: exit code %d", code)
	}
}
