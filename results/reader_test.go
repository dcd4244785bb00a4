package results

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func jsonLine(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDamagedLinesAreNamedAndTheGoodOnesUsed(t *testing.T) {
	good := jsonLine(t, testAttempt(1))
	edit := func(change func(*Attempt)) string {
		a := testAttempt(2)
		change(&a)
		return jsonLine(t, a)
	}
	damaged := []struct{ line, why string }{
		{"\x00\x01\xff\xfe", "not text"},
		{"{}", "schema 0, this program reads 1"},
		{"[1,2]", "cannot unmarshal array"},
		{edit(func(a *Attempt) { a.Schema = 2 }), "schema 2, this program reads 1"},
		{edit(func(a *Attempt) { a.Kind = "mqtt" }), `unknown kind "mqtt"`},
		{edit(func(a *Attempt) { a.Try = 0 }), "tries count from 1"},
		{edit(func(a *Attempt) { a.Device = -1 }), "negative"},
		{edit(func(a *Attempt) { a.Outcome = "perhaps" }), `unknown outcome "perhaps"`},
		{edit(func(a *Attempt) { a.PhaseMs["quic"] = 0 }), `unknown phase "quic"`},
		{edit(func(a *Attempt) { a.PhaseMs[PhaseOTA] = 0 }), "phase ota in an attempt of kind channel"},
		{edit(func(a *Attempt) { a.ConnectMs += 0.2 }), "phases sum to"},
		{edit(func(a *Attempt) { a.PhaseMs[PhaseTCP] = -81 }), "phase tcp lasts -81"},
		{edit(func(a *Attempt) { a.Cause = CauseReset }), "outcome ok with"},
		{edit(func(a *Attempt) { a.Outcome, a.FailedPhase, a.Cause = Failed, PhaseHello, "gremlins" }), `unknown cause "gremlins"`},
		{edit(func(a *Attempt) { a.Outcome, a.FailedPhase, a.Cause = Failed, PhaseTLS, CauseEOF }), "failed in phase tls, the last one entered"},
		{edit(func(a *Attempt) { a.ConnectMs -= 90; delete(a.PhaseMs, PhaseHello) }), `the last phase is "upgrade"`},
		{strings.Replace(jsonLine(t, testSession(1)), `"closed_by":"device"`, `"closed_by":"nobody"`, 1), `closed by unknown "nobody"`},
		{strings.Replace(jsonLine(t, testSession(1)), `"late_frames":0`, `"late_frames":51`, 1), "51 late frames of 50"},
		{strings.Repeat("x", maxLine+1), "longer than"},
		{good[:len(good)/2], "cut last line: unexpected end"},
	}
	var file strings.Builder
	for _, d := range damaged {
		file.WriteString(good + "\n" + d.line + "\n")
	}
	text := strings.TrimSuffix(file.String(), "\n")
	path := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Attempts) != len(damaged) || len(run.Faults) != len(damaged) {
		t.Fatalf("%d good and %d faulty of %d each: %v", len(run.Attempts), len(run.Faults), len(damaged), run.Faults)
	}
	for i, f := range run.Faults {
		if f.File != path || f.Line != 2*i+2 {
			t.Errorf("fault %d is at %s:%d", i, f.File, f.Line)
		}
		if why := damaged[i].why; !strings.Contains(f.Why, why) {
			t.Errorf("line %d: %q, want %q", f.Line, f.Why, why)
		}
	}
}

func TestReadFailsOnlyWhenNothingIsGood(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "neither attempts.jsonl nor sessions.jsonl") {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "missing")); err == nil {
		t.Error("a missing folder was read")
	}
	path := filepath.Join(dir, AttemptsFile)
	if err := os.WriteFile(path, []byte("junk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), path+":1: invalid character") {
		t.Errorf("only junk: %v", err)
	}
	sessions := jsonLine(t, testSession(3)) + "\n\n"
	if err := os.WriteFile(filepath.Join(dir, SessionsFile), []byte(sessions), 0o600); err != nil {
		t.Fatal(err)
	}
	run, err := Read(dir)
	if err != nil || len(run.Sessions) != 1 || len(run.Faults) != 1 {
		t.Errorf("one good session: %+v, %v", run, err)
	}
}

func TestManyFaultsAreCounted(t *testing.T) {
	var run Run
	if err := run.readLines("f", strings.NewReader(strings.Repeat("junk\n", 250))); err != nil {
		t.Fatal(err)
	}
	if len(run.Faults) != maxFaults || run.Unlisted != 250-maxFaults {
		t.Errorf("%d faults, %d unlisted", len(run.Faults), run.Unlisted)
	}
}

func TestOpenedAndCutAttemptsCheck(t *testing.T) {
	ota := testAttempt(1)
	ota.Kind = KindOTA
	ota.PhaseMs = map[Phase]float64{PhaseRadio: 4000, PhaseDNS: 80, PhaseTCP: 0.05}
	ota.ConnectMs = 4080.1 // 0.05 off: rounding
	ota.Outcome = Cut
	plain := testAttempt(2) // ws:// has no tls phase
	delete(plain.PhaseMs, PhaseTLS)
	plain.ConnectMs -= 240.25
	failed := testAttempt(3)
	failed.PhaseMs = map[Phase]float64{PhaseRadio: 0, PhaseDNS: 0, PhaseTCP: 0}
	failed.ConnectMs, failed.Outcome, failed.FailedPhase, failed.Cause = 0, Failed, PhaseTCP, CauseEmulatorLimit
	for _, a := range []Attempt{ota, plain, failed} {
		if err := a.Check(); err != nil {
			t.Errorf("%s %s: %v", a.Kind, a.Outcome, err)
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(jsonLine(f, testAttempt(1)) + "\n" + jsonLine(f, testSession(1))))
	f.Add([]byte("{\"schema\":1}\n\xff\n\n{"))
	f.Add([]byte(`{"schema":1,"kind":"channel","try":1,"outcome":"cut","phase_ms":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var run Run
		if err := run.readLines("fuzz", bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(data, []byte{'\n'}) + 1; len(run.Attempts)+len(run.Sessions)+len(run.Faults)+run.Unlisted > lines {
			t.Fatalf("more records and faults than the %d lines", lines)
		}
		var again Run
		pipe := &memoryFile{room: 1 << 30}
		w := newWriter(pipe, pipe)
		for _, a := range run.Attempts {
			w.Attempt(a)
		}
		w.attempts.flush()
		for _, s := range run.Sessions {
			w.Session(s)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := again.readLines("again", &pipe.data); err != nil {
			t.Fatal(err)
		}
		if len(again.Faults) > 0 || !sameRecords(run, again) {
			t.Fatalf("wrote %+v, read %+v", run, again)
		}
	})
}

// sameRecords compares as JSON does: an empty list and none are one.
func sameRecords(a, b Run) bool {
	encode := func(r Run) [2]string {
		attempts, err := json.Marshal(r.Attempts)
		if err != nil {
			return [2]string{err.Error()}
		}
		sessions, err := json.Marshal(r.Sessions)
		if err != nil {
			return [2]string{err.Error()}
		}
		return [2]string{string(attempts), string(sessions)}
	}
	return reflect.DeepEqual(encode(a), encode(b)) || len(a.Attempts)+len(a.Sessions) == 0
}
