package results

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func testAttempt(device int) Attempt {
	return Attempt{
		Identity: Identity{
			Schema: Schema, Run: "r1", Fleet: "speakers", Cell: device / 50, Device: device,
			DeviceID: fmt.Sprintf("02:00:00:00:00:%02x", device%256), Profile: "ml307-3.6",
			Link: "cat1-typical", Kind: KindChannel, Try: 1,
		},
		StartMs: 1234.5,
		PhaseMs: map[Phase]float64{
			PhaseRadio: 0, PhaseDNS: 80.123456, PhaseTCP: 81, PhaseTLS: 240.25,
			PhaseUpgrade: 82, PhaseHello: 90,
		},
		ConnectMs: 573.373456,
		Outcome:   OK,
		SessionID: "s<1>",
		LateMs:    0.4,
		TLS:       &TLS{Version: "1.2", Cipher: "ECDHE-RSA-AES128-GCM-SHA256", ChainBytes: 2900, BytesIn: 3500, BytesOut: 480},
		Net:       &Net{BytesUp: 2100, BytesDown: 5400, Segments: 31, FarRTTMs: 0.1},
	}
}

func testSession(device int) Session {
	return Session{
		Identity: testAttempt(device).Identity, StartMs: 1807.9, HeldMs: 8000, ClosedBy: ByDevice,
		Talk: &Talk{Turns: 1, FirstAudioMs: []float64{640.5}, FramesUp: 60, FramesDown: 50},
	}
}

func TestRecordsComeBackAsWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	const devices = 40
	var group sync.WaitGroup
	for d := range devices {
		group.Go(func() {
			w.Attempt(testAttempt(d))
			w.Session(testSession(d))
		})
	}
	group.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	run, err := Read(dir, filepath.Join(dir, AttemptsFile)) // the same file twice counts once
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Attempts) != devices || len(run.Sessions) != devices || len(run.Faults) != 0 {
		t.Fatalf("%d attempts, %d sessions, faults %v", len(run.Attempts), len(run.Sessions), run.Faults)
	}
	for _, a := range run.Attempts {
		if want := testAttempt(a.Device); !reflect.DeepEqual(a, want) {
			t.Errorf("got %+v, want %+v", a, want)
		}
	}
	for _, s := range run.Sessions {
		if want := testSession(s.Device); !reflect.DeepEqual(s, want) {
			t.Errorf("got %+v, want %+v", s, want)
		}
	}
	if _, err := Create(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("writing over records: %v", err)
	}
}

// memoryFile is a disk with room for a number of bytes.
type memoryFile struct {
	mu   sync.Mutex
	data bytes.Buffer
	room int
}

func (f *memoryFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(p), f.room-f.data.Len())
	f.data.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (f *memoryFile) Close() error { return nil }

func (f *memoryFile) lines() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Count(f.data.Bytes(), []byte{'\n'})
}

// A killed run must leave what had ended until 1 s before; half of that is
// kept for the machine.
func TestRecordsReachTheSystemWithinHalfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts, sessions := &memoryFile{room: 1 << 20}, &memoryFile{room: 1 << 20}
		w := newWriter(attempts, sessions)
		for i := range 20 {
			time.Sleep(70 * time.Millisecond)
			w.Attempt(testAttempt(i))
			w.Session(testSession(i))
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			if attempts.lines() != i+1 || sessions.lines() != i+1 {
				t.Fatalf("after record %d: %d attempts, %d sessions written", i+1, attempts.lines(), sessions.lines())
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFullDiskKeepsWhatFitsAndCountsTheRest(t *testing.T) {
	attempts, sessions := &memoryFile{room: 3000}, &memoryFile{room: 1 << 20}
	w := newWriter(attempts, sessions)
	const written = 10
	for i := range written {
		w.Attempt(testAttempt(i))
		w.attempts.flush()
	}
	w.Session(testSession(0))
	if err := w.Err(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Err() = %v", err)
	}
	err := w.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close() = %v", err)
	}
	kept := attempts.lines()
	if kept == 0 || kept+w.Lost() != written {
		t.Errorf("%d kept and %d lost of %d", kept, w.Lost(), written)
	}
	var run Run
	if err := run.readLines("attempts.jsonl", &attempts.data); err != nil {
		t.Fatal(err)
	}
	if len(run.Attempts) != kept || len(run.Faults) != 1 || run.Faults[0].Line != kept+1 {
		t.Errorf("read back %d attempts of %d, faults %v", len(run.Attempts), kept, run.Faults)
	}
	if sessions.lines() != 1 {
		t.Error("the other file stopped as well")
	}
	w.Attempt(testAttempt(0))
	if kept+w.Lost() != written+1 {
		t.Errorf("a record after the end was not counted as lost")
	}
}

func TestUnwritableNumberIsLostAlone(t *testing.T) {
	attempts := &memoryFile{room: 1 << 20}
	w := newWriter(attempts, &memoryFile{})
	a := testAttempt(0)
	a.LateMs = math.NaN()
	w.Attempt(testAttempt(1))
	w.Attempt(a)
	w.Attempt(testAttempt(2))
	w.attempts.flush()
	w.Attempt(testAttempt(3))
	if err := w.Close(); err == nil || w.Lost() != 1 || attempts.lines() != 3 {
		t.Errorf("Close() = %v, %d lost, %d written", err, w.Lost(), attempts.lines())
	}
}

func TestWritersWaitForNoTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := &memoryFile{room: 64 << 20}
		w := newWriter(attempts, &memoryFile{})
		for i := range 500 { // about 300 KiB at one instant
			w.Attempt(testAttempt(i))
		}
		synctest.Wait()
		if attempts.lines() == 0 {
			t.Error("a full buffer waited for the tick")
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if attempts.lines() != 500 {
			t.Errorf("%d of 500 written", attempts.lines())
		}
	})
}

func TestCreateNamesThePath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(filepath.Join(file, "run")); err == nil {
		t.Error("a folder below a file was made")
	}
}

func BenchmarkRecording(b *testing.B) {
	w, err := Create(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	a := testAttempt(7)
	b.ReportAllocs()
	for b.Loop() {
		w.Attempt(a)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
