package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"xzfleet/scenarios"
	"xzfleet/server/voice"
)

// serveCommand is the bundled server, which is also how `run` starts it.
// A binary built without cgo has no Opus codec and exits 4 here.
func serveCommand(args []string, std streams) error {
	f := newFlags("serve", "", "admin", "cert", "key", "acme", "as", "faults", "listen-only")
	config := f.String("config", "", "`FILE` with a [server] table, such as any scenario")
	listen := f.String("listen", ":8443", "TCP `ADDR` to serve on")
	tethered := f.Bool("tethered", false, "end when standard input does")
	sets := f.list("set", "`server.KEY=VALUE` lies over the file; may be repeated")
	rest, err := f.parse(args, std.out)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return wrongUsage("xzfleet serve: unexpected argument %q", rest[0])
	}
	cfg, err := scenarios.LoadServer(*config, *sets)
	if err != nil {
		return wrongUsage("%v", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := voice.ServeProcess(ctx, cfg, *listen, *tethered, std.in, std.out, std.err); err != nil {
		return fmt.Errorf("xzfleet serve: %w", err)
	}
	return nil
}
