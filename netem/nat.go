package netem

import "time"

// forgotten reports, for a packet that passes the NAT now, whether it has
// forgotten the connection. It stays forgotten.
func (l *Law) forgotten(now time.Duration) bool {
	if idle := now - l.passed; !l.expired && idle > 0 {
		after := l.path.nat(now).TCPIdleS
		l.expired = l.counts.Segments > 1 && after > 0 && idle > seconds(after)
	}
	l.passed = now
	return l.expired
}

// NATExpired reports whether the NAT has forgotten the connection: packets
// vanish, or the device's are answered by an RST.
func (l *Law) NATExpired() bool { return l.expired }

// stopAtNAT deals with a packet of the device that finds no connection.
func (l *Law) stopAtNAT(now time.Duration, seg segment) {
	if l.path.nat(now).OnExpiry == "rst" && seg.flags&flagRST == 0 {
		l.send(now, ServerSide, segment{flags: flagRST}, l.header, l.ackKey(ServerSide))
	}
}
