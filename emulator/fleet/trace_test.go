package fleet_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"xzfleet/emulator/device"
	"xzfleet/emulator/fleet"
	"xzfleet/netem"
	"xzfleet/results"
)

var update = flag.Bool("update", false, "write the golden files anew")

// traced is an event as a reader of the file sees it.
type traced struct {
	Name, Cat, Ph string
	TS, Dur       json.Number
	TID           int
	Args          map[string]any
}

// nanos is a time of the file, exactly.
func nanos(t *testing.T, n json.Number) time.Duration {
	t.Helper()
	whole, rest, _ := strings.Cut(string(n), ".")
	ns, err := strconv.ParseInt(whole+(rest + "000")[:3], 10, 64)
	if err != nil || len(rest) > 3 {
		t.Fatalf("time %q: %v", n, err)
	}
	return time.Duration(ns)
}

func (e traced) start(t *testing.T) time.Duration { return nanos(t, e.TS) }
func (e traced) end(t *testing.T) time.Duration   { return nanos(t, e.TS) + nanos(t, e.Dur) }

// loadTrace reads a file as the format says: a closing bracket may be missing.
func loadTrace(file []byte) ([]traced, error) {
	file = bytes.TrimSpace(file)
	if !bytes.HasSuffix(file, []byte("]")) {
		file = append(bytes.TrimSuffix(file, []byte(",")), ']')
	}
	d := json.NewDecoder(bytes.NewReader(file))
	d.UseNumber()
	var events []traced
	return events, d.Decode(&events)
}

