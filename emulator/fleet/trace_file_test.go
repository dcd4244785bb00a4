package fleet_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"xzfleet/emulator/fleet"
	"xzfleet/netem"
)

// TestTraceKilled runs itself in a process that traces until it is killed.
func TestTraceKilled(t *testing.T) {
	if file := os.Getenv("TRACE_UNTIL_KILLED"); file != "" {
		traceForEver(t, file)
	}
	file := filepath.Join(t.TempDir(), "trace.json")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTraceKilled$")
	cmd.Env = append(os.Environ(), "TRACE_UNTIL_KILLED="+file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 0; len(readAll(file)) < 1<<18 && i < 30_000; i++ {
		time.Sleep(ms)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	text := readAll(file)
	if strings.HasSuffix(strings.TrimSpace(text), "]") {
		t.Error("the file is complete")
	}
	if n := len(row(t, rows(t, []byte(text)), "packets up")); n < 1000 {
		t.Errorf("%d packets", n)
	}
}

func readAll(file string) string {
	text, _ := os.ReadFile(file) // absent until it is made
	return string(text)
}

func traceForEver(t *testing.T, file string) {
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	tracer := fleet.NewTracer(out, "killed")
	for at := time.Duration(0); at < time.Hour; at += 2 * ms {
		tracer.Path(netem.PathEvent{At: at, Until: at + ms, Name: "data", Bytes: 1480, Seq: int64(at)})
		if at%(100*ms) == 0 {
			time.Sleep(ms)
		}
	}
	t.Fatal("nobody has killed it")
}

// writes keeps each write apart.
type writes struct {
	chunks []string
	err    error
}

func (w *writes) Write(p []byte) (int, error) {
	w.chunks = append(w.chunks, string(p))
	return len(p), w.err
}

// After each write there is a file that loads.
func TestTraceIsWholeAfterEachWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		tracer := fleet.NewTracer(&out, "speakers/7")
		for range 4 {
			handmade(tracer)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if err := tracer.Close(); err != nil {
			t.Fatal(err)
		}
		if len(out.chunks) < 4 {
			t.Errorf("written in %d", len(out.chunks))
		}
		for i := range out.chunks {
			if _, err := loadTrace([]byte(strings.Join(out.chunks[:i+1], ""))); err != nil {
				t.Errorf("after write %d: %v", i, err)
			}
		}
	})
}

// stuck does not take anything until it is let go.
type stuck struct{ gone chan struct{} }

func (s stuck) Write(p []byte) (int, error) { <-s.gone; return len(p), nil }

func TestTraceDoesNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := stuck{make(chan struct{})}
		tracer := fleet.NewTracer(out, "slow")
		for i := range 200_000 {
			tracer.Path(netem.PathEvent{At: time.Duration(i), Until: time.Duration(i), Name: "data"})
		}
		close(out.gone)
		if err := tracer.Close(); err == nil || !strings.Contains(err.Error(), "events left out") {
			t.Error(err)
		}
	})
}

func TestTraceOfAFullDisk(t *testing.T) {
	full := errors.New("no space left on device")
	tracer := fleet.NewTracer(&writes{err: full}, "full")
	handmade(tracer)
	for range 2 {
		if err := tracer.Close(); !errors.Is(err, full) {
			t.Error(err)
		}
	}
}

func TestTraceFromTwoSides(t *testing.T) {
	var out bytes.Buffer
	tracer := fleet.NewTracer(&out, "speakers/7")
	var sides sync.WaitGroup
	for range 2 {
		sides.Go(func() { handmade(tracer) })
	}
	sides.Wait()
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(row(t, rows(t, out.Bytes()), "TCP")); n != 2 {
		t.Errorf("%d repeats", n)
	}
}
