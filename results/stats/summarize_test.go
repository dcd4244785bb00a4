package stats

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"xzfleet/results"
)

func testRun() results.Run {
	rng := rand.New(rand.NewPCG(1, 2))
	run := fleetModel{devices: 400, cellSize: 50, episodes: 2, failure: 0.05, cutAfterMs: 20_000, medianMs: 300}.run(rng)
	for i := range run.Attempts {
		a := &run.Attempts[i]
		if a.Device >= 200 {
			a.Link = "cat1-cell-edge"
		}
		a.LateMs = rng.Float64()
		if a.Outcome != results.OK {
			continue
		}
		s := results.Session{
			Identity: a.Identity, StartMs: a.StartMs + a.ConnectMs, HeldMs: 9000.25, ClosedBy: results.ByDevice,
			Talk: &results.Talk{Turns: 1, FirstAudioMs: []float64{500 + 300*rng.Float64()}, FramesUp: 60, FramesDown: 50},
		}
		switch i % 40 {
		case 1:
			s.ClosedBy, s.Cause = results.ByServer, results.CauseServerClosed
		case 2:
			s.ClosedBy, s.Talk.FirstAudioMs = results.ByRunEnd, nil
		case 3:
			s.Talk.LateFrames, s.Talk.FirstAudioMs = 5, nil
		}
		run.Sessions = append(run.Sessions, s)
	}
	ota := run.Attempts[0]
	ota.Kind, ota.Outcome, ota.FailedPhase, ota.Cause = results.KindOTA, results.OK, "", ""
	ota.PhaseMs = map[results.Phase]float64{results.PhaseRadio: 4000, results.PhaseOTA: 200}
	ota.ConnectMs = 4200
	run.Attempts = append(run.Attempts, ota)
	return run
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSummaryDoesNotDependOnTheOrderOfRecords(t *testing.T) {
	run := testRun()
	want := asJSON(t, Summarize(run))
	rng := rand.New(rand.NewPCG(5, 6))
	for range 5 {
		rng.Shuffle(len(run.Attempts), func(i, j int) {
			run.Attempts[i], run.Attempts[j] = run.Attempts[j], run.Attempts[i]
		})
		rng.Shuffle(len(run.Sessions), func(i, j int) {
			run.Sessions[i], run.Sessions[j] = run.Sessions[j], run.Sessions[i]
		})
		if got := asJSON(t, Summarize(run)); got != want {
			t.Fatal("another order gives another summary")
		}
	}
}

func TestSummaryOfFilesEqualsThatOfTheRun(t *testing.T) {
	run := testRun()
	dir := filepath.Join(t.TempDir(), "run")
	w, err := results.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range run.Attempts {
		w.Attempt(a)
	}
	for _, s := range run.Sessions {
		w.Session(s)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := results.Read(dir)
	if err != nil || len(read.Faults) > 0 {
		t.Fatal(err, read.Faults)
	}
	want := asJSON(t, Summarize(run))
	if got := asJSON(t, Summarize(read)); got != want {
		t.Error("the files give another summary")
	}
	read.Attempts = read.Attempts[1:]
	if got := asJSON(t, Summarize(read)); got == want {
		t.Error("one record less gives the same summary")
	}
}

func TestSummaryCounts(t *testing.T) {
	run := testRun()
	s := Summarize(run)
	if s.Devices.Arrived != 400 || s.Devices.Cells != 8 {
		t.Errorf("%+v", s.Devices)
	}
	c := s.Attempts
	if c.Total != 800 || c.OK+c.Failed+c.Cut != 800 || c.OK == 0 || c.Failed == 0 || c.Cut == 0 || c.FirstTries != 800 {
		t.Errorf("%+v", c)
	}
	connect := s.Phases[Connect]
	if connect.Entered != 800 || connect.Through != c.OK || connect.Failed != c.Failed || connect.Cut != c.Cut {
		t.Errorf("%+v against %+v", connect, c)
	}
	entered := 800
	for _, p := range results.PhasesOf(results.KindChannel) { // what got through one phase enters the next
		i := s.Phases[p]
		if i.Entered != entered {
			t.Errorf("%s: %d entered, %d got through the phase before", p, i.Entered, entered)
		}
		if entered = i.Through; i.Through+i.Failed+i.Cut != i.Entered {
			t.Errorf("%s: %+v", p, i)
		}
	}
	if s.Phases[results.PhaseTLS].Failed != c.Failed {
		t.Errorf("tls: %+v", s.Phases[results.PhaseTLS])
	}
	if s.OTA == nil || s.OTA.Attempts.OK != 1 || s.OTA.Phases[results.PhaseOTA].Through != 1 {
		t.Errorf("%+v", s.OTA)
	}
	if len(s.Groups) != 2 || s.Groups[0].Link != "cat1-cell-edge" || s.Groups[0].Attempts.Total != 400 {
		t.Errorf("groups %+v", s.Groups)
	}
	var by int
	for _, f := range s.Failures.By {
		by += f.Count
	}
	if by != c.Failed || len(s.Failures.By) != 1 || *s.Failures.By[0].Rate.Value != *s.Failures.Rate.Value {
		t.Errorf("%+v", s.Failures)
	}
}

func TestTalkAndDropsAreCounted(t *testing.T) {
	run := testRun()
	s := Summarize(run)
	drops, unanswered, cuts, late := 0, 0, 0, 0
	for _, r := range run.Sessions {
		late += r.Talk.LateFrames
		switch {
		case r.ClosedBy == results.ByServer:
			drops++
		case r.ClosedBy == results.ByRunEnd:
			cuts++
		case r.Talk.FirstAudioMs == nil:
			unanswered++
		}
	}
	if s.Drops.Count != drops || len(s.Drops.By) != 1 || s.Drops.By[0].Count != drops || s.Drops.Sessions != len(run.Sessions) {
		t.Errorf("%+v", s.Drops)
	}
	first := s.Talk.FirstAudioMs
	if first.Failed != unanswered || first.Cut != cuts || first.Entered != len(run.Sessions) || first.P50.Value == nil {
		t.Errorf("%+v, want %d unanswered and %d cut", first, unanswered, cuts)
	}
	if s.Talk.LateFrames.Count != late || *s.Talk.LateFrames.Share.Value == 0 {
		t.Errorf("%+v", s.Talk.LateFrames)
	}
}

func TestLimitsOfTheEmulatorAreInNoRate(t *testing.T) {
	run := testRun()
	want := Summarize(run)
	a := run.Attempts[0]
	a.Outcome, a.FailedPhase, a.Cause, a.LateMs = results.Failed, results.PhaseTCP, results.CauseEmulatorLimit, 1e6
	a.PhaseMs = map[results.Phase]float64{results.PhaseTCP: 1}
	a.ConnectMs = 1
	run.Attempts = append(run.Attempts, a)
	got := Summarize(run)
	if got.Attempts.EmulatorLimit != 1 || got.Attempts.Total != want.Attempts.Total+1 {
		t.Errorf("%+v", got.Attempts)
	}
	if asJSON(t, got.Phases) != asJSON(t, want.Phases) || asJSON(t, got.Failures) != asJSON(t, want.Failures) {
		t.Error("a limit of the emulator moved an estimate")
	}
}

func TestRetriesAreNotInTheRate(t *testing.T) {
	run := testRun()
	want := Summarize(run)
	for i := range 300 {
		a := run.Attempts[0]
		a.Device, a.Cell, a.Try = i, i/50, 2
		a.Outcome, a.FailedPhase, a.Cause = results.Failed, results.PhaseTCP, results.CauseTimeout
		a.PhaseMs = map[results.Phase]float64{results.PhaseTCP: 10_000}
		a.ConnectMs = 10_000
		run.Attempts = append(run.Attempts, a)
	}
	got := Summarize(run)
	if asJSON(t, got.Failures.Rate) != asJSON(t, want.Failures.Rate) {
		t.Error("retries moved the rate")
	}
	if row := got.Failures.By[1]; row.Count != 0 || row.AllTries != 300 || *row.Rate.Value != 0 {
		t.Errorf("%+v", row)
	}
	if got.Phases[Connect].Entered != want.Phases[Connect].Entered+300 {
		t.Error("retries are attempts as well")
	}
}

func TestSummaryJSON(t *testing.T) {
	text := asJSON(t, Summarize(testRun()))
	for _, key := range []string{`"p95_ms"`, `"value": null`, `"reason": "not enough attempts: 1, needs 72"`, `"late_frames"`, `"emulator_limit": 0`} {
		if !strings.Contains(text, key) {
			t.Errorf("no %s", key)
		}
	}
	var back Summary
	if err := json.Unmarshal([]byte(text), &back); err != nil {
		t.Fatal(err)
	}
	if asJSON(t, back) != text {
		t.Error("reading the summary back gives another one")
	}
	empty := asJSON(t, Summarize(results.Run{}))
	for _, absent := range []string{"talk", "drops", "ota\"", "groups", "emulator\"", "server", "NaN"} {
		if strings.Contains(empty, absent) {
			t.Errorf("an empty run has %s: %s", absent, empty)
		}
	}
}

func TestCurvesEndAtTheShareConnected(t *testing.T) {
	run := testRun()
	curves := Curves(run)
	if len(curves) != 2 {
		t.Fatalf("%d curves", len(curves))
	}
	for i, g := range Summarize(run).Groups {
		c := curves[i]
		if c.Attempts != g.Attempts.Total || c.Link != g.Link {
			t.Errorf("%+v", c)
		}
		last := c.Points[len(c.Points)-1]
		if !(0.9 < last.Share && last.Share < 1) {
			t.Errorf("%s ends at %v", c.Link, last.Share)
		}
		if p50 := *g.Phases[Connect].P50.Value; !(c.Points[0].Ms < p50 && p50 < last.Ms) {
			t.Errorf("p50 %v is not on the curve", p50)
		}
	}
}

func BenchmarkSummarize(b *testing.B) {
	model := fleetModel{devices: 2000, cellSize: 50, episodes: 5, failure: 0.05, cutAfterMs: 20_000, medianMs: 300}
	run := model.run(rand.New(rand.NewPCG(1, 2)))
	b.ReportAllocs()
	for b.Loop() {
		Summarize(run)
	}
}
