package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// flags are those of one command. They may stand anywhere among the
// arguments; everything behind "--" is an argument.
type flags struct {
	*flag.FlagSet
	args   string   // of the command, for its help
	coming []string // flags of the contract that are not there yet
}

func newFlags(name, args string, coming ...string) *flags {
	f := &flags{flag.NewFlagSet(name, flag.ContinueOnError), args, coming}
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// list makes a flag that may be repeated.
func (f *flags) list(name, usage string) *[]string {
	var values []string
	f.Func(name, usage, func(v string) error {
		values = append(values, v)
		return nil
	})
	return &values
}

// parse gives the arguments between the flags. Where help was asked for, it
// goes to out, and the error is flag.ErrHelp.
func (f *flags) parse(args []string, out io.Writer) ([]string, error) {
	var rest []string
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--":
			return append(rest, args[1:]...), nil
		case len(arg) < 2 || arg[0] != '-':
			rest, args = append(rest, arg), args[1:]
			continue
		}
		n := min(f.width(arg), len(args))
		err := f.Parse(args[:n])
		switch {
		case errors.Is(err, flag.ErrHelp):
			f.help(out)
			return nil, err
		case err != nil:
			return nil, f.complain(arg, err)
		}
		args = args[n:]
	}
	return rest, nil
}

// flagName is the name in an argument such as -out or --out=DIR.
func flagName(arg string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name
}

// width is how many arguments a flag takes up with its value.
func (f *flags) width(arg string) int {
	known := f.Lookup(flagName(arg))
	if known == nil || strings.Contains(arg, "=") {
		return 1
	}
	if b, ok := known.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		return 1
	}
	return 2
}

func (f *flags) complain(arg string, err error) error {
	name := flagName(arg)
	switch {
	case slices.Contains(f.coming, name):
		return wrongUsage("xzfleet %s: -%s is not there yet", f.Name(), name)
	case f.Lookup(name) == nil:
		return wrongUsage("xzfleet %s: unknown flag %s; xzfleet help %[1]s lists what there is", f.Name(), arg)
	}
	return wrongUsage("xzfleet %s: %v", f.Name(), err)
}

func (f *flags) help(w io.Writer) {
	fmt.Fprintf(w, "usage: xzfleet %s %s\n\n", f.Name(), strings.TrimSpace(f.args+" [flags]"))
	f.SetOutput(w)
	f.PrintDefaults()
}
