package netem

import "sync"

// Crew runs functions, each on a goroutine of its own, as sync.WaitGroup.Go
// does, but keeps some goroutines for the next function: a TLS handshake or a
// dial grows a stack several times over, which costs as much as the law does.
// Its zero value is ready to use. A panic ends the program, as anywhere.
type Crew struct {
	mu   sync.Mutex
	idle []chan func()
	jobs sync.WaitGroup
	all  sync.WaitGroup
}

// keepIdle bounds the goroutines that wait for something to do.
const keepIdle = 32

// Go runs f.
func (c *Crew) Go(f func()) {
	c.jobs.Add(1)
	c.mu.Lock()
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		c.all.Go(func() { c.run(f) })
		return
	}
	next := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.mu.Unlock()
	next <- f
}

// Wait waits until every function has returned and every goroutine is gone.
func (c *Crew) Wait() {
	c.jobs.Wait()
	c.mu.Lock()
	for _, next := range c.idle {
		close(next)
	}
	c.idle = nil
	c.mu.Unlock()
	c.all.Wait()
}

func (c *Crew) run(f func()) {
	makeRoom()
	next := make(chan func(), 1) // Go does not wait for whoever is on the way to rest
	for ok := true; ok; f, ok = <-next {
		f()
		if !c.rest(next) {
			return
		}
	}
}

// rest reports whether the goroutine is to wait for more.
func (c *Crew) rest(next chan func()) bool {
	defer c.jobs.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) == keepIdle {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}

// makeRoom grows the stack to 16 KiB at once, while it holds nothing that
// would have to be copied.
//
//go:noinline
func makeRoom() {
	var room [roomBytes]byte
	touch(&room)
}

const roomBytes = 10 << 10

//go:noinline
func touch(room *[roomBytes]byte) { room[0] = 1 }
