package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"xzfleet/netem"
)

// mtu is that of both ends' interfaces; mss is the payload that gVisor sends
// in it, room for time stamps and three SACK blocks kept (snd.go, initSender).
const (
	mtu = 1500
	mss = mtu - header.IPv4MinimumSize - header.TCPMinimumSize - 12
)

// nic is a gVisor link endpoint that hands its packets over at once.
type nic struct {
	*channel.Endpoint
	send func(*stack.PacketBuffer)
}

func newNIC(send func(*stack.PacketBuffer)) *nic {
	e := channel.New(0, mtu, "")
	// Nothing damages a packet here, so nobody needs its checksum.
	e.LinkEPCapabilities = stack.CapabilityTXChecksumOffload | stack.CapabilityRXChecksumOffload
	return &nic{e, send}
}

// WritePackets implements stack.LinkWriter.
func (n *nic) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	for _, p := range pkts.AsSlice() {
		n.send(p)
	}
	return pkts.Len(), nil
}

// wire is one direction between two stacks: a modelled link decides, the queue
// waits. Packets keep their order.
type wire struct {
	*turner
	to   *nic
	late *lateness

	mu      sync.Mutex
	link    *netem.Link // nil: nobody listens
	key     netem.Key   // of this connection's packets
	packets uint64
	lost    int
	stamp   uint32        // of the first SYN
	stampAt time.Duration // when it was sent; 0: none was
	flying  []*stack.PacketBuffer
}

// use puts the wire to a connection's use, or out of use with a nil link, and
// returns how many packets it lost since.
func (w *wire) use(link *netem.Link, key netem.Key) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	lost := w.lost
	w.link, w.key, w.packets, w.lost, w.stampAt = link, key, 0, 0, 0
	return lost
}

// send offers a packet to the link.
func (w *wire) send(p *stack.PacketBuffer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.link == nil {
		return
	}
	w.packets++
	now := w.queue.Now()
	bytes := p.ToView() // a copy
	w.renew(bytes.AsSlice(), now)
	at, fate := w.link.Send(now, bytes.Size(), w.key.Of(w.packets))
	if fate != netem.Delivered {
		w.lost++
		return
	}
	w.flying = append(w.flying, stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithView(bytes)}))
	w.queue.At(at, w, 0)
}

// renew brings the time stamp of a repeated SYN or SYN-ACK up to date. gVisor
// repeats the first one's (connect.go, sendSYNOpts), so that the round trip
// seems to take from the first on and the time-out is above 3 s for the rest of
// the connection; RFC 7323, section 3.2, and every other stack want the time of
// sending.
func (w *wire) renew(packet []byte, now time.Duration) {
	tcp := header.TCP(header.IPv4(packet).Payload())
	if tcp.Flags()&header.TCPFlagSyn == 0 {
		return
	}
	options := tcp.Options()
	for i := 0; i < len(options) && options[i] != header.TCPOptionEOL; {
		switch {
		case options[i] == header.TCPOptionNOP:
			i++
			continue
		case options[i] != header.TCPOptionTS:
		case w.stampAt == 0:
			w.stamp, w.stampAt = binary.BigEndian.Uint32(options[i+2:]), now
		default:
			binary.BigEndian.PutUint32(options[i+2:], w.stamp+uint32((now-w.stampAt)/time.Millisecond))
		}
		i += int(options[i+1])
	}
}

// Fire implements netem.Handler: the first packet in flight arrives.
func (w *wire) Fire(due time.Duration, _ uint64) {
	w.mu.Lock()
	p := w.flying[0]
	w.flying = append(w.flying[:0], w.flying[1:]...)
	w.mu.Unlock()
	w.late.add(w.queue.Now() - due)
	w.to.InjectInbound(header.IPv4ProtocolNumber, p)
	p.DecRef()
	w.settle()
}

// lateness is by how much deliveries missed their due times.
type lateness struct {
	mu sync.Mutex
	by []time.Duration
}

func (l *lateness) add(d time.Duration) {
	l.mu.Lock()
	l.by = append(l.by, d)
	l.mu.Unlock()
}

// line says how late the deliveries since the last line were.
func (l *lateness) line() verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.by)
	v := verdict{
		law: "oracle lateness of a hop", expected: fmt.Sprintf("%d hops", len(l.by)),
		got: fmt.Sprintf("p50 %s, p99 %s", fine(quantile(l.by, 0.5)), fine(quantile(l.by, 0.99))), info: true,
	}
	l.by = l.by[:0]
	return v
}

func fine(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
