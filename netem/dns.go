package netem

import (
	"time"
)

// Sizes of a query and its answer at IP level: 28 bytes of headers, a name of
// some 20 characters (RFC 1035), one address back.
const (
	queryBytes  = 28 + 38
	answerBytes = 28 + 54
)

// querySchedule is when lwIP asks (esp-lwip dns.c: DNS_TMR_INTERVAL 1000,
// DNS_MAX_RETRIES 4); it gives up 3 s after the last.
var querySchedule = [...]time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second}

const queryLimit = 7 * time.Second

// Lookup is one name lookup: queries over the up link, answers over the down
// link, by a resolver that answers at once.
type Lookup struct {
	path  *Path
	key   Key
	start time.Duration
	sent  int
	there []time.Duration // arrivals of queries at the resolver
	back  time.Duration   // first arrival of an answer

	net  *Network
	done func(at time.Duration, found bool)
}

// NewLookup starts a lookup at the run's time now. key names its draws.
func NewLookup(now time.Duration, p *Path, key Key) *Lookup {
	return &Lookup{path: p, key: key, start: now, back: never}
}

// Due is when Step has something to do next.
func (l *Lookup) Due() time.Duration {
	due := min(l.back, l.start+queryLimit)
	if l.sent < len(querySchedule) {
		due = min(due, l.start+querySchedule[l.sent])
	}
	for _, t := range l.there {
		due = min(due, t)
	}
	return due
}

// Step does what is due by now and reports whether the lookup is over, when
// that was, and whether an answer came.
func (l *Lookup) Step(now time.Duration) (at time.Duration, found, over bool) {
	for due := l.Due(); due <= now; due = l.Due() {
		switch {
		case due == l.back:
			return due, true, true
		case due == l.start+queryLimit:
			return due, false, true
		case l.sent < len(querySchedule) && due == l.start+querySchedule[l.sent]:
			l.ask(due)
		default:
			l.answer(due)
		}
	}
	return 0, false, false
}

func (l *Lookup) ask(now time.Duration) {
	key := l.key.Of(drawDNS, uint64(DeviceSide), uint64(l.sent))
	l.sent++
	at, fate := l.path.Up.Send(now, queryBytes, key)
	l.path.watch(PathEvent{Kind: Packet, Name: "DNS query", At: now, Until: at, Bytes: queryBytes, Again: l.sent > 1, Fate: fate})
	if fate == Delivered {
		l.there = append(l.there, at+l.path.resolver())
	}
}

func (l *Lookup) answer(now time.Duration) {
	l.there = l.there[1:]
	key := l.key.Of(drawDNS, uint64(ServerSide), uint64(l.sent))
	at, fate := l.path.Down.Send(now, answerBytes, key)
	l.path.watch(PathEvent{Kind: Packet, Side: ServerSide, Name: "DNS answer", At: now, Until: at, Bytes: answerBytes, Fate: fate})
	if fate == Delivered {
		l.back = min(l.back, at)
	}
}

// Lookup looks a name up on the network's queue and calls done there, unless
// the network is closed first. done must not block.
func (n *Network) Lookup(at time.Duration, p *Path, key Key, done func(at time.Duration, found bool)) {
	l := NewLookup(at, p, key)
	l.net, l.done = n, done
	n.At(at, l, 0)
}

// Fire implements Handler.
func (l *Lookup) Fire(due time.Duration, _ uint64) {
	l.path.mu.Lock()
	at, found, over := l.Step(due)
	l.path.mu.Unlock()
	if over {
		l.done(at, found)
		return
	}
	l.net.At(l.Due(), l, 0)
}
