package fleet

import (
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"xzfleet/emulator/device"
	"xzfleet/netem"
)

// Tracer writes what one device does and meets as a trace for
// chrome://tracing or https://ui.perfetto.dev: the device is a process, and
// each kind of thing a thread. It keeps no data of the device and writes no
// credentials: of requests only method and path, of messages only their type,
// state and spoken text.
type Tracer struct {
	file *traceFile

	mu     sync.Mutex
	tracks [tracks]track
	known  bool   // who the device is has been written
	gen    int    // of the present connection; what comes from another is stale
	told   []told // states, the last ones
}

// NewTracer makes the tracer of the device called name. Times are the run's.
func NewTracer(w io.Writer, name string) *Tracer {
	t := &Tracer{file: newTraceFile(w)}
	t.describe("process_name", 0, map[string]any{"name": name})
	return t
}

// Only gives the Trace and the Watch of a Run that tell t of one device.
func (t *Tracer) Only(fleet string, index int) (
	trace func(cfg *device.Config, now time.Duration, ev device.Event, acts []device.Action),
	watch func(cfg *device.Config) func(netem.PathEvent),
) {
	is := func(cfg *device.Config) bool { return cfg.Identity.Fleet == fleet && cfg.Identity.Device == index }
	trace = func(cfg *device.Config, now time.Duration, ev device.Event, acts []device.Action) {
		if is(cfg) {
			t.Step(cfg, now, ev, acts)
		}
	}
	watch = func(cfg *device.Config) func(netem.PathEvent) {
		if is(cfg) {
			return t.Path
		}
		return nil
	}
	return trace, watch
}

// Close writes what is left. What comes later is not written.
func (t *Tracer) Close() error { return t.file.close() }

// trackKind is a row of the viewer, in the order in which they are shown.
type trackKind int

const (
	sessionTrack trackKind = iota
	phaseTrack
	messagesUp
	messagesDown
	radioTrack
	tcpTrack
	packetsUp
	packetsDown
	tracks
)

func (k trackKind) String() string {
	return [...]string{"session", "phases", "messages up", "messages down", "radio", "TCP", "packets up", "packets down"}[k]
}

// category is what the viewer can filter by.
func (k trackKind) category() string {
	return [...]string{"session", "phase", "message", "message", "radio", "tcp", "packet", "packet"}[k]
}

// track is the lanes of a row. A viewer shows spans of one thread only where
// they nest, so spans that overlap, as packets under way do, each take a
// thread.
type track struct{ ends []time.Duration }

// lane is the first lane that is free from at on.
func (r *track) lane(at, until time.Duration) int {
	i := slices.IndexFunc(r.ends, func(end time.Duration) bool { return end <= at })
	if i < 0 {
		i = len(r.ends)
		r.ends = append(r.ends, 0)
	}
	r.ends[i] = until
	return i
}

// event is what a track shows.
type event struct {
	name   string
	colour string
	args   map[string]any
}

// Colours of chrome://tracing.
const (
	green  = "good"
	orange = "bad"
	red    = "terrible"
	grey   = "grey"
)

// span shows an event from at until another time, beside those that it
// overlaps.
func (t *Tracer) span(k trackKind, at, until time.Duration, e event) {
	r := &t.tracks[k]
	lanes := len(r.ends)
	lane := r.lane(at, until)
	if len(r.ends) > lanes {
		t.name(k, lane)
	}
	t.complete(k, lane, at, until, e)
}

// nested shows an event within the one that was shown before it.
func (t *Tracer) nested(k trackKind, at, until time.Duration, e event) {
	t.first(k)
	t.complete(k, 0, at, until, e)
}

func (t *Tracer) instant(k trackKind, at time.Duration, e event) {
	t.first(k)
	t.file.add(traceEvent{
		Name: e.name, Cat: k.category(), Ph: phInstant, TS: micros(at), PID: pid, TID: tid(k, 0), S: "t", CName: e.colour, Args: e.arguments(),
	})
}

func (t *Tracer) complete(k trackKind, lane int, at, until time.Duration, e event) {
	dur := micros(until - at)
	t.file.add(traceEvent{
		Name: e.name, Cat: k.category(), Ph: phComplete, TS: micros(at), Dur: &dur, PID: pid, TID: tid(k, lane), CName: e.colour, Args: e.arguments(),
	})
}

// arguments is nil, and not an empty map, where there are none.
func (e event) arguments() any {
	if len(e.args) == 0 {
		return nil
	}
	return e.args
}

// first makes sure of a track's first lane.
func (t *Tracer) first(k trackKind) {
	if r := &t.tracks[k]; len(r.ends) == 0 {
		r.ends = append(r.ends, 0)
		t.name(k, 0)
	}
}

const (
	pid       = 1
	laneRange = 1000 // more than packets are ever under way
)

func tid(k trackKind, lane int) int { return (int(k)+1)*laneRange + lane }

// name names a lane and puts it in its place.
func (t *Tracer) name(k trackKind, lane int) {
	name := k.String()
	if lane > 0 {
		name += " " + strconv.Itoa(lane+1)
	}
	t.describe("thread_name", tid(k, lane), map[string]any{"name": name})
	t.describe("thread_sort_index", tid(k, lane), map[string]any{"sort_index": tid(k, lane)})
}

func (t *Tracer) describe(what string, thread int, args map[string]any) {
	t.file.add(traceEvent{Name: what, Ph: phMetadata, PID: pid, TID: thread, Args: args})
}
