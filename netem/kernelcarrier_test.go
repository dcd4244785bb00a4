//go:build linux && kernel

package netem

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// carrier carries packets between two TUN devices over modelled links, on one
// thread, in real time. This machine is late now and then, and that is not to
// be taken for the network: what leaves soon after its cause counts as sent
// when that was due, and the first byte of an answer, however long a program
// took, when the last byte of what it answers was.
type carrier struct {
	tun     [2]int
	start   time.Time
	waiting [2][]packet // in order, by the side that sent
	late    []time.Duration
	sizes   []stretch

	mu    sync.Mutex
	flows map[uint32]*flow // by the client's port and the server's
	count uint64

	losses  []float64              // by the server's port
	scripts map[uint16]*lossScript // by the client's port, in place of losses
}

const (
	// forgiven is how soon: no timer of TCP is that short.
	forgiven   = 8 * time.Millisecond
	firstPort  = 7000
	packetSize = 2048
)

// packet is one under way. Its bytes are [from, to) of the side's stream.
type packet struct {
	at       time.Duration
	bytes    []byte
	flow     *flow
	from, to int64
	synack   bool
}

// cause is what a side acts upon: when it was due and when it came.
type cause struct{ due, came time.Duration }

// flow is one connection.
type flow struct {
	path   *Path
	script *lossScript // in place of the path's losses
	isn    [2]uint32
	began  time.Duration // first SYN
	opened time.Duration // first SYN-ACK at the client, never: not yet
	done   []time.Duration
	cause  [2]cause
	sent   [2]int64    // bytes, repeats apart
	heard  [2]endpoint // what has come, in and out of order
	lost   int
	number uint64 // of packets
	trace  []string
}

// moment is the time at which what a side sends now counts: the answer to a
// stretch when that was complete.
func (c *carrier) moment(f *flow, s Side, p packet, now time.Duration) time.Duration {
	if p.to > f.sent[s] && p.from == f.sent[s] {
		start := [2]int64{}
		for k, size := range c.sizes {
			if size.from == s && start[s] == p.from {
				due := f.opened
				if k > 0 {
					due = f.done[k-1]
				}
				f.cause[s] = cause{due, now}
			}
			start[size.from] += int64(size.n)
		}
	}
	f.sent[s] = max(f.sent[s], p.to)
	if f.cause[s].came > 0 && now-f.cause[s].came < forgiven {
		return f.cause[s].due
	}
	return now
}

// arrive notes what a side has heard.
func (c *carrier) arrive(p packet, s Side, now time.Duration) {
	f := p.flow
	f.cause[s] = cause{p.at, now}
	if p.synack {
		f.opened = min(f.opened, p.at)
	}
	if p.to > p.from {
		f.heard[s].accept(p.from, p.to)
	}
	end := [2]int64{}
	for k, size := range c.sizes {
		end[size.from] += int64(size.n)
		if f.done[k] == never && f.heard[size.from.other()].rcvNxt >= end[size.from] {
			f.done[k] = p.at
		}
	}
}

func (c *carrier) run(ctx context.Context) {
	runtime.LockOSThread() // and never unlock: its priority stays with it
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 10}, 0)
	for ctx.Err() == nil {
		due := time.Since(c.start) + 100*time.Millisecond
		for s := range c.waiting {
			c.deliver(Side(s))
			if len(c.waiting[s]) > 0 {
				due = min(due, c.waiting[s][0].at)
			}
		}
		wait := unix.NsecToTimespec(int64(max(0, due-time.Since(c.start))))
		fds := []unix.PollFd{{Fd: int32(c.tun[0]), Events: unix.POLLIN}, {Fd: int32(c.tun[1]), Events: unix.POLLIN}}
		_, _ = unix.Ppoll(fds, &wait, nil)
		for s := range fds {
			if fds[s].Revents != 0 {
				c.take(Side(s))
			}
		}
	}
}

