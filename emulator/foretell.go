package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"text/tabwriter"

	"xzfleet/scenarios"
)

// foretell prints what a run would do.
func (j *job) foretell() error {
	s := j.scenario
	where, err := j.foretellTarget()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(j.std.out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s: %s\n\n", s.Name, s.Note)
	fmt.Fprintf(w, "devices\t%d", j.devices)
	if j.opt.share != "" {
		fmt.Fprintf(w, " of %d (share %s)", s.Devices(), j.opt.share)
	}
	fmt.Fprintf(w, "\narrival\t%s\nlength\t%s at most\nseed\t%d\ntarget\t%s\n", arrivalOf(s), s.Length, s.Seed, where)
	fmt.Fprintf(w, "output\t%s\n", cmp.Or(j.opt.out, "runs/TIME-"+s.Name))
	for _, e := range s.Expect {
		fmt.Fprintf(w, "expect\t%s\n", e)
	}
	fmt.Fprint(w, "\nfleet\tdevices\tprofile\tlink\n")
	for i, f := range s.Fleets {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", f.Name, j.share[i].To-j.share[i].From, f.DeviceName, f.LinkName)
	}
	fmt.Fprint(w, "\nNothing was sent.\n")
	return w.Flush()
}

// foretellTarget names the target and holds it to the leash as far as that
// can be known without a look-up.
func (j *job) foretellTarget() (string, error) {
	t := j.scenario.Redacted().Target
	if t.URL == "" {
		return "the bundled server on loopback, as " + bundledHost, nil
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return "", wrongUsage("-target: %v", err)
	}
	for _, host := range append([]string{u.Hostname()}, *j.opt.allow...) {
		if addr, err := netip.ParseAddr(host); err == nil && !onLeash(host, addr, *j.opt.mayLoad) {
			return "", wrongUsage("%s", leashed(host, addr))
		}
	}
	_, err = trustedRoots(t.CA)
	return t.URL, err
}

func arrivalOf(s *scenarios.Scenario) string {
	switch a := s.Arrival; {
	case a.Pattern == scenarios.Storm:
		return "storm: all at once"
	case a.Rate > 0:
		return fmt.Sprintf("%s, %.4g devices/s", a.Pattern, a.Rate)
	default:
		return fmt.Sprintf("%s over %s", a.Pattern, a.Over)
	}
}
