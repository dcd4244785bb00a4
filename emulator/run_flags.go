package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"xzfleet/scenarios"
)

// runOptions is the command line of `run`.
type runOptions struct {
	name    string   // of the scenario, or its file
	sets    []string // PATH=VALUE, in the order given
	devices int      // 0: as the scenario says
	share   string   // i/n; empty: all
	out     string   // folder; empty: a new one under runs
	trace   string   // FLEET/INDEX or device_id; empty: none
	dry     bool     // check and print, send nothing
	json    bool
	html    string    // where one more report.html goes
	mayLoad *[]string // hosts on the internet that may be loaded
	allow   *[]string // hosts that an OTA answer may name beside the target's
}

// setFlags are the flags that stand for a -set.
func setFlags() map[string]string {
	return map[string]string{"length": "length", "seed": "seed", "target": "target.url", "ca": "target.ca"}
}

func parseRun(args []string, out io.Writer) (runOptions, error) {
	var o runOptions
	f := newFlags("run", "SCENARIO", "resolve", "source", "identities", "server-pid", "server-metrics", "ui", "metrics",
		"linger", "log", "agents", "nats", "csv", "junit", "md")
	f.IntVar(&o.devices, "devices", 0, "scale the fleets to `N` devices in all, and the arrival rate with them")
	short := func(flag, usage string) {
		f.Func(flag, usage, func(v string) error {
			o.sets = append(o.sets, setFlags()[flag]+"="+v)
			return nil
		})
	}
	short("length", "end the run after `D` at the latest, such as 90s")
	short("seed", "`N` that all draws come from")
	short("target", "`URL` to load instead of the bundled server: ws or wss to open there, http or https for the OTA request first")
	short("ca", "PEM `FILE` of roots that devices trust beside their own; with a target")
	f.Func("set", "`PATH=VALUE` lies over the scenario, such as fleet.link=cat1-good; may be repeated", func(v string) error {
		o.sets = append(o.sets, v)
		return nil
	})
	f.StringVar(&o.share, "share", "", "run part `i/n` of the devices, i from 0; parts are whole radio cells")
	f.StringVar(&o.out, "out", "", "`DIR` for everything the run leaves behind, empty or absent (default runs/TIME-SCENARIO)")
	f.StringVar(&o.trace, "trace", "", "write trace-FLEET-INDEX.json of one `DEVICE`, FLEET/INDEX or a device_id, for chrome://tracing or ui.perfetto.dev")
	f.BoolVar(&o.dry, "n", false, "check and print what would happen; look nothing up and send nothing")
	o.mayLoad = f.list("i-may-load", "`HOST` that is neither loopback nor private and may be loaded; may be repeated")
	o.allow = f.list("allow-host", "`HOST` that the target's OTA answer may name; may be repeated")
	f.BoolVar(&o.json, "json", false, "print the summary as JSON instead of the report")
	f.StringVar(&o.html, "html", "", "`FILE` that the report.html is also written to")
	rest, err := f.parse(args, out)
	if err != nil {
		return o, err
	}
	if len(rest) != 1 {
		return o, wrongUsage("xzfleet run: want one SCENARIO, found %q; xzfleet scenarios lists the bundled ones", rest)
	}
	o.name = rest[0]
	return o, nil
}

// load resolves the scenario that the command line asks for, and the devices
// that run here. The error lists everything that is wrong with it.
func (o *runOptions) load() (*scenarios.Scenario, []scenarios.Range, error) {
	if info, err := os.Stat(o.name); err == nil && info.IsDir() {
		return nil, nil, wrongUsage("xzfleet run: %s is a folder, and a folder of scenarios is not there yet", o.name)
	}
	s, err := scenarios.Load(o.name, o.sets)
	if err != nil {
		return nil, nil, wrongUsage("%s", asTyped(err.Error()))
	}
	if o.devices != 0 {
		if s, err = s.WithDevices(o.devices); err != nil {
			return nil, nil, wrongUsage("-%v", err)
		}
	}
	if s.Target.URL == "" && len(*o.mayLoad)+len(*o.allow) > 0 {
		return nil, nil, wrongUsage("-i-may-load and -allow-host are for a -target: the bundled server needs neither")
	}
	share, err := o.cut(s)
	if err != nil {
		return nil, nil, wrongUsage("%v", err)
	}
	if err := s.CheckExpectations(deviceCount(share)); err != nil {
		return nil, nil, wrongUsage("%v", err)
	}
	return s, share, nil
}

// asTyped says -seed where the complaint is about the -set that it stands for.
func asTyped(complaints string) string {
	for flag, path := range setFlags() {
		complaints = strings.ReplaceAll(complaints, "-set "+path+"=", "-"+flag+" ")
	}
	return complaints
}

// cut is the part of the devices that -share asks for.
func (o *runOptions) cut(s *scenarios.Scenario) ([]scenarios.Range, error) {
	if o.share == "" {
		return s.Share(0, 1)
	}
	first, second, _ := strings.Cut(o.share, "/")
	i, errI := strconv.Atoi(first)
	n, errN := strconv.Atoi(second)
	if errI != nil || errN != nil {
		return nil, fmt.Errorf("-share %s: want i/n, such as 0/2 for the first half", o.share)
	}
	ranges, err := s.Share(i, n)
	if err == nil && deviceCount(ranges) == 0 {
		err = fmt.Errorf("-share %s: no device is left for it: there are fewer radio cells than parts", o.share)
	}
	return ranges, err
}

func deviceCount(ranges []scenarios.Range) int {
	n := 0
	for _, r := range ranges {
		n += r.To - r.From
	}
	return n
}
