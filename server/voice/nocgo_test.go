//go:build !cgo

package voice

import (
	"log/slog"
	"strings"
	"testing"
)

func TestWithoutCgo(t *testing.T) {
	err := Serve(t.Context(), Default(), "127.0.0.1:0", slog.New(slog.DiscardHandler), func(Ready) { t.Error("ready") })
	if err == nil || !strings.Contains(err.Error(), "built without cgo: the bundled server needs libopus") {
		t.Errorf("%v", err)
	}
}
