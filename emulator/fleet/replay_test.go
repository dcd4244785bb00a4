package fleet_test

import (
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"xzfleet/emulator/device"
	"xzfleet/results"
)

// tape keeps every step of every device of a run.
type tape struct {
	mu    sync.Mutex
	steps map[*device.Config][]step
}

type step struct {
	now  time.Duration
	ev   device.Event
	acts []device.Action
}

func (p *tape) take(cfg *device.Config, now time.Duration, ev device.Event, acts []device.Action) {
	ev.Data = slices.Clone(ev.Data)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.steps == nil {
		p.steps = map[*device.Config][]step{}
	}
	p.steps[cfg] = append(p.steps[cfg], step{now, ev, slices.Clone(acts)})
}

// replay tells new machines what those of the run were told. They do the
// same, and so the attempts are the same but for what the world adds: traffic
// and our own lateness.
func (p *tape) replay(t *testing.T, live []results.Attempt) {
	t.Helper()
	type name struct {
		id   string
		kind results.Kind
		try  int
	}
	recorded := map[name]results.Attempt{}
	for _, a := range live {
		a.Net, a.LateMs = nil, 0
		recorded[name{a.DeviceID, a.Kind, a.Try}] = a
	}
	replayed := 0
	for cfg, steps := range p.steps {
		m := device.NewMachine(cfg)
		for i, s := range steps {
			acts := m.Step(s.now, s.ev)
			if len(acts)+len(s.acts) > 0 && !reflect.DeepEqual(slices.Clone(acts), s.acts) {
				t.Fatalf("%s, step %d: did %+v, live %+v", cfg.Identity.DeviceID, i, acts, s.acts)
			}
			for _, a := range acts {
				if a.Kind != device.RecordTry {
					continue
				}
				replayed++
				if got := *a.Attempt; !reflect.DeepEqual(got, recorded[name{got.DeviceID, got.Kind, got.Try}]) {
					t.Errorf("replayed %+v, live %+v", got, recorded[name{got.DeviceID, got.Kind, got.Try}])
				}
			}
		}
	}
	if replayed != len(live) {
		t.Errorf("%d attempts replayed, %d live", replayed, len(live))
	}
}