// deliver writes what is due from a side to the other.
func (c *carrier) deliver(s Side) {
	for len(c.waiting[s]) > 0 {
		p := c.waiting[s][0]
		now := time.Since(c.start)
		if p.at > now {
			return
		}
		c.mu.Lock()
		c.arrive(p, s.other(), now)
		c.mu.Unlock()
		_, _ = unix.Write(c.tun[s.other()], p.bytes)
		c.late = append(c.late, now-p.at)
		c.waiting[s] = c.waiting[s][1:]
	}
}

// take reads what one side sent.
func (c *carrier) take(s Side) {
	for {
		bytes := make([]byte, packetSize)
		n, err := unix.Read(c.tun[s], bytes)
		if err != nil {
			return
		}
		c.send(s, bytes[:n], time.Since(c.start))
	}
}

// Flags of a TCP header (RFC 9293, 3.1).
const tcpSYN, tcpACK = 2, 16

func (c *carrier) send(s Side, bytes []byte, now time.Duration) {
	if len(bytes) < headerIPv4 || bytes[0]>>4 != 4 || bytes[9] != unix.IPPROTO_TCP {
		return
	}
	tcp := bytes[int(bytes[0]&15)*4:]
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flowOf(s, tcp, now)
	if f == nil {
		return // of a connection from before
	}
	p := packet{bytes: bytes, flow: f}
	seq := binary.BigEndian.Uint32(tcp[4:])
	if tcp[13]&tcpSYN != 0 {
		f.isn[s], p.synack = seq, s == ServerSide
	} else {
		p.from = int64(seq - f.isn[s] - 1)
		p.to = p.from + int64(len(tcp)-int(tcp[12]>>4)*4)
	}
	sent := c.moment(f, s, p, now)
	f.number++
	link := f.path.Up
	if s == ServerSide {
		link = f.path.Down
	}
	at, fate := link.Send(sent, len(bytes), f.path.key.Of(f.number))
	if f.script != nil && f.script.next(s) {
		fate = Lost
	}
	if f.script != nil {
		f.trace = append(f.trace, fmt.Sprintf("%10v %d flags %02x seq %d, %d bytes, ack %d, window %d, fate %d",
			(sent-f.began).Round(100*time.Microsecond), s, tcp[13], p.from, len(bytes),
			binary.BigEndian.Uint32(tcp[8:])-f.isn[s.other()]-1, binary.BigEndian.Uint16(tcp[14:]), fate))
	}
	if fate != Delivered {
		f.lost++
		return
	}
	p.at = at
	w := append(c.waiting[s], p)
	for i := len(w) - 1; i > 0 && w[i-1].at > w[i].at; i-- {
		w[i-1], w[i] = w[i], w[i-1]
	}
	c.waiting[s] = w
}

// flowOf is the connection that a packet belongs to: a new one where its SYN
// is.
func (c *carrier) flowOf(s Side, tcp []byte, now time.Duration) *flow {
	client, server := binary.BigEndian.Uint16(tcp), binary.BigEndian.Uint16(tcp[2:])
	if s == ServerSide {
		client, server = server, client
	}
	ports := uint32(client)<<16 | uint32(server)
	f := c.flows[ports]
	opens, isn := tcp[13]&(tcpSYN|tcpACK) == tcpSYN, binary.BigEndian.Uint32(tcp[4:])
	if !opens || f != nil && f.isn[DeviceSide] == isn || int(server-firstPort) >= len(c.losses) {
		return f
	}
	c.count++
	f = &flow{
		path: kernelPath(c.losses[server-firstPort], Seed(81).Of(c.count)), script: c.scripts[client],
		began: now, opened: never, done: slices.Repeat([]time.Duration{never}, len(c.sizes)),
	}
	c.flows[ports] = f
	return f
}

// opening is what the carrier saw of a connection. Its trace is to be read only
// when all is over.
func (c *carrier) opening(ports uint32) opening {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flows[ports]
	o := opening{tcp: never, tls: never, total: never, lost: f.lost, flow: f}
	if f.opened != never {
		o.tcp = f.opened - f.began
	}
	if last := f.done[len(f.done)-1]; last != never {
		o.total = last - f.began
	}
	if len(f.done) > finishedAt && f.done[finishedAt] != never {
		o.tls = f.done[finishedAt] - f.opened
	}
	return o
}
