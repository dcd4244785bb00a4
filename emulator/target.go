package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"xzfleet/emulator/fleet"
	"xzfleet/scenarios"
	"xzfleet/server/protocol"
	"xzfleet/server/voice"
)

// bundledHost is the name by which devices reach the bundled server; the run
// resolves it.
const bundledHost = "voice.test"

// startServer starts this binary once more as the bundled server, on a free
// port of loopback.
func (j *job) startServer(ctx context.Context, log *os.File) (*fleet.Server, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(j.dir, runFile)
	server, err := fleet.StartServer(ctx, binary, []string{"serve", "-tethered", "-config", config, "-listen", "127.0.0.1:0"}, log)
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w\n%s", err, strings.TrimSpace(string(said)))
	}
	return server, nil
}

// bundledTarget is where devices find the bundled server.
func bundledTarget(s *scenarios.Scenario, server *fleet.Server) (fleet.Target, error) {
	_, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		return fleet.Target{}, fmt.Errorf("bundled server: %w", err)
	}
	web, channel := "https", "wss"
	if s.Server.TLS.Chain == voice.ChainNone {
		web, channel = "http", "ws"
	}
	host := net.JoinHostPort(bundledHost, port)
	t := fleet.Target{
		URL:       channel + "://" + host + protocol.WebSocketPath,
		Hosts:     []string{bundledHost},
		Addresses: map[string]string{bundledHost: server.Addr},
		Roots:     server.Roots,
	}
	if s.Usage.Boot {
		t.OTA = web + "://" + host + protocol.OTAPath
	}
	return t, nil
}

// outsideTarget is where devices find a server that is not ours, with each of
// its names looked up once. It is empty where the scenario names none.
func (j *job) outsideTarget(ctx context.Context) (fleet.Target, error) {
	where := j.scenario.Target
	if where.URL == "" {
		return fleet.Target{}, nil
	}
	u, err := url.Parse(where.URL)
	if err != nil {
		return fleet.Target{}, wrongUsage("-target: %v", err)
	}
	t := fleet.Target{Hosts: append([]string{u.Hostname()}, *j.opt.allow...), Addresses: map[string]string{}}
	if u.Scheme == "http" || u.Scheme == "https" {
		t.OTA = where.URL
	} else {
		t.URL = where.URL
	}
	var wrong ending
	for _, host := range t.Hosts {
		addr, err := lookUp(ctx, host)
		if err != nil {
			return t, err
		}
		t.Addresses[host] = addr.String()
		if !onLeash(host, addr, *j.opt.mayLoad) {
			wrong.add(exitUsage, "%s", leashed(host, addr))
		}
	}
	if err := wrong.err(); err != nil {
		return t, err
	}
	t.Roots, err = trustedRoots(where.CA)
	return t, err
}

// lookUp finds the address of a host, IPv4 where it has one, as lwIP and the
// modems do.
func lookUp(ctx context.Context, host string) (netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return netip.Addr{}, wrongUsage("target: no such host: %s", host)
	}
	if err != nil {
		return netip.Addr{}, fmt.Errorf("target: %w", err)
	}
	for _, a := range all {
		if a.Unmap().Is4() {
			return a.Unmap(), nil
		}
	}
	return all[0], nil
}

// onLeash reports whether a host may be loaded: it is on this machine or in a
// private network, or -i-may-load says so.
func onLeash(host string, addr netip.Addr, mayLoad []string) bool {
	if addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(mayLoad, func(named string) bool { return strings.EqualFold(named, host) })
}

func leashed(host string, addr netip.Addr) string {
	at := ""
	if host != addr.String() {
		at = " (" + addr.String() + ")"
	}
	return fmt.Sprintf("target: %s%s is neither loopback nor private; if it is yours to load, say so: -i-may-load %[1]s", host, at)
}
