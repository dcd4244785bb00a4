// Command server is the bundled voice server on its own; `xzfleet serve` is
// the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"xzfleet/scenarios"
	"xzfleet/server/voice"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run gives the exit code: 0 fine, 2 wrong usage, 4 could not be carried out.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.SetOutput(stderr)
	config := flags.String("config", "", "`FILE` with a [server] table, such as any scenario")
	listen := flags.String("listen", ":8443", "TCP `ADDR` to serve on")
	var sets []string
	flags.Func("set", "server.KEY=VALUE lies over the file; may be repeated", func(set string) error {
		sets = append(sets, set)
		return nil
	})
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "server: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	cfg, err := scenarios.LoadServer(*config, sets)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if err := voice.ServeProcess(ctx, cfg, *listen, false, stdin, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "server:", err)
		return 4
	}
	return 0
}
