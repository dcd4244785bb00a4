package scenarios

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"xzfleet/server/voice"
)

func TestLoadServer(t *testing.T) {
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "mine.toml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	want := voice.Default()
	want.TLS.MaxVersion = "1.2"
	want.Voice.Ping = 20 * time.Second
	only := write("[server.tls]\nmax_version = \"1.2\"\n[server.voice]\nping = \"20s\"\n")
	for _, c := range []struct {
		name, file string
		sets       []string
	}{
		{"flags alone", "", []string{"server.tls.max_version=1.2", "server.voice.ping=20s"}},
		{"a file with nothing else", only, nil},
		{"a file and a flag that wins", only, []string{"server.voice.ping=30s", "server.voice.ping=20s"}},
		{"a scenario, whose other tables are not judged", write("length = 3\n[[fleet]]\ncount = 0\n[server]\ntls.max_version = \"1.2\"\nvoice.ping = \"20s\"\n"), nil},
	} {
		got, err := LoadServer(c.file, c.sets)
		if err != nil || got.TLS.MaxVersion != want.TLS.MaxVersion || got.Voice != want.Voice || got.Limits != want.Limits {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	if got, err := LoadServer("smoke", nil); err != nil || got.Voice != voice.Default().Voice {
		t.Errorf("smoke: %+v, %v", got, err)
	}
}

func TestLoadServerComplains(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.toml")
	text := "[server.tls]\nmin_version = \"1.3\"\nmax_version = \"1.2\"\n[server.voic]\n[server.limits]\nsessions = \"many\"\n[tls]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file string
		sets []string
		want string
	}{
		{file, nil, file + ":2: server.tls.min_version: 1.3 is above max_version 1.2\n" +
			file + `:4: server.voic: unknown key; did you mean "voice"?` + "\n" +
			file + `:6: server.limits.sessions: found "many" (string), want a whole number of at least 0` + "\n" +
			file + ":7: tls: unknown key; there are name, note, seed, length, expect, undecided, arrival, usage, cell, target, profile, server, fleet"},
		{"", []string{"fleet.count=3"}, "-set fleet.count=3: want server.KEY=VALUE, such as server.tls.max_version=1.2"},
		{"", []string{"server.limits.sessions=0"}, "-set server.limits.sessions=0: server.limits.sessions: 0 is below 1"},
		{"nowhere.toml", nil, "scenario: open nowhere.toml: no such file or directory"},
	} {
		_, err := LoadServer(c.file, c.sets)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s %q:\n%v\nnot\n%s", c.file, c.sets, err, c.want)
		}
	}
}
