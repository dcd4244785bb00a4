package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"xzfleet/emulator/device"
	"xzfleet/netem"
	"xzfleet/scenarios"
)

// profilesCommand lists the device and the link profiles, or prints one with
// every number.
func profilesCommand(args []string, std streams) error {
	f := newFlags("profiles", "[NAME]")
	asJSON := f.Bool("json", false, "print as JSON")
	asTC := f.Bool("tc", false, "print the tc commands that come nearest to a link profile")
	names, err := f.parse(args, std.out)
	switch {
	case err != nil:
		return err
	case len(names) > 1:
		return wrongUsage("xzfleet profiles: one name at a time, found %q", names)
	case *asTC && *asJSON:
		return wrongUsage("xzfleet profiles: -tc or -json, not both")
	}
	links, err := scenarios.Links()
	if err != nil {
		return err
	}
	devices := device.Profiles()
	if len(names) == 1 {
		isLink := slices.Contains(links, names[0])
		devices = slices.DeleteFunc(devices, func(p device.Profile) bool { return p.Name != names[0] })
		links = slices.DeleteFunc(links, func(name string) bool { return name != names[0] })
		if !isLink && len(devices) == 0 {
			return wrongUsage("xzfleet profiles: %v", unknownProfile(names[0]))
		}
	}
	switch {
	case *asTC && (len(names) == 0 || len(links) == 0):
		return wrongUsage("xzfleet profiles: -tc wants the name of a link profile")
	case *asTC:
		return printTC(std.out, links[0])
	case *asJSON:
		return profilesJSON(std.out, devices, links)
	case len(names) == 0:
		return listProfiles(std.out, devices, links)
	case len(links) == 1:
		text, err := scenarios.LinkSource(links[0])
		if err != nil {
			return err
		}
		_, err = io.WriteString(std.out, text)
		return err
	}
	return printDevice(std.out, devices[0])
}

func unknownProfile(name string) error {
	var devices []string
	for _, p := range device.Profiles() {
		devices = append(devices, p.Name)
	}
	links, err := scenarios.Links()
	if err != nil {
		return err
	}
	return fmt.Errorf("no profile %q; devices are %s; links are %s", name, strings.Join(devices, ", "), strings.Join(links, ", "))
}

func listProfiles(out io.Writer, devices []device.Profile, links []string) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "device\ttransport\tfirmware\tTLS\tassumed\tnotes\n")
	for _, p := range devices {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", p.Name, transportOf(p), p.Firmware, versionsOf(p.TLS), len(p.Assumed), strings.Join(notesOn(p), ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\nlink\tRTT ms\tjitter ms\tloss %\tkbit/s\tpromotion ms\tidle after\tstalls/min\toutages/h\tNAT TCP\n")
	for _, name := range links {
		p, err := scenarios.LinkNamed(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%.0f/%.0f\t%g\t%.2g\t%s\t%s\t%s\t%g\t%g\t%s\n", name,
			floorQuantile(p.RTTFloor, 0), floorQuantile(p.RTTFloor, p95), p.JitterSD, 100*lossOf(p.GE), ratesOf(p.Rate),
			promotionOf(p.RRC), limit(p.RRC.InactivityS), p.Stall.PerMin, p.Outage.PerHour, limit(p.NAT.TCPIdleS))
	}
	fmt.Fprint(w, "\nassumed: fields that no public source states. RTT: p50/p95 over devices of the round-trip\nfloor. Loss: of one direction. Rate: up/down.\n"+
		"xzfleet profiles NAME prints every number, for a link with its source; xzfleet profiles LINK -tc the tc commands.\n")
	return w.Flush()
}

func transportOf(p device.Profile) string {
	if p.Modem.Baud > 0 {
		return fmt.Sprintf("AT modem, %d baud", p.Modem.Baud)
	}
	return "Wi-Fi"
}

func versionsOf(t device.TLS) string {
	if t.MinVersion == t.MaxVersion {
		return t.MaxVersion
	}
	return t.MinVersion + " to " + t.MaxVersion
}

// notesOn is what sets a device apart.
func notesOn(p device.Profile) []string {
	notes := []string{"TLS in " + map[string]string{"modem": "the modem", "mbedtls": "mbedTLS"}[p.TLS.Stack]}
	if p.TLS.Verify == "none" {
		notes = append(notes, "verifies nothing")
	}
	if !p.TLS.SNI {
		notes = append(notes, "no SNI")
	}
	switch p.Modem.Ping {
	case device.PingDie:
		notes = append(notes, "a server's ping deadlocks it")
	case device.PingIgnore:
		notes = append(notes, "ignores pings")
	}
	return notes
}

// p95 is the 95 % quantile of the normal distribution.
const p95 = 1.6449

// floorQuantile is the quantile of the round-trip floor over devices, ms, at z
// of the normal distribution.
func floorQuantile(f netem.RTTFloor, z float64) float64 {
	return f.Min + f.Median*math.Exp(f.Sigma*z)
}

// lossOf is the share of packets that a chain loses in the long run.
func lossOf(ge netem.GE) float64 {
	if ge.P == 0 {
		return ge.LossGood
	}
	bad := ge.P / (ge.P + ge.R)
	return bad*ge.LossBad + (1-bad)*ge.LossGood
}

func ratesOf(r netem.Rate) string {
	if r.Up == 0 && r.Down == 0 {
		return "no limit"
	}
	return fmt.Sprintf("%g/%g", r.Up, r.Down)
}

// promotionOf is the median from idle to connected; a radio that is never
// idle has none.
func promotionOf(r netem.RRC) string {
	if r.InactivityS == 0 {
		return "none"
	}
	return fmt.Sprintf("%g", r.Promotion.Median)
}

// limit is a number of seconds after which something ends, 0 never.
func limit(s float64) string {
	if s == 0 {
		return "never"
	}
	return fmt.Sprintf("%g s", s)
}

// profilesJSON prints profiles for machines.
func profilesJSON(out io.Writer, devices []device.Profile, links []string) error {
	type link struct {
		Name    string             `json:"name"`
		RTTms   map[string]float64 `json:"rtt_ms"` // of the floor
		Loss    float64            `json:"loss"`   // share, of one direction
		Numbers []scenarios.Number `json:"numbers"`
	}
	all := struct {
		Devices []any  `json:"devices,omitempty"`
		Links   []link `json:"links,omitempty"`
	}{}
	for _, p := range devices {
		all.Devices = append(all.Devices, deviceTree(p))
	}
	for _, name := range links {
		p, err := scenarios.LinkNamed(name)
		if err != nil {
			return err
		}
		numbers, err := scenarios.LinkNumbers(name)
		if err != nil {
			return err
		}
		all.Links = append(all.Links, link{
			Name: name, Loss: lossOf(p.GE), Numbers: numbers,
			RTTms: map[string]float64{"p50": floorQuantile(p.RTTFloor, 0), "p95": floorQuantile(p.RTTFloor, p95)},
		})
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(all)
}
