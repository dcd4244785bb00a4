// Command oracle runs the same openings over the same modelled links twice,
// under gVisor's netstack in real time and under the TCP law of package netem
// in virtual time, and holds the law against the stack:
//
//	go run . -conditions 80:1,80:3,80:5 -n 20000 -bulk
//
// It prints a table and exits with 1 where a line fails, with 2 at wrong usage.
// 20,000 openings take 133 s, on a machine that does little else; with -jump
// they take 5 s on any.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"xzfleet/netem"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type settings struct {
	conditions []condition
	n, bulk    int // connections a side; 0: not asked for
	perSecond  float64
	seed       uint64
	jump       bool
}

func run(args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	t := newTurner()
	if s.jump {
		runtime.GOMAXPROCS(1)
		t = newJumper()
	} else {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		go t.live(ctx)
	}
	lines, err := compare(t, s, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 4
	}
	return table(stdout, lines)
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("oracle", flag.ContinueOnError)
	f.SetOutput(stderr)
	list := f.String("conditions", "80:1,80:3,80:5", "round trip in ms : loss in %, comma-separated")
	f.IntVar(&s.n, "n", 20_000, "openings a side and condition")
	f.BoolFunc("bulk", "also 2,000 transfers of 24 kB each way at 80 ms, without loss and with 3 %", func(string) error { s.bulk = 2000; return nil })
	f.Float64Var(&s.perSecond, "rate", 150, "starts a second")
	f.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "of every draw")
	f.BoolVar(&s.jump, "jump", false, "jump from event to event, on one processor, in place of waiting")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	for text := range strings.SplitSeq(*list, ",") {
		c, err := parseCondition(text)
		if err != nil {
			return s, err
		}
		s.conditions = append(s.conditions, c)
	}
	if f.NArg() > 0 || s.n < 2 || !(s.perSecond > 0) || s.perSecond > 150 {
		return s, fmt.Errorf("want -n of at least 2, -rate of at most 150, and nothing behind the flags")
	}
	return s, nil
}

func parseCondition(text string) (condition, error) {
	rtt, loss, _ := strings.Cut(text, ":")
	ms, err1 := strconv.ParseFloat(rtt, 64)
	percent, err2 := strconv.ParseFloat(loss, 64)
	if err1 != nil || err2 != nil || !(ms > 0 && percent >= 0 && percent < 100) {
		return condition{}, fmt.Errorf("condition %q: want a round trip in ms : loss in %%, as 80:3", text)
	}
	return condition{time.Duration(ms * float64(time.Millisecond)), percent / 100}, nil
}

func (c condition) String() string {
	return fmt.Sprintf("%g ms %g %%", float64(c.rtt)/float64(time.Millisecond), 100*c.loss)
}

// compare runs everything that was asked for, one thing after the other.
func compare(t *turner, s settings, progress io.Writer) ([]verdict, error) {
	fmt.Fprintf(progress, "seed %d\n", s.seed)
	seed := netem.Seed(s.seed)
	lines, err := openings(t, s, seed, progress)
	if err == nil && s.bulk > 0 {
		var more []verdict
		more, err = transfers(t, s, seed, progress)
		lines = append(lines, more...)
	}
	return lines, err
}

// openings compares handshakes without SACK, which at its size does nothing but
// switch gVisor's tail loss probe on. That waits for two round trips and 200 ms
// even where the time-out would strike before (rack.go, schedulePTO), against
// RFC 8985, section 7.2.
func openings(t *turner, s settings, seed netem.Key, progress io.Writer) ([]verdict, error) {
	o, err := newOracle(t, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	var lines []verdict
	for i, c := range s.conditions {
		fmt.Fprintf(progress, "%s: %d openings\n", c, s.n)
		key := seed.Of(uint64(i))
		got, err := o.sample(c, handshake, s.n, s.perSecond, key.Of(1))
		if err != nil {
			return nil, err
		}
		law := lawSample(c, false, handshake, s.n, key.Of(2))
		lines = append(lines, under(c, judge(c, law, got), scatter(law, got), []verdict{o.late.line()})...)
	}
	return lines, nil
}

// transfers compares 24 kB each way, with SACK. (Without it, gVisor keeps to
// the letter of RFC 6582 and does not retransmit the very first segment of a
// connection fast: snd.go, detectLoss.)
func transfers(t *turner, s settings, seed netem.Key, progress io.Writer) ([]verdict, error) {
	o, err := newOracle(t, true)
	if err != nil {
		return nil, err
	}
	defer o.close()
	var lines []verdict
	for i, c := range []condition{{80 * time.Millisecond, 0}, {80 * time.Millisecond, 0.03}} {
		for from, name := range []string{netem.DeviceSide: "24 kB up", netem.ServerSide: "24 kB down"} {
			fmt.Fprintf(progress, "%s: %d transfers, %s\n", c, s.bulk, name)
			key := seed.Of(1000, uint64(i), uint64(from))
			script := bulk(netem.Side(from))
			got, err := o.sample(c, script, s.bulk, s.perSecond, key.Of(1))
			if err != nil {
				return nil, err
			}
			// The law costs nothing, and p90 lies beside a step.
			law := lawSample(c, true, script, 10*s.bulk, key.Of(2))
			lines = append(lines, under(c, judgeBulk(name, law, got), []verdict{o.late.line()})...)
		}
	}
	return lines, nil
}

// under names the condition in front of its lines.
func under(c condition, groups ...[]verdict) []verdict {
	lines := slices.Concat(groups...)
	for i := range lines {
		lines[i].law = c.String() + ": " + lines[i].law
	}
	return lines
}

// table prints the lines and returns the exit code.
func table(w io.Writer, lines []verdict) int {
	code := 0
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "law\texpected\tgot\tverdict")
	for _, v := range lines {
		word := "ok"
		switch {
		case v.info:
			word = ""
		case !v.ok:
			word, code = "FAIL", 1
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", v.law, v.expected, v.got, word)
	}
	t.Flush()
	return code
}
