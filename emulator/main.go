// Command xzfleet emulates fleets of ESP32 voice devices on 4G against a
// voice server, and reports how connecting and talking went.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are the process's own. Reports go to out, what is said meanwhile
// and all complaints to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is the first word of the command line.
type command struct {
	name, args, does string
	run              func(args []string, std streams) error
}

func commands() []command {
	return []command{
		{"run", "SCENARIO", "run a scenario: a bundled one by its name, or a file", runCommand},
		{"scenarios", "[NAME]", "list the bundled scenarios, or print one to edit", scenariosCommand},
		{"profiles", "[NAME]", "list the device and link profiles, or print one with every number", profilesCommand},
		{"report", "DIR_OR_FILE...", "report over the records of runs and shares, merged", reportCommand},
		{"fit", "FILE...", "a link profile from ping, pcap, Mahimahi or AT+CSQ logs", fitCommand},
		{"serve", "", "the bundled voice server alone", serveCommand},
	}
}

// comingCommands are those of the contract that are not there yet.
func comingCommands() []string {
	return []string{
		"compare", "tune", "capacity", "plan", "diagnose", "heap", "import", "agent", "fetch", "manifests",
	}
}

// run carries out a command line and gives the exit code.
func run(args []string, std streams) int {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	err := dispatch(name, args, std)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitFine
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(std.err, text)
	}
	return exitCode(err)
}

func dispatch(name string, args []string, std streams) error {
	switch name {
	case "":
		usage(std.err)
		return &ending{code: exitUsage}
	case "help", "-h", "-help", "--help":
		if len(args) == 1 {
			name, args = args[0], []string{"-h"} // every command knows its own help
			break
		}
		usage(std.out)
		return nil
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(args, std)
		}
	}
	for _, coming := range comingCommands() {
		if coming == name {
			return wrongUsage("xzfleet %s is not there yet", name)
		}
	}
	return wrongUsage("xzfleet: unknown command %q; xzfleet help lists what there is", name)
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Emulates fleets of ESP32 voice devices on 4G against a voice server.\n\nusage: xzfleet COMMAND [arguments and flags, in any order]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-27s %s\n", c.name+" "+c.args, c.does)
	}
	fmt.Fprint(w, "  help [COMMAND]              this, or the flags of a command\n\nexit codes: ")
	fmt.Fprintln(w, "0 fine · 1 an expectation missed or undecided, or nothing connected · 2 wrong usage or bad input · 3 the run cannot be trusted · 4 could not be carried out · 130 interrupted")
}
