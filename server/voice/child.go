package voice

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
)

// readyLine is what a server process says on its standard output, once.
type readyLine struct {
	Ready bool   `json:"ready"`
	Addr  string `json:"addr"`
	Root  string `json:"root"` // PEM; empty without TLS
}

// ServeProcess is the whole of a server process: it serves on addr, says so
// in one line of JSON on stdout, logs to stderr, and ends with ctx. A tethered
// one also ends, without error, when stdin does: with the process that
// started it, however that ended.
func ServeProcess(ctx context.Context, cfg Config, addr string, tethered bool, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if tethered {
		// Not waited for: a read of stdin cannot be interrupted, and the
		// process ends with this function.
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			cancel()
		}()
	}
	var said error
	err := Serve(ctx, cfg, addr, slog.New(slog.NewTextHandler(stderr, nil)), func(r Ready) {
		said = json.NewEncoder(stdout).Encode(readyLine{Ready: true, Addr: r.Addr, Root: string(r.RootPEM)})
		if said != nil {
			cancel()
		}
	})
	return errors.Join(said, err)
}
