package device

import (
	"time"

	"xzfleet/results"
)

// dismiss ends a try that failed for good: the firmware repeats a request
// that went wrong, not one whose answer it cannot use.
func (m *Machine) dismiss(cause results.Cause, d results.Detail) {
	m.open.limit = 0
	m.recordTry(results.Failed, cause, d)
	m.drop()
	m.finish()
}

// after goes on when a try has ended.
func (m *Machine) after(ok bool) {
	kind := m.open.kind
	switch {
	case kind == results.KindChannel && ok:
		m.open.clear()
		m.startTalk()
	case kind == results.KindChannel:
		// The firmware does not try again: the user would have to.
		m.drop()
		m.finish()
	case ok:
		m.drop()
		m.state, m.kind, m.try = off, results.KindChannel, 0
		m.startAt = m.now + m.cfg.Think
	default:
		m.drop()
		m.retry()
	}
}

// retry sets the next OTA try, or gives up: without an OTA answer the
// firmware has no WebSocket to open.
func (m *Machine) retry() {
	r := m.cfg.Profile.Retry
	if m.try >= r.Tries {
		m.finish()
		return
	}
	longest := longestDelay
	if r.Max > 0 {
		longest = r.Max
	}
	next := float64(r.First)
	if m.try > 1 {
		next = float64(m.delay) * r.Factor
	}
	m.delay = time.Duration(min(next, float64(longest)))
	wait := m.delay
	if r.Jitter > 0 {
		u := m.cfg.Key.Text("retry").Of(uint64(m.episode), uint64(m.try)).Uniform()
		wait += time.Duration(float64(wait) * r.Jitter * (2*u - 1))
	}
	m.state = off
	m.startAt = m.now + max(0, wait)
}

// longestDelay is beyond every run, and keeps doubled delays in range.
const longestDelay = 365 * 24 * time.Hour
