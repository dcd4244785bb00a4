// Package netem is the cellular path between a device and a server: a link in
// each direction, the TCP of both ends as a law that counts bytes, a name
// lookup, and a net.Conn that carries real bytes under that law.
//
// Links and law are pure: time is a time.Duration since the run's start and
// always an argument, and every random draw is named by a Key. Two things
// turn them: Queue.Live sleeps until an event is due, Queue.Run jumps there.
package netem
