package fleet_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"xzfleet/emulator/fleet"
	"xzfleet/results"
	"xzfleet/server/voice"
)

// runTraced traces one device of a smoke run, over a link that loses.
func runTraced(t *testing.T, name string, out io.Writer, sets ...string) *memory {
	t.Helper()
	sets = append(sets, "fleet.modem36-good.path.ge.loss_good=0.05", "arrival.over=50ms")
	s, err := load(t, "smoke", sets...).WithDevices(6)
	if err != nil {
		t.Fatal(err)
	}
	f, d, err := fleet.FindDevice(s, name)
	if err != nil {
		t.Fatal(err)
	}
	of := s.Fleets[f].Name
	w := fleet.NewTracer(out, name)
	var all, one memory
	r := fleet.Run{
		Scenario: s, ID: "test", Target: serve(t, voice.Default(), io.Discard), Sink: &all,
	}
	r.Trace, r.Watch = w.Only(of, d)
	if _, err := r.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range all.attempts {
		if a.Fleet == of && a.Device == d {
			one.attempts = append(one.attempts, a)
		}
	}
	for _, e := range all.sessions {
		if e.Fleet == of && e.Device == d {
			one.sessions = append(one.sessions, e)
		}
	}
	return &one
}

// nano is a time of a record, exactly.
func nano(ms float64) time.Duration { return time.Duration(math.Round(ms * 1e6)) }

func TestTraceOfRun(t *testing.T) {
	var out bytes.Buffer
	m := runTraced(t, "modem36-good/0", &out)
	if len(m.attempts) != 2 || len(m.sessions) != 1 {
		t.Fatalf("%d attempts, %d sessions", len(m.attempts), len(m.sessions))
	}
	byName := rows(t, out.Bytes())
	phases := row(t, byName, "phases")
	var net results.Net
	for _, a := range m.attempts {
		phases = checkTiling(t, phases, a)
		addNet(&net, a.Net)
	}
	if len(phases) > 0 {
		t.Errorf("no attempt has %+v", phases)
	}
	s := m.sessions[0]
	addNet(&net, s.Net)
	if shown := row(t, byName, "session"); len(shown) != 1 || shown[0].start(t) != nano(s.StartMs) || shown[0].end(t) != nano(s.StartMs+s.HeldMs) {
		t.Errorf("%+v, recorded %+v", shown, s)
	}
	checkPackets(t, byName, net)
	up, down := row(t, byName, "messages up"), row(t, byName, "messages down")
	if n := count(up, "audio"); n != s.Talk.FramesUp {
		t.Errorf("%d frames up, recorded %d", n, s.Talk.FramesUp)
	}
	if n := count(down, "audio"); n < s.Talk.FramesDown {
		t.Errorf("%d frames down, recorded %d", n, s.Talk.FramesDown)
	}
	for _, name := range []string{"POST /xiaozhi/ota/", "GET /xiaozhi/v1/", "hello", "listen start", "listen detect: 你好小智"} {
		if count(up, name) != 1 {
			t.Errorf("%d times up: %s", count(up, name), name)
		}
	}
	for _, name := range []string{"HTTP 200", "HTTP 101", "hello", "tts start", "tts stop"} {
		if count(down, name) != 1 {
			t.Errorf("%d times down: %s", count(down, name), name)
		}
	}
}

// checkTiling checks that the phases shown first are those of the attempt,
// and gives the rest.
func checkTiling(t *testing.T, shown []traced, a results.Attempt) []traced {
	t.Helper()
	if len(shown) < 1+len(a.PhaseMs) {
		t.Fatalf("shown %+v, recorded %+v", shown, a)
	}
	whole, shown := shown[0], shown[1:]
	at := whole.start(t)
	if at != nano(a.StartMs) || whole.end(t)-at != nano(a.ConnectMs) {
		t.Errorf("%+v, recorded %+v", whole, a)
	}
	for i, p := range slices.DeleteFunc(results.PhasesOf(a.Kind), func(p results.Phase) bool { return !has(a.PhaseMs, p) }) {
		e := shown[i]
		if e.Name != string(p) || e.start(t) != at || e.end(t)-at != nano(a.PhaseMs[p]) {
			t.Errorf("%s begins at %v: shown %+v, recorded %+v", p, at, e, a)
		}
		at = e.end(t)
	}
	if at != whole.end(t) {
		t.Errorf("the last phase ends at %v, the attempt at %v", at, whole.end(t))
	}
	return shown[len(a.PhaseMs):]
}

// checkPackets checks that what is recorded is shown. What goes over a
// connection after its record, such as its end, is only shown.
func checkPackets(t *testing.T, byName map[string][]traced, recorded results.Net) {
	t.Helper()
	shown := results.Net{Retransmits: int64(len(byName["TCP"]))}
	for _, side := range []struct {
		row   string
		bytes *int64
	}{{"packets up", &shown.BytesUp}, {"packets down", &shown.BytesDown}} {
		for _, e := range row(t, byName, side.row) {
			size, err := e.Args["bytes"].(json.Number).Int64()
			if err != nil {
				t.Error(err)
			}
			if !strings.HasPrefix(e.Name, "DNS") {
				shown.Segments++
				*side.bytes += size
			}
			if e.Ph == "i" {
				shown.Lost++
			}
		}
	}
	about := func(what string, shown, recorded int64) {
		if shown < recorded || shown > recorded+recorded/5+10 || recorded == 0 {
			t.Errorf("%d %s, recorded %d", shown, what, recorded)
		}
	}
	about("segments", shown.Segments, recorded.Segments)
	about("lost", shown.Lost, recorded.Lost)
	about("retransmissions", shown.Retransmits, recorded.Retransmits)
	about("bytes up", shown.BytesUp, recorded.BytesUp)
	about("bytes down", shown.BytesDown, recorded.BytesDown)
}

func has[K comparable, V any](m map[K]V, k K) bool { _, ok := m[k]; return ok }

func addNet(sum, n *results.Net) {
	sum.Segments += n.Segments
	sum.Lost += n.Lost
	sum.Retransmits += n.Retransmits
	sum.RTOs += n.RTOs
	sum.BytesUp += n.BytesUp
	sum.BytesDown += n.BytesDown
}

func count(events []traced, name string) int {
	n := 0
	for _, e := range events {
		if e.Name == name {
			n++
		}
	}
	return n
}
