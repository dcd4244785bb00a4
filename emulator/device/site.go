package device

import (
	"crypto/x509"
	"net"
	"strconv"
	"sync"
	"time"

	"xzfleet/netem"
	"xzfleet/results"
)

// Site is what the live devices of a run share.
type Site struct {
	Network *netem.Network
	Server  netem.Stack // TCP of the server's end
	Roots   *Roots
	// Addresses maps the names that the run resolves to real addresses; a
	// literal address needs no entry, any other name is not found.
	Addresses map[string]string
	Sink      results.Sink
	// Voice takes how late each live audio frame was written, ours. Change
	// takes what a progress display shows. Trace takes every step. Each may be
	// nil, is called with the device's lock held, and must not block.
	Voice  func(late time.Duration)
	Change func(Change)
	Trace  func(cfg *Config, now time.Duration, ev Event, acts []Action)

	crew    netem.Crew
	readers sync.WaitGroup
}

// Change is what became of a device.
type Change uint8

const (
	Arrived   Change = iota // its first opening has begun
	Opened                  // its channel is open
	Shut                    // its channel was open and is so no more
	FailedTry               // an opening has failed
	Finished                // it will do nothing more
)

// Roots are the certificates that devices trust.
type Roots struct{ set *rootSet }

// NewRoots makes the firmware's bundle of these certificates.
func NewRoots(certs []*x509.Certificate) *Roots { return &Roots{newRootSet(certs)} }

// Wait waits for the goroutines of all devices; each has finished or was cut,
// so that no reader asks for anything any more, but an upgrade under way may
// still start one.
func (s *Site) Wait() {
	s.crew.Wait()
	s.readers.Wait()
}

// address is where a host of a URL really is.
func (s *Site) address(host string, port int) (string, bool) {
	if net.ParseIP(host) == nil {
		addr, ok := s.Addresses[host]
		if !ok {
			return "", false
		}
		if _, _, err := net.SplitHostPort(addr); err == nil {
			return addr, true
		}
		host = addr
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), true
}
