package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-listen"}, 2, "flag needs an argument"},
		{[]string{"-admin", "x"}, 2, "not defined: -admin"},
		{[]string{"-config", "nowhere.toml"}, 2, "open nowhere.toml"},
		{[]string{"-set", "server.tls.max_version=2"}, 2, `server.tls.max_version: "2" is not one of`},
		{[]string{"-h"}, 0, "-config FILE"},
		{[]string{"wss://voice.test"}, 2, `unexpected argument "wss://voice.test"`},
		{[]string{"-listen", "127.0.0.1:99999"}, 4, "server: "},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(ended, c.args, strings.NewReader(""), &stdout, &stderr); code != c.code {
			t.Errorf("%q: exit %d, not %d", c.args, code, c.code)
		}
		if !strings.Contains(stderr.String(), c.says) || stdout.Len() > 0 {
			t.Errorf("%q: %q on stderr, %q on stdout", c.args, stderr.String(), stdout.String())
		}
	}
}
