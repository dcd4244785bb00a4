package fleet

import (
	"sync/atomic"

	"xzfleet/emulator/device"
)

// Progress is how far a run is; any goroutine may read it.
type Progress struct {
	total, arrived, connected, talking, failed, finished atomic.Int64
}

// Counts is a Progress at one moment, in devices; Failed counts openings.
type Counts struct {
	Total, Arrived, Connected, Talking, Failed, Finished int
}

// Now is the present count.
func (p *Progress) Now() Counts {
	return Counts{
		Total: int(p.total.Load()), Arrived: int(p.arrived.Load()), Connected: int(p.connected.Load()),
		Talking: int(p.talking.Load()), Failed: int(p.failed.Load()), Finished: int(p.finished.Load()),
	}
}

func (p *Progress) start(n int) {
	if p != nil {
		p.total.Store(int64(n))
	}
}

func (p *Progress) take(c device.Change) {
	switch c {
	case device.Arrived:
		p.arrived.Add(1)
	case device.Opened:
		p.connected.Add(1)
		p.talking.Add(1)
	case device.Shut:
		p.talking.Add(-1)
	case device.FailedTry:
		p.failed.Add(1)
	case device.Finished:
		p.finished.Add(1)
	}
}
