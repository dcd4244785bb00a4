package netem

import "time"

// PathEvent is something that happened on a path, for traces.
type PathEvent struct {
	Kind  PathEventKind
	Side  Side          // that sent, for packets
	At    time.Duration // when it began
	Until time.Duration // when a packet arrives, or when a state ends
	Name  string        // of a packet: "SYN", "SYN-ACK", "data", "ACK", "FIN", "RST", "probe", "DNS query", "DNS answer"
	Bytes int           // at IP level
	Seq   int64         // first byte of the stream, for data
	Again bool          // a repeat
	Fate  Fate
}

// PathEventKind says what a PathEvent tells of.
type PathEventKind uint8

const (
	Packet    PathEventKind = iota // one was sent
	Promoting                      // from idle to connected
	Paging                         // a packet for an idle device waits to be heard
	Sleeping                       // connected, a packet for the device waits for its DRX cycle
	Interrupt                      // handover
	Stalled                        // no capacity: packets wait
	NoLink                         // outage: packets die
	Attaching                      // registration at power-on
	TimedOut                       // the retransmission timer of Side struck
)

// watch tells of an event where somebody listens.
func (p *Path) watch(ev PathEvent) {
	if p.Watch != nil {
		p.Watch(ev)
	}
}
