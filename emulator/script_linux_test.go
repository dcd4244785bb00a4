package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts drives the binary as people do, built without the race detector
// (it would not keep up with its own voice frames).
func TestScripts(t *testing.T) {
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "xzfleet"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	testscript.RunT(inTurn{t}, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"disturb":    disturb,
			"serve":      serveAlone,
			"tiles":      tiles,
			"same":       same,
			"identities": identities,
		},
	})
}

// inTurn runs scripts one after the other: side by side on a small machine
// they would make each other late.
type inTurn struct{ *testing.T }

func (t inTurn) Parallel()     {}
func (t inTurn) Verbose() bool { return testing.Verbose() }

func (t inTurn) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(sub *testing.T) { f(inTurn{sub}) })
}

// exits CODE COMMAND ARG... runs a command and wants its exit code. A run that
// other work on the machine made untrustworthy, and says so, is done again.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	const tries = 4
	var err error
	for range tries {
		err = ts.Exec(args[1], args[2:]...)
		if codeOf(err) != exitUntrusted || args[0] == strconv.Itoa(exitUntrusted) {
			break
		}
		if i := slices.Index(args, "-out"); i > 0 {
			ts.Check(os.RemoveAll(ts.MkAbs(args[i+1])))
		}
	}
	wantCode(ts, args[0], err)
}

// codeOf is the exit code of a process that ended, -1 of one that never ran.
func codeOf(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return exitFine
}

func wantCode(ts *testscript.TestScript, want string, err error) {
	if code := codeOf(err); strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, not %s (%v)", code, want, err)
	}
}

// disturb HOW CODE COMMAND ARG... -out DIR starts a run, does something to it
// once the first device has connected, and wants its exit code.
func disturb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: disturb HOW CODE COMMAND ARG... DIR")
	}
	path, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), ":")[0], args[2]))
	ts.Check(err)
	cmd := exec.Command(path, args[3:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), ts.Stdout(), ts.Stderr()
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ts.Defer(func() { _ = cmd.Process.Kill() })
	if err := firstRecord(filepath.Join(ts.MkAbs(args[len(args)-1]), "attempts.jsonl"), ended); err != nil {
		ts.Fatalf("%v", err)
	}
	switch args[0] {
	case "freeze":
		ts.Check(cmd.Process.Signal(syscall.SIGSTOP))
		time.Sleep(2 * time.Second) // is what is tested: the emulator stands still for so long
		ts.Check(cmd.Process.Signal(syscall.SIGCONT))
	case "kill-server":
		child, err := childOf(cmd.Process.Pid)
		ts.Check(err)
		ts.Check(syscall.Kill(child, syscall.SIGKILL))
	case "interrupt":
		ts.Check(cmd.Process.Signal(syscall.SIGINT))
	case "terminate":
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	default:
		ts.Fatalf("disturb: unknown %q", args[0])
	}
	select {
	case err := <-ended:
		wantCode(ts, args[1], err)
	case <-time.After(time.Minute):
		ts.Fatalf("the run has not ended")
	}
}

// firstRecord waits until a file of records holds one.
func firstRecord(file string, ended chan error) error {
	limit := time.After(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		select {
		case <-tick:
			if info, err := os.Stat(file); err == nil && info.Size() > 0 {
				return nil
			}
		case err := <-ended:
			return fmt.Errorf("the run ended before its first record: %v", err)
		case <-limit:
			return errors.New("no record within 30 s")
		}
	}
}

// childOf finds the one child of a process (proc(5), field 4 of stat).
func childOf(parent int) (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var children []int
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may be gone by now
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			children = append(children, pid)
		}
	}
	if len(children) != 1 {
		return 0, fmt.Errorf("process %d has the children %v, not one", parent, slices.Sorted(slices.Values(children)))
	}
	return children[0], nil
}
