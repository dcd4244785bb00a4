package netem

import "time"

// soonestExpiry spares a look at the path's class for each packet: no NAT
// forgets a connection within a second of its last packet (RFC 5382, REQ-5,
// asks for two hours and four minutes; see Profile.NAT for what is met).
const soonestExpiry = time.Second

// forgotten reports, for a packet that passes the NAT now, whether the NAT has
// forgotten the connection. It stays forgotten.
func (l *Law) forgotten(now time.Duration) bool {
	if idle := now - l.passed; !l.expired && idle > soonestExpiry {
		after := l.path.nat(now).TCPIdleS
		l.expired = after > 0 && idle > seconds(after)
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
