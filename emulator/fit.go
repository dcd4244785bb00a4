package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"xzfleet/netem/fit"
	"xzfleet/scenarios"
)

// fitCommand makes a link profile from measurements of a link.
func fitCommand(args []string, std streams) error {
	f := newFlags("fit", "FILE...")
	out := f.String("out", "", "`FILE` to write the link profile to, which a scenario then names as its link")
	files, err := f.parse(args, std.out)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return wrongUsage("xzfleet fit: want at least one log of ping, pcap, Mahimahi trace (.up, .down) or log of AT+CSQ")
	}
	if *out != "" && filepath.Ext(*out) != ".toml" {
		return wrongUsage("xzfleet fit: -out %s: want a name that ends in .toml, by which a scenario finds it", *out)
	}
	measured, err := readMeasurements(files)
	if err != nil {
		return wrongUsage("xzfleet fit: %v", err)
	}
	fitted := fit.Profile(measured...)
	if err := fit.Text(std.out, fitted); err != nil {
		return err
	}
	if *out == "" {
		return nil
	}
	if len(fitted.Notes()) == 0 {
		return wrongUsage("xzfleet fit: -out %s: a signal log makes no link profile; its schedule above is for a scenario's [fleet.path]", *out)
	}
	var file bytes.Buffer
	if err := encodeFit(&file, *out, fitted, measured); err != nil {
		return wrongUsage("xzfleet fit: -out %s: %v", *out, err)
	}
	if err := os.WriteFile(*out, file.Bytes(), 0o644); err != nil {
		return fmt.Errorf("xzfleet fit: %w", err)
	}
	_, err = fmt.Fprintf(std.err, "%s written: link = %q in a scenario's [[fleet]] beside it\n", *out, "./"+filepath.Base(*out))
	return err
}

func readMeasurements(files []string) ([]fit.Measurement, error) {
	var measured []fit.Measurement
	for _, name := range files {
		m, err := readMeasurement(name)
		if err != nil {
			return nil, err
		}
		measured = append(measured, m)
	}
	return measured, nil
}

func readMeasurement(name string) (fit.Measurement, error) {
	f, err := os.Open(name)
	if err != nil {
		return fit.Measurement{}, err
	}
	defer f.Close()
	return fit.Read(name, f)
}

// encodeFit writes the profile's file. What a profile cannot hold stands
// behind it, commented out: the time line of a signal log, which is a
// scenario's, and the traces, which may take the place of rate and stalls.
func encodeFit(w io.Writer, out string, fitted fit.Fit, measured []fit.Measurement) error {
	name := strings.TrimSuffix(filepath.Base(out), filepath.Ext(out))
	if err := scenarios.EncodeLink(w, name, fitted.Profile, fitted.Notes()); err != nil {
		return err
	}
	if traces := tracesOf(measured, filepath.Dir(out)); len(traces) > 0 {
		if _, err := fmt.Fprintf(w, "\n# In place of rate_kbps and stall, this replays the recording, the same for every device:\n# opportunities = { %s }\n", strings.Join(traces, ", ")); err != nil {
			return err
		}
	}
	if len(fitted.Schedule) == 0 {
		return nil
	}
	var schedule strings.Builder
	if err := fitted.WriteSchedule(&schedule); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n# For [fleet.path] of a scenario:\n# %s\n", strings.ReplaceAll(strings.TrimSpace(schedule.String()), "\n", "\n# "))
	return err
}

// tracesOf are the first trace of each direction, as a file in dir names them.
func tracesOf(measured []fit.Measurement, dir string) (traces []string) {
	for _, key := range []string{"up", "down"} {
		for _, m := range measured {
			if m.Kind == fit.Mahimahi && strings.EqualFold(filepath.Ext(m.Name), "."+key) {
				traces = append(traces, fmt.Sprintf("%s = %q", key, relative(dir, m.Name)))
				break
			}
		}
	}
	return traces
}

// relative is a file's path as seen from a folder, where there is one.
func relative(dir, file string) string {
	from, err1 := filepath.Abs(dir)
	to, err2 := filepath.Abs(file)
	if err1 == nil && err2 == nil {
		if path, err := filepath.Rel(from, to); err == nil {
			return path
		}
	}
	return file
}
