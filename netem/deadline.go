package netem

import (
	"sync"
	"time"
)

// deadline wakes those who wait on a condition when its time comes. Its
// fields are guarded by the condition's lock.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) set(t time.Time, c *sync.Cond) {
	d.stop()
	d.at = t
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), func() {
			c.L.Lock()
			defer c.L.Unlock()
			c.Broadcast()
		})
	}
	c.Broadcast()
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
