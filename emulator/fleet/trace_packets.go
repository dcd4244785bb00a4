package fleet

import (
	"slices"
	"time"

	"xzfleet/netem"
)

// told is a state that has been shown. Each packet that meets a state tells
// of it anew, and those that wait for the same end wait in the same state.
type told struct {
	kind  netem.PathEventKind
	until time.Duration
}

const toldAtMost = 64

// Path takes what happens on the device's path; for netem.Path.Watch.
func (t *Tracer) Path(ev netem.PathEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ev.Kind == netem.Packet {
		t.packet(ev)
		return
	}
	if ev.Kind == netem.TimedOut {
		t.instant(tcpTrack, ev.At, event{name: "time-out", colour: red, args: map[string]any{"by": sender(ev.Side)}})
		return
	}
	state := told{ev.Kind, ev.Until}
	if slices.Contains(t.told, state) {
		return
	}
	if len(t.told) == toldAtMost {
		t.told = slices.Delete(t.told, 0, 1)
	}
	t.told = append(t.told, state)
	t.span(radioTrack, ev.At, ev.Until, stateEvent(ev.Kind))
}

func stateEvent(kind netem.PathEventKind) event {
	switch kind {
	case netem.Promoting:
		return event{name: "promotion"}
	case netem.Paging:
		return event{name: "waits for its paging cycle", colour: grey}
	case netem.Sleeping:
		return event{name: "waits for its DRX cycle", colour: grey}
	case netem.Interrupt:
		return event{name: "handover", colour: orange}
	case netem.Stalled:
		return event{name: "stall", colour: orange}
	case netem.NoLink:
		return event{name: "outage", colour: red}
	case netem.Attaching:
		return event{name: "attach"}
	}
	return event{name: "radio"}
}

// packet shows a packet from when it is sent until it arrives, one that is
// lost at the moment of sending, and one that is sent again also as an event
// of TCP.
func (t *Tracer) packet(ev netem.PathEvent) {
	e := event{name: ev.Name, args: map[string]any{"bytes": ev.Bytes}}
	if ev.Name == "data" {
		e.args["sequence"] = ev.Seq
	}
	if ev.Again {
		e.colour = orange
		e.args["repeat"] = true
		t.instant(tcpTrack, ev.At, event{
			name: "retransmission: " + ev.Name, colour: orange,
			args: map[string]any{"by": sender(ev.Side), "sequence": ev.Seq},
		})
	}
	k := packetsUp
	if ev.Side == netem.ServerSide {
		k = packetsDown
	}
	if ev.Fate == netem.Delivered {
		t.span(k, ev.At, ev.Until, e)
		return
	}
	e.name += " " + fate(ev.Fate)
	e.colour = red
	t.instant(k, ev.At, e)
}

// fate is what became of a packet that did not arrive: lost in the air, or
// dropped at a full queue or by the NAT.
func fate(f netem.Fate) string {
	if f == netem.Dropped {
		return "dropped"
	}
	return "lost"
}

func sender(s netem.Side) string {
	if s == netem.DeviceSide {
		return "device"
	}
	return "server"
}
