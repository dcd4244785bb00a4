package netem

import "time"

// Stack is the TCP of one end: a struct of parameters, no behaviour.
type Stack struct {
	MSS           int           // payload bytes per segment that it offers to take
	SynRTO        time.Duration // wait before the first SYN (or SYN-ACK) is repeated
	SynBackoff    bool          // double it with every repeat
	SynLinear     int           // repeats of a SYN before the wait begins to double; they come on top of SynRetries
	SynRetries    int           // repeats of a SYN before giving up
	SynACKRetries int           // repeats of a SYN-ACK by its timer; 0: as SynRetries
	TimedSYNACK   bool          // a repeated SYN brings an ACK, no further SYN-ACK
	MinRTO        time.Duration // data: never shorter
	MaxRTO        time.Duration
	Tick          time.Duration // timers count multiples of it, as lwIP's do; 0: exact
	Jiffy         time.Duration // of Linux's timer wheel, which rounds up; 0: exact
	RTOSlack      time.Duration // the deviation counts this much at least, estimated as Linux does; 0: as RFC 6298 does
	Retries       int           // time-outs of one data segment before giving up
	MaxProbe      time.Duration // wait between probes of a closed window at most; 0: as MaxRTO
	Window        int           // receive buffer, bytes: the largest window offered
	SendBuffer    int           // bytes written and not yet acknowledged
	OutOfOrder    int           // segments kept ahead of a gap; 0: no limit
	InitCwnd      int           // segments; 0: no congestion window
	DupAcks       int           // duplicate ACKs that trigger a fast retransmit; 0: none
	SACK          bool          // RFC 2018, and with it RACK and tail loss probes (RFC 8985)
	Timestamps    bool          // RFC 7323
	Cubic         bool          // RFC 9438 in place of Reno
	DelayedACK    time.Duration // at most; 0: every segment is acknowledged at once
	QuickACKs     int           // acknowledged at once all the same, at the start and after a gap
}

// ticking reports whether the stack is lwIP or one like it: its timers count
// ticks and its congestion window bytes, and it repeats from the gap on.
func (s *Stack) ticking() bool { return s.Tick > 0 }

// StackLwIP is lwIP as ESP-IDF 5.x builds it (components/lwip/Kconfig and
// esp-lwip 2.1.2-esp src/core/tcp.c): SYN each 1.5 s without back-off on
// 500 ms ticks, 12 repeats; data RTO doubled at most 7 times (tcp_backoff);
// delayed ACKs on the 250 ms timer; window and send buffer 5760; initial window
// min(4 MSS, max(2 MSS, 4380)); no SACK, no timestamps.
func StackLwIP() Stack {
	return Stack{
		MSS: 1440, SynRTO: 1500 * time.Millisecond, SynRetries: 12,
		MinRTO: 1500 * time.Millisecond, MaxRTO: 0x7fff * 500 * time.Millisecond, Tick: 500 * time.Millisecond,
		Retries: 12, MaxProbe: 60 * time.Second, Window: 5760, SendBuffer: 5760, OutOfOrder: 4,
		InitCwnd: 3, DupAcks: 3, DelayedACK: 250 * time.Millisecond,
	}
}

// StackModem is the TCP inside a 4G module. Its timers are not published:
// assumed as lwIP, with the window of 64240 that captures of ML307 show.
func StackModem() Stack {
	s := StackLwIP()
	s.Window, s.OutOfOrder = 64240, 0
	return s
}

// StackLinux is Linux 6.5 and later with its defaults, at either end: SYN after
// 1, 1, 1, 1 s and then doubled (tcp_syn_linear_timeouts 4, tcp_syn_retries 6),
// SYN-ACK after 1 s and then doubled (tcp_synack_retries 5), data RTO of at
// least 200 ms beyond the RTT, ten segments at first, CUBIC, the first 16
// segments acknowledged at once and then after 40 ms at most.
func StackLinux() Stack {
	return Stack{
		MSS: 1460, SynRTO: time.Second, SynBackoff: true, SynLinear: 4, SynRetries: 6, SynACKRetries: 5,
		MinRTO: 200 * time.Millisecond, MaxRTO: 120 * time.Second, RTOSlack: 200 * time.Millisecond,
		Retries: 15, Window: 65536, SendBuffer: 256 << 10, InitCwnd: 10, DupAcks: 3,
		SACK: true, Timestamps: true, Cubic: true,
		DelayedACK: 40 * time.Millisecond, QuickACKs: 16,
	}
}

// synTries is how often a SYN or SYN-ACK is repeated by its timer.
func (s *Stack) synTries(side Side) int {
	if side == ServerSide && s.SynACKRetries > 0 {
		return s.SynACKRetries
	}
	if side == DeviceSide {
		return s.SynLinear + s.SynRetries
	}
	return s.SynRetries
}

// Sizes at IP level (RFC 791, RFC 8200, RFC 9293) and of TCP's options with
// their padding (RFC 2018, RFC 7323).
const (
	mtu            = 1500
	headerIPv4     = 20 + 20
	headerIPv6     = 40 + 20
	optionMSS      = 4
	optionSACKOK   = 4 // none beside timestamps, which it pads
	optionStamps   = 12
	optionScale    = 4
	unscaledWindow = 65535
)

// agree settles what the options of SYN and SYN-ACK settle.
func (l *Law) agree() {
	device, server := &l.ends[DeviceSide].stack, &l.ends[ServerSide].stack
	l.stamps = device.Timestamps && server.Timestamps
	l.sack = device.SACK && server.SACK
	l.header = headerIPv4
	if l.v6 {
		l.header = headerIPv6
	}
	mss := min(device.MSS, server.MSS, mtu-l.header)
	scale := device.Window > unscaledWindow
	l.syn[DeviceSide] = l.header + synOptions(device.Timestamps, device.SACK, scale)
	l.syn[ServerSide] = l.header + synOptions(l.stamps, l.sack, scale && server.Window > unscaledWindow)
	if l.stamps {
		l.header += optionStamps
		mss -= optionStamps
	}
	for i := range l.ends {
		l.ends[i].mss, l.ends[i].reno = mss, !l.sack
		l.ends[i].openCwnd()
	}
}

func synOptions(stamps, sack, scale bool) int {
	n := optionMSS
	switch {
	case stamps:
		n += optionStamps
	case sack:
		n += optionSACKOK
	}
	if scale {
		n += optionScale
	}
	return n
}
