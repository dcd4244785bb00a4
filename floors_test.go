package xzfleet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors are the product's packages. Imports only point to a lower floor.
var floors = map[string]int{
	"emulator": 5, "server": 5,
	"emulator/study": 4, "emulator/cluster": 4,
	"emulator/fleet": 3,
	"scenarios":      2, "emulator/diagnose": 2, "results/report": 2, "netem/fit": 2,
	"emulator/device": 1, "server/voice": 1, "results/stats": 1,
	"netem": 0, "server/protocol": 0, "results": 0, "server/certs": 0,
}

// homes are the packages that may import a module from elsewhere; those of
// the second list only in tests.
var homes = map[string][2][]string{
	"github.com/BurntSushi/toml":            {{"scenarios"}, {}},
	"github.com/hraban/opus":                {{"server/voice"}, {"emulator/fleet"}},
	"github.com/coder/websocket":            {{"emulator/device", "server/voice"}, {}},
	"github.com/refraction-networking/utls": {{"emulator/device"}, {}},
	"github.com/vbauerster/mpb/v8":          {{"emulator"}, {}},
	"gonum.org/v1/gonum":                    {{"results/stats"}, {}},
	"golang.org/x/term":                     {{"emulator"}, {}},
	"golang.org/x/sys":                      {{"netem"}, {"emulator/device"}},
	"golang.org/x/net":                      {{}, {"netem"}}, // nettest
	"github.com/rogpeppe/go-internal":       {{}, {"emulator"}},
	"go.uber.org/goleak":                    {{}, slices.Collect(maps.Keys(floors))},
}

// module is that of this repository.
const module = "xzfleet"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath, Name                   string
	Imports, TestImports, XTestImports []string
}

func TestFloors(t *testing.T) {
	var all []pkg
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, cgo := range []string{"1", "0"} {
			all = append(all, list(t, "GOOS="+system, "CGO_ENABLED="+cgo)...)
		}
	}
	if len(all) < 6*len(floors)/2 {
		t.Fatalf("only %d packages listed", len(all))
	}
	if err := check(all); err != nil {
		t.Error(err)
	}
}

// list asks for every package of the module, as one system sees it.
func list(t *testing.T, env ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Imports,TestImports,XTestImports", "./...")
	cmd.Env = append(os.Environ(), env...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list with %q: %v\n%s", env, err, &complaints)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// check lists what points up or sideways, and what lives outside its home. A
// test outside its package (package x_test) may look up.
func check(all []pkg) error {
	var wrong []string
	for _, p := range all {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		floor, ok := floors[name]
		if !ok && len(p.Imports) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s has no floor", p.ImportPath))
			continue
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports) {
			below, ours := strings.CutPrefix(path, module+"/")
			if to, known := floors[below]; ours && below != name && (!known || to >= floor) {
				wrong = append(wrong, fmt.Sprintf("%s (floor %d) imports %s (floor %d)", name, floor, below, to))
			}
		}
		for _, path := range p.Imports {
			wrong = append(wrong, astray(name, path, false)...)
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			wrong = append(wrong, astray(name, path, true)...)
		}
	}
	slices.Sort(wrong)
	var errs []error
	for _, w := range slices.Compact(wrong) {
		errs = append(errs, errors.New(w))
	}
	return errors.Join(errs...)
}

// astray complains about an import from another module that has no home here.
func astray(name, path string, test bool) []string {
	host, _, _ := strings.Cut(path, "/")
	if !strings.Contains(host, ".") {
		return nil // the standard library, or this module
	}
	for dependency, home := range homes {
		if path != dependency && !strings.HasPrefix(path, dependency+"/") {
			continue
		}
		if slices.Contains(home[0], name) || test && slices.Contains(home[1], name) {
			return nil
		}
		return []string{fmt.Sprintf("%s imports %s, which lives in %q", name, path, slices.Concat(home[0], home[1]))}
	}
	return []string{fmt.Sprintf("%s imports %s, which has no home", name, path)}
}

// TestFloorsCanFail shows check what it has to find.
func TestFloorsCanFail(t *testing.T) {
	for _, c := range []struct {
		p    pkg
		want string // empty: nothing to complain about
	}{
		{pkg{ImportPath: "xzfleet/emulator/fleet", Imports: []string{"time", "xzfleet/netem", "xzfleet/scenarios"}}, ""},
		{pkg{ImportPath: "xzfleet/results", XTestImports: []string{"xzfleet/emulator/fleet", "xzfleet/results"}}, ""},
		{pkg{ImportPath: "xzfleet", XTestImports: []string{"testing"}}, ""},
		{pkg{ImportPath: "xzfleet/results", Imports: []string{"xzfleet/results/stats"}}, "results (floor 0) imports results/stats (floor 1)"},
		{pkg{ImportPath: "xzfleet/netem", TestImports: []string{"xzfleet/emulator/device"}}, "netem (floor 0) imports emulator/device (floor 1)"},
		{pkg{ImportPath: "xzfleet/emulator/study", Imports: []string{"xzfleet/emulator/cluster"}}, "emulator/study (floor 4) imports emulator/cluster (floor 4)"},
		{pkg{ImportPath: "xzfleet/util", Imports: []string{"fmt"}}, "xzfleet/util has no floor"},
		{pkg{ImportPath: "xzfleet/emulator", Imports: []string{"github.com/BurntSushi/toml"}}, `emulator imports github.com/BurntSushi/toml, which lives in ["scenarios"]`},
		{pkg{ImportPath: "xzfleet/netem", Imports: []string{"golang.org/x/net/nettest"}}, `netem imports golang.org/x/net/nettest, which lives in ["netem"]`},
		{pkg{ImportPath: "xzfleet/netem", TestImports: []string{"golang.org/x/net/nettest"}}, ""},
		{pkg{ImportPath: "xzfleet/results", XTestImports: []string{"github.com/stretchr/testify"}}, "results imports github.com/stretchr/testify, which has no home"},
	} {
		got := ""
		if err := check([]pkg{c.p}); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v:\n%s\nnot\n%s", c.p, got, c.want)
		}
	}
}
