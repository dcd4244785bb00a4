package netem

import "time"

// Stack is the TCP of one end: a struct of parameters, no behaviour.
type Stack struct {
	MSS        int           // payload bytes per segment
	SynRTO     time.Duration // wait before the first SYN (or SYN-ACK) is repeated
	SynBackoff bool          // double it with every repeat
	SynRetries int           // repeats before giving up
	MinRTO     time.Duration // data: never shorter
	MaxRTO     time.Duration
	Tick       time.Duration // timers count multiples of it; 0: exact
	RTOSlack   time.Duration // added to the smoothed RTT where RTTVAR is smaller
	Retries    int           // repeats of one data segment before giving up
	Window     int           // receive buffer, bytes: the largest window offered
	SendBuffer int           // bytes written and not yet acknowledged
	InitCwnd   int           // segments; 0: no congestion window
	DupAcks    int           // duplicate ACKs that trigger a fast retransmit; 0: none
	DelayedACK time.Duration // at most; 0: every segment is acknowledged at once
}

// ticking reports whether the stack's retransmission timers count ticks.
func (s Stack) ticking() bool { return s.Tick > 0 }

// StackLwIP is lwIP as ESP-IDF 5.x builds it (components/lwip/Kconfig and
// esp-lwip 2.1.2-esp src/core/tcp.c): SYN each 1.5 s without back-off on
// 500 ms ticks, 12 repeats; data RTO doubled at most 7 times (tcp_backoff);
// delayed ACKs on the 250 ms timer; window and send buffer 5760; initial window
// min(4 MSS, max(2 MSS, 4380)); no SACK.
func StackLwIP() Stack {
	return Stack{
		MSS: 1440, SynRTO: 1500 * time.Millisecond, SynRetries: 12,
		MinRTO: 1500 * time.Millisecond, MaxRTO: 192 * time.Second, Tick: 500 * time.Millisecond,
		Retries: 12, Window: 5760, SendBuffer: 5760, InitCwnd: 3, DupAcks: 3,
		DelayedACK: 250 * time.Millisecond,
	}
}

// StackModem is the TCP inside a 4G module. Its timers are not published:
// assumed as lwIP, with the window of 64240 that captures of ML307 show.
func StackModem() Stack {
	s := StackLwIP()
	s.Window = 64240
	return s
}

// StackLinux is the server's end: IW10, SYN-ACK repeated after 1 s with
// back-off (tcp_synack_retries 5), data RTO of at least 200 ms.
func StackLinux() Stack {
	return Stack{
		MSS: 1440, SynRTO: time.Second, SynBackoff: true, SynRetries: 5,
		MinRTO: 200 * time.Millisecond, MaxRTO: 120 * time.Second, RTOSlack: 200 * time.Millisecond,
		Retries: 15, Window: 65536, SendBuffer: 256 << 10, InitCwnd: 10, DupAcks: 3,
		DelayedACK: 40 * time.Millisecond,
	}
}
