package main

import (
	"context"
	"runtime"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"

	"xzfleet/netem"
)

// turner turns the queue on which everything happens, and is the clock that
// gVisor reads. There are two ways to turn it. Live waits until an event is due,
// which is real time. A jumping turner goes from one event to the next once
// nothing is left to run: as fast as the machine can, whatever else that does.
type turner struct {
	queue *netem.Queue
	jumps bool
}

func newTurner() *turner { return &turner{queue: netem.NewQueue()} }

// newJumper makes a turner that jumps. It needs GOMAXPROCS of 1: a goroutine
// that yields then runs again when all others have come to rest, give or take a
// few, whose deeds count as late.
func newJumper() *turner {
	t := &turner{queue: netem.NewQueue(), jumps: true}
	t.queue.Run(0)
	return t
}

// live turns the queue in real time until ctx ends.
func (t *turner) live(ctx context.Context) {
	go metronome(ctx)
	t.queue.Live(ctx)
}

// turn turns the queue, or lets it be turned, until all is done.
func (t *turner) turn(all *sync.WaitGroup) {
	if !t.jumps {
		all.Wait()
		return
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	for {
		select {
		case <-done:
			return
		default:
			t.queue.Run(t.queue.Now() + time.Second)
		}
	}
}

// settle lets those run whom an event has woken, so that each packet is
// acknowledged on its own as it would be if it came a moment before the next.
func (t *turner) settle() {
	runtime.Gosched()
	for i := 0; t.jumps && i < 4; i++ {
		runtime.Gosched()
	}
}

// call is an event that calls a function.
type call struct {
	*turner
	f func()
}

// Fire implements netem.Handler.
func (c call) Fire(time.Duration, uint64) {
	c.f()
	c.settle()
}

// at has f called at a time. It must not block.
func (t *turner) at(due time.Duration, f func()) { t.queue.At(due, call{t, f}, 0) }

// epoch is the queue's time 0 on gVisor's clock, where 0 means never.
const epoch = time.Hour

// Now implements tcpip.Clock.
func (t *turner) Now() time.Time { return t.queue.Start().Add(t.queue.Now()) }

// NowMonotonic implements tcpip.Clock.
func (t *turner) NowMonotonic() tcpip.MonotonicTime {
	return tcpip.MonotonicTime{}.Add(epoch + t.queue.Now())
}

// AfterFunc implements tcpip.Clock.
func (t *turner) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	a := &alarm{turner: t, f: f}
	a.Reset(d)
	return a
}

// alarm is a timer of gVisor's.
type alarm struct {
	*turner
	f func()

	mu  sync.Mutex
	set bool
	nth uint64 // setting; events of earlier ones are void
}

// Stop implements tcpip.Timer.
func (a *alarm) Stop() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.set
	a.set = false
	return was
}

// Reset implements tcpip.Timer.
func (a *alarm) Reset(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set = true
	a.nth++
	a.queue.At(a.queue.Now()+d, a, a.nth)
}

// Fire implements netem.Handler.
func (a *alarm) Fire(_ time.Duration, nth uint64) {
	a.mu.Lock()
	ring := a.set && nth == a.nth
	a.set = a.set && !ring
	a.mu.Unlock()
	if ring {
		go a.f() // it takes locks
		a.settle()
	}
}
