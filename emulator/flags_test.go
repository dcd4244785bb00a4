package main

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestFlagsAnywhere(t *testing.T) {
	for _, c := range []struct {
		args, rest, sets []string
		n                int
		dry              bool
	}{
		{[]string{"smoke", "-n", "3", "-dry"}, []string{"smoke"}, nil, 3, true},
		{[]string{"-dry", "smoke", "--n=3", "more"}, []string{"smoke", "more"}, nil, 3, true},
		{[]string{"-set", "a=1", "smoke", "-set=b=2"}, []string{"smoke"}, []string{"a=1", "b=2"}, 0, false},
		{[]string{"-n", "3", "--", "-dry", "--"}, []string{"-dry", "--"}, nil, 3, false},
		{[]string{"-set", "--", "-"}, []string{"-"}, []string{"--"}, 0, false},
		{[]string{"-dry=false", "x"}, []string{"x"}, nil, 0, false},
	} {
		f := newFlags("test", "")
		n := f.Int("n", 0, "")
		dry := f.Bool("dry", false, "")
		sets := f.list("set", "")
		rest, err := f.parse(c.args, io.Discard)
		if err != nil || !slices.Equal(rest, c.rest) || !slices.Equal(*sets, c.sets) || *n != c.n || *dry != c.dry {
			t.Errorf("%q: %q, n %d, dry %t, sets %q, %v", c.args, rest, *n, *dry, *sets, err)
		}
	}
}

func TestFlagsRefused(t *testing.T) {
	for _, c := range []struct{ arg, want string }{
		{"-later", "xzfleet test: -later is not there yet"},
		{"--later=3", "xzfleet test: -later is not there yet"},
		{"-other", "xzfleet test: unknown flag -other; xzfleet help test lists what there is"},
		{"-n=x", `xzfleet test: invalid value "x" for flag -n: parse error`},
		{"-n", "xzfleet test: flag needs an argument: -n"},
	} {
		f := newFlags("test", "THING", "later")
		f.Int("n", 0, "")
		_, err := f.parse([]string{"thing", c.arg}, io.Discard)
		if err == nil || err.Error() != c.want || exitCode(err) != exitUsage {
			t.Errorf("%s: %v, not %s", c.arg, err, c.want)
		}
	}
}

func TestFlagsHelp(t *testing.T) {
	var out strings.Builder
	f := newFlags("test", "THING")
	f.Int("n", 0, "so `MANY`")
	_, err := f.parse([]string{"x", "-h"}, &out)
	if !errors.Is(err, flag.ErrHelp) || !strings.HasPrefix(out.String(), "usage: xzfleet test THING [flags]\n\n  -n MANY") {
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestGravestCodeCounts(t *testing.T) {
	e := new(ending)
	if e.err() != nil {
		t.Error("an ending without reasons is an error")
	}
	for _, c := range []struct{ add, want int }{
		{exitUnmet, 1}, {exitUntrusted, 3}, {exitUnmet, 3}, {exitFailed, 4}, {exitInterrupted, 130}, {exitFailed, 130}, {exitUsage, 2}, {exitInterrupted, 2},
	} {
		e.add(c.add, "because of %d", c.add)
		if got := exitCode(e.err()); got != c.want {
			t.Errorf("after %d: %d, not %d", c.add, got, c.want)
		}
	}
	if n := strings.Count(e.Error(), "because of"); n != 8 {
		t.Errorf("%d reasons of 8", n)
	}
	if got := exitCode(io.ErrUnexpectedEOF); got != exitFailed {
		t.Errorf("any other error: %d", got)
	}
}
