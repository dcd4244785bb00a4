package netem

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestCrewRunsAndLeavesNothing is in a bubble: it fails where a goroutine is
// left.
func TestCrewRunsAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Crew
		var done atomic.Int64
		start := time.Now()
		for round := range 3 {
			for i := range 100 {
				c.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond)
					if i == 0 {
						c.Go(func() { done.Add(1) }) // from within
					}
					done.Add(1)
				})
			}
			if round == 0 {
				time.Sleep(time.Second) // then some goroutines rest
				c.mu.Lock()
				n := len(c.idle)
				c.mu.Unlock()
				if n == 0 || n > keepIdle {
					t.Errorf("%d goroutines rest", n)
				}
			}
		}
		c.Wait()
		if done.Load() != 303 || time.Since(start) != 1099*time.Millisecond {
			t.Errorf("%d functions in %v", done.Load(), time.Since(start))
		}
		c.Go(func() { done.Add(1) })
		c.Wait()
		if done.Load() != 304 {
			t.Error("no use after Wait")
		}
	})
}
