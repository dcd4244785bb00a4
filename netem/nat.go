package netem

import "time"

// forgotten reports, for a packet that passes the NAT now, whether the NAT has
// forgotten the connection. It stays forgotten.
func (l *Law) forgotten(now time.Duration) bool {
	if after := l.path.nat(now).TCPIdleS; after > 0 && now-l.passed > seconds(after) {
		l.expired = true
	}
	l.passed = now
	return l.expired
}

// NATExpired reports whether the NAT has forgotten the connection: packets
// vanish, or the device's are answered by an RST.
func (l *Law) NATExpired() bool { return l.expired }

// stopAtNAT deals with a packet of the device that finds no connection.
func (l *Law) stopAtNAT(now time.Duration, seg *segment) {
	if l.path.nat(now).OnExpiry == "rst" && seg.flags&flagRST == 0 {
		l.launch(now, ServerSide, &segment{flags: flagRST}, l.header, l.ackKey(ServerSide))
	}
}
