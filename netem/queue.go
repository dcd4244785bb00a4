package netem

import (
	"container/heap"
	"context"
	"sync"
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

	virtual bool
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
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.virtual {
		return q.now
	}
	return time.Since(q.start)
}

// Start is the wall time of the run's time 0.
func (q *Queue) Start() time.Time { return q.start }

// At asks for h.Fire(due, arg).
func (q *Queue) At(due time.Duration, h Handler, arg uint64) {
	q.mu.Lock()
	q.seq++
	heap.Push(&q.events, event{due, q.seq, h, arg})
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
		return heap.Pop(&q.events).(event), 0, true
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
	q.mu.Lock()
	q.virtual = true
	q.mu.Unlock()
	for n := 0; ; n++ {
		q.mu.Lock()
		if len(q.events) == 0 || q.events[0].due > until {
			q.now = max(q.now, until)
			q.mu.Unlock()
			return n
		}
		e := heap.Pop(&q.events).(event)
		q.now = max(q.now, e.due)
		q.mu.Unlock()
		e.h.Fire(e.due, e.arg)
	}
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if h[i].due != h[j].due {
		return h[i].due < h[j].due
	}
	return h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*h = old[:len(old)-1]
	return e
}
