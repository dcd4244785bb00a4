package netem

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Handler is fired by a Queue. due is when the event was due, which is the
// time to reckon from: it is never later than the present. Fire must not
// block.
type Handler interface {
	Fire(due time.Duration, arg uint64)
}

// Queue fires events in the order of their due times, those of the same time
// in the order in which they were put in. It has two turners: Live sleeps
// until an event is due, Run jumps there. At may be called from anywhere.
type Queue struct {
	mu     sync.Mutex
	events eventHeap
	seq    uint64
	start  time.Time
	wake   chan struct{}
	next   time.Duration // what Live sleeps for; valid while asleep
	asleep bool

	virtual atomic.Bool
	now     time.Duration // of the event under way, virtual only
}

type event struct {
	due time.Duration
	seq uint64
	h   Handler
	arg uint64
}

// NewQueue makes a queue whose time 0 is now.
func NewQueue() *Queue {
	return &Queue{start: time.Now(), wake: make(chan struct{}, 1)}
}

// Now is the time since the run's start; under Run, that of the event fired
// last.
func (q *Queue) Now() time.Duration {
	if !q.virtual.Load() {
		return time.Since(q.start)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.now
}

// Start is the wall time of the run's time 0.
func (q *Queue) Start() time.Time { return q.start }

// At asks for h.Fire(due, arg).
func (q *Queue) At(due time.Duration, h Handler, arg uint64) {
	q.mu.Lock()
	q.seq++
	q.events.push(event{due, q.seq, h, arg})
	rouse := q.asleep && due < q.next
	q.mu.Unlock()
	if rouse {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// Live fires events as they fall due, until ctx ends.
func (q *Queue) Live(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		e, wait, ok := q.pop(time.Since(q.start))
		if ok {
			e.h.Fire(e.due, e.arg)
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-q.wake:
		case <-ctx.Done():
		}
	}
}

// pop takes the first event due by now, or says how long to sleep.
func (q *Queue) pop(now time.Duration) (event, time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asleep = false
	if len(q.events) > 0 && q.events[0].due <= now {
		return q.events.pop(), 0, true
	}
	q.asleep = true
	q.next = now + time.Hour
	if len(q.events) > 0 {
		q.next = q.events[0].due
	}
	return event{}, q.next - now, false
}

// Run fires every event due by until, jumping from one to the next, and
// reports how many there were. Time then stands at until.
func (q *Queue) Run(until time.Duration) int {
	q.virtual.Store(true)
	for n := 0; ; n++ {
		q.mu.Lock()
		if len(q.events) == 0 || q.events[0].due > until {
			q.now = max(q.now, until)
			q.mu.Unlock()
			return n
		}
		e := q.events.pop()
		q.now = max(q.now, e.due)
		q.mu.Unlock()
		e.h.Fire(e.due, e.arg)
	}
}

// eventHeap is a binary heap of its own: container/heap puts every event into
// an interface, which allocates twice an event.
type eventHeap []event

func (e *event) before(f *event) bool {
	return e.due < f.due || e.due == f.due && e.seq < f.seq
}

func (h *eventHeap) push(e event) {
	*h = append(*h, e)
	a := *h
	i := len(a) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(&a[up]) {
			break
		}
		a[i] = a[up]
		i = up
	}
	a[i] = e
}

func (h *eventHeap) pop() event {
	a := *h
	first, n := a[0], len(a)-1
	e := a[n]
	a[n] = event{}
	*h = a[:n]
	i := 0
	for {
		down := 2*i + 1
		if down >= n {
			break
		}
		if down+1 < n && a[down+1].before(&a[down]) {
			down++
		}
		if !a[down].before(&e) {
			break
		}
		a[i] = a[down]
		i = down
	}
	if n > 0 {
		a[i] = e
	}
	return first
}
