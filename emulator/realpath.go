package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"xzfleet/emulator/fleet"
	"xzfleet/netem"
	"xzfleet/results/stats"
)

// realDials is how often the real path is dialled before a run.
const realDials = 20

// realPath is the path behind the model, to the server itself.
type realPath struct {
	addr string
	rtt  time.Duration
	err  error // why it could not be measured
}

// measureRealPath dials where the devices will go first.
func measureRealPath(ctx context.Context, t fleet.Target) realPath {
	addr, err := realAddress(t)
	if err != nil {
		return realPath{err: err}
	}
	n := netem.NewNetwork()
	defer n.Close()
	rtt, err := n.RoundTrip(ctx, addr, realDials)
	return realPath{addr, rtt, err}
}

// realAddress is the address and port of the first URL.
func realAddress(t fleet.Target) (string, error) {
	first := t.URL
	if t.OTA != "" {
		first = t.OTA
	}
	u, err := url.Parse(first)
	if err != nil {
		return "", err
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "ws": "80"}[u.Scheme]
	}
	if port == "" {
		port = "443"
	}
	if addr, known := t.Addresses[host]; known {
		if _, _, err := net.SplitHostPort(addr); err == nil {
			return addr, nil
		}
		host = addr
	}
	return net.JoinHostPort(host, port), nil
}

// note adds to run.toml what was measured; it is no key, for every run
// measures its own.
func (p realPath) note(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, runFile), os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if p.err != nil {
		_, err = fmt.Fprintf(f, "\n# The real path to the server was not measured: %v\n", p.err)
	} else {
		_, err = fmt.Fprintf(f, "\n# The real path to %s: %.3f ms (median of %d dials), taken off every link's round-trip floor.\n",
			p.addr, millis(p.rtt), realDials)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// health is what the report says of it; short is how many devices have a link
// that is shorter.
func (p realPath) health(short int) *stats.RealPath {
	if p.err != nil {
		return &stats.RealPath{Error: p.err.Error()}
	}
	return &stats.RealPath{RTTMs: millis(p.rtt), Dials: realDials, LongerThanLink: short}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