// rows are the events of a file by the name of their thread.
func rows(t *testing.T, file []byte) map[string][]traced {
	t.Helper()
	events, err := loadTrace(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	names, rows := map[int]string{}, map[string][]traced{}
	for _, e := range events {
		switch {
		case e.Name == "thread_name":
			names[e.TID] = e.Args["name"].(string)
		case e.Ph != "M":
			name, ok := names[e.TID]
			if !ok {
				t.Errorf("event on a thread without name: %+v", e)
			}
			rows[name] = append(rows[name], e)
		}
	}
	return rows
}

// row is all lanes of a row, in order of time.
func row(t *testing.T, rows map[string][]traced, name string) []traced {
	t.Helper()
	var all []traced
	for n, events := range rows {
		if n == name || strings.HasPrefix(n, name+" ") {
			all = append(all, events...)
		}
	}
	slices.SortStableFunc(all, func(a, b traced) int { return int(a.start(t) - b.start(t)) })
	return all
}

const ms = time.Millisecond

// secrets are what must not be in a trace.
var secrets = []string{"tok-config", "tok-query", "tok-header", "tok-mcp", "tok-ota"}

// handmade tells a tracer of one of everything.
func handmade(t *fleet.Tracer) {
	cfg := &device.Config{
		Token:    "tok-config",
		Identity: results.Identity{Fleet: "speakers", Device: 7, DeviceID: "02:00:00:00:00:07", Profile: "ml307-3.6", Link: "cat1-good"},
	}
	step := func(at time.Duration, ev device.Event, acts ...device.Action) { t.Step(cfg, at, ev, acts) }
	packet := func(side netem.Side, at, until time.Duration, name string, size int, seq int64, again bool, fate netem.Fate) {
		t.Path(netem.PathEvent{Side: side, At: at, Until: until, Name: name, Bytes: size, Seq: seq, Again: again, Fate: fate})
	}
	state := func(kind netem.PathEventKind, at, until time.Duration) {
		t.Path(netem.PathEvent{Kind: kind, At: at, Until: until})
	}
	id := cfg.Identity
	id.Kind, id.Try = results.KindChannel, 1

	state(netem.Attaching, 0, 900*ms)
	state(netem.Promoting, 1000*ms, 1260*ms)
	step(1000*ms, device.Event{}, device.Action{Kind: device.Dial, Gen: 1, At: 1000 * ms})
	packet(netem.DeviceSide, 1260*ms, 1290*ms, "SYN", 44, 0, false, netem.Delivered)
	packet(netem.ServerSide, 1290*ms, 1320*ms+1, "SYN-ACK", 44, 0, false, netem.Delivered)
	step(1320*ms+1, device.Event{Kind: device.Connected, Gen: 1}, device.Action{
		Kind: device.Send, Gen: 1, At: 1320*ms + 1, Message: device.Request,
		Data: []byte("GET /xiaozhi/v1/?key=tok-query HTTP/1.1\r\nAuthorization: Bearer tok-header\r\n\r\n"),
	})
	packet(netem.DeviceSide, 1321*ms, 1350*ms, "data", 340, 1, false, netem.Lost)
	packet(netem.DeviceSide, 1322*ms, 1352*ms, "data", 140, 301, false, netem.Delivered)
	packet(netem.DeviceSide, 1323*ms, 1353*ms, "data", 140, 401, false, netem.Delivered)
	packet(netem.DeviceSide, 1324*ms, 0, "data", 140, 501, false, netem.Dropped)
	packet(netem.DeviceSide, 1521*ms, 1551*ms, "data", 340, 1, true, netem.Delivered)
	state(netem.Stalled, 1400*ms, 1500*ms)
	state(netem.Interrupt, 1450*ms, 1550*ms) // beside the stall
	state(netem.Stalled, 1400*ms, 1500*ms)   // told once more
	step(1600*ms, device.Event{Kind: device.Upgraded, Gen: 1, Wire: 129}, device.Action{
		Kind: device.Send, Gen: 1, At: 1601 * ms, Message: device.Text, Pieces: []time.Duration{1601 * ms, 1610 * ms},
		Data: []byte(`{"type":"hello","version":1}`),
	})
	step(1700*ms, device.Event{Kind: device.TextIn, Gen: 1, Wire: 92, Data: []byte(`{"type":"hello","session_id":"S"}`)}, device.Action{
		Kind: device.RecordTry, Gen: 1, At: 1700 * ms, Attempt: &results.Attempt{
			Identity: id, StartMs: 1000, ConnectMs: 700, Outcome: results.OK, SessionID: "S",
			PhaseMs: map[results.Phase]float64{"radio": 260, "dns": 0, "tcp": 60.000001, "upgrade": 279.999999, "hello": 100},
		},
	}, device.Action{Kind: device.Send, Gen: 1, At: 1700 * ms, Message: device.Audio, Data: make([]byte, 120), Voice: true})
	step(1800*ms, device.Event{Kind: device.TextIn, Gen: 1, Data: []byte(`{"type":"mcp","payload":{"token":"tok-mcp"}}`)})
	step(1810*ms, device.Event{Kind: device.TextIn, Gen: 1, Data: []byte(`{"type":"tts","state":"sentence_start","text":"今天天气很好，我们一起去公园散步，然后吃饭，好不好呀"}`)})
	step(1820*ms, device.Event{Kind: device.AudioIn, Gen: 1, Wire: 122})
	step(1830*ms, device.Event{Kind: device.TextIn, Gen: 1, Data: []byte("tok-mcp, not JSON")})
	step(1840*ms, device.Event{Kind: device.PingIn, Gen: 1, Wire: 2}, device.Action{Kind: device.Send, Gen: 1, At: 1840 * ms, Message: device.Pong})
	state(netem.Sleeping, 1841*ms, 2000*ms)
	state(netem.Sleeping, 1899*ms, 2000*ms) // the same cycle
	state(netem.NoLink, 2100*ms, 2900*ms)
	state(netem.Paging, 3000*ms, 3280*ms)
	step(2500*ms, device.Event{Kind: device.CloseIn, Gen: 1, Code: 1001}, device.Action{
		Kind: device.RecordEnd, Gen: 1, At: 2500 * ms, Session: &results.Session{
			Identity: id, StartMs: 1700, HeldMs: 800, ClosedBy: results.ByServer, Cause: results.CauseServerClosed, SessionID: "S",
			Detail: &results.Detail{CloseCode: 1001}, Talk: &results.Talk{Turns: 1, FirstAudioMs: []float64{12.5}, FramesUp: 1, FramesDown: 1},
		},
	}, device.Action{Kind: device.Close, Gen: 1, At: 2500 * ms})
	step(2501*ms, device.Event{Kind: device.AudioIn, Gen: 1, Wire: 122}) // too late for the device

	id.Kind, id.Try, id.Episode = results.KindOTA, 2, 1
	step(3000*ms, device.Event{}, device.Action{Kind: device.Lookup, Gen: 3, At: 3000 * ms})
	packet(netem.DeviceSide, 3000*ms, 3040*ms, "DNS query", 66, 0, false, netem.Delivered)
	packet(netem.ServerSide, 3040*ms, 3080*ms, "DNS answer", 82, 0, false, netem.Delivered)
	step(3300*ms, device.Event{Kind: device.Answered, Gen: 3, Code: 500, Wire: 300, Data: []byte(`{"websocket":{"token":"tok-ota"}}`)}, device.Action{
		Kind: device.RecordTry, Gen: 3, At: 3300 * ms, Attempt: &results.Attempt{
			Identity: id, StartMs: 3000, ConnectMs: 300, Outcome: results.Failed, FailedPhase: results.PhaseOTA, Cause: results.CauseHTTPStatus,
			Detail:  &results.Detail{HTTPStatus: 500},
			TLS:     &results.TLS{Version: "TLS 1.2", Cipher: "ECDHE-RSA-AES128-GCM-SHA256", BytesIn: 2900, BytesOut: 500},
			PhaseMs: map[results.Phase]float64{"radio": 0, "dns": 80, "tcp": 60, "tls": 100, "ota": 60},
		},
	}, device.Action{Kind: device.Close, Gen: 3, At: 3300 * ms})
	step(3400*ms, device.Event{}, device.Action{Kind: device.Dial, Gen: 5, At: 3400 * ms})
	step(3500*ms, device.Event{Kind: device.Ended, Gen: 5, Cause: results.CauseReset})
	step(3600*ms, device.Event{Kind: device.Sent, Gen: 5, Cause: results.CauseSendFailed})
	step(3700*ms, device.Event{Kind: device.Upgraded, Gen: 5, Cause: results.CauseHTTPStatus})
	step(4000*ms, device.Event{Kind: device.Cut}, device.Action{
		Kind: device.RecordTry, Gen: 5, At: 4000 * ms,
		Attempt: &results.Attempt{Identity: id, StartMs: 3400, ConnectMs: 600, Outcome: results.Cut, PhaseMs: map[results.Phase]float64{"radio": 600}},
	}, device.Action{Kind: device.Done, Gen: 6, At: 4000 * ms})
}

// tracedFile is the trace of what a test tells a tracer.
func tracedFile(t *testing.T, tell func(*fleet.Tracer)) []byte {
	t.Helper()
	var out bytes.Buffer
	tracer := fleet.NewTracer(&out, "speakers/7")
	tell(tracer)
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTraceFile(t *testing.T) {
	got := tracedFile(t, handmade)
	golden := filepath.Join("testdata", "trace.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n\nnot\n\n%s", got, want)
	}
	for _, s := range secrets {
		if bytes.Contains(got, []byte(s)) {
			t.Errorf("%q is in the trace", s)
		}
	}
}

func TestTraceLanes(t *testing.T) {
	const n = 200
	byName := rows(t, tracedFile(t, func(tracer *fleet.Tracer) {
		for i := range time.Duration(n) {
			at, took := i*7*ms, (1+i*i%97)*ms
			tracer.Path(netem.PathEvent{Side: netem.ServerSide, At: at, Until: at + took, Name: "data"})
		}
	}))
	total := 0
	for name, events := range byName {
		total += len(events)
		for i, e := range events[1:] {
			if before := events[i]; e.start(t) < before.end(t) {
				t.Errorf("%s: %v begins before %v ends", name, e, before)
			}
		}
	}
	// The longest is under way while 13 more are sent.
	if total != n || len(byName) > 15 {
		t.Errorf("%d packets on %d threads", total, len(byName))
	}
}
