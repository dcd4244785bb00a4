package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"xzfleet/results"
)

// serveAlone ARG... starts `xzfleet serve` on loopback for the rest of the
// script, writes its root to root.pem and sets $SERVER to its address.
func serveAlone(ts *testscript.TestScript, _ bool, args []string) {
	path := filepath.Join(strings.Split(ts.Getenv("PATH"), ":")[0], "xzfleet")
	cmd := exec.Command(path, append([]string{"serve", "-listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	ts.Check(err)
	var ready struct{ Addr, Root string }
	ts.Check(json.Unmarshal(line, &ready))
	ts.Check(os.WriteFile(ts.MkAbs("root.pem"), []byte(ready.Root), 0o644))
	_, port, err := net.SplitHostPort(ready.Addr)
	ts.Check(err)
	ts.Setenv("SERVER", net.JoinHostPort("127.0.0.1", port))
}

// tiles DIR COUNT wants so many attempts, all fine, whose phases add up to
// the time that they took.
func tiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tiles DIR COUNT")
	}
	run := readRun(ts, args[:1])
	if want := args[1]; want != strconv.Itoa(len(run.Attempts)) {
		ts.Fatalf("%d attempts, not %s", len(run.Attempts), want)
	}
	for _, a := range run.Attempts {
		sum := 0.0
		for _, ms := range a.PhaseMs {
			sum += ms
		}
		if math.Abs(sum-a.ConnectMs) > 0.1 || a.Outcome != results.OK {
			ts.Fatalf("%+v: phases add up to %v ms", a, sum)
		}
	}
}

func readRun(ts *testscript.TestScript, dirs []string) results.Run {
	var paths []string
	for _, dir := range dirs {
		paths = append(paths, ts.MkAbs(dir))
	}
	run, err := results.Read(paths...)
	ts.Check(err)
	if len(run.Faults) > 0 {
		ts.Fatalf("damaged records: %v", run.Faults)
	}
	return run
}

// same A B KEY... wants two files of JSON to have the same values under the
// keys, or in all where none is named.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: same A.json B.json [KEY...]")
	}
	var docs [2]map[string]json.RawMessage
	for i, file := range args[:2] {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &docs[i]))
	}
	keys := args[2:]
	if len(keys) == 0 {
		keys = slices.Sorted(maps.Keys(docs[0]))
	}
	var differ []string
	for _, key := range keys {
		if docs[0][key] == nil {
			ts.Fatalf("%s has no %s", args[0], key)
		}
		if !bytes.Equal(compact(ts, docs[0][key]), compact(ts, docs[1][key])) {
			differ = append(differ, key)
		}
	}
	if neg == (len(differ) == 0) {
		ts.Fatalf("these differ: %q", differ)
	}
}

func compact(ts *testscript.TestScript, text json.RawMessage) []byte {
	var b bytes.Buffer
	if len(text) > 0 {
		ts.Check(json.Compact(&b, text))
	}
	return b.Bytes()
}

// identities A B... wants the devices of one run to be those of the others
// together, each once, by who they say they are and how they fared.
func identities(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: identities DIR DIR...")
	}
	whole, others := who(ts, args[:1]), who(ts, args[1:])
	if len(whole) == 0 || !slices.Equal(whole, others) {
		ts.Fatalf("devices differ:\n%s\n--\n%s", strings.Join(whole, "\n"), strings.Join(others, "\n"))
	}
}

func who(ts *testscript.TestScript, dirs []string) []string {
	var list []string
	for _, a := range readRun(ts, dirs).Attempts {
		a.Run, a.Schema = "", 0
		text, err := json.Marshal(struct {
			results.Identity
			Outcome results.Outcome
		}{a.Identity, a.Outcome})
		ts.Check(err)
		list = append(list, string(text))
	}
	slices.Sort(list)
	return list
}
