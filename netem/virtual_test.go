package netem

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// echoFar is a far end without a goroutine: what is written can be read back,
// or, stuck, it answers EAGAIN for ever.
type echoFar struct {
	mu    sync.Mutex
	cond  sync.Cond
	buf   byteQueue
	stuck bool
	eof   bool
	gone  bool
	tries int
}

func newEchoFar(stuck bool) *echoFar {
	f := &echoFar{stuck: stuck}
	f.cond.L = &f.mu
	return f
}

func (f *echoFar) tryWrite(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.stuck {
		return 0, errWouldBlock
	}
	f.buf.write(p)
	f.cond.Broadcast()
	return len(p), nil
}

func (f *echoFar) awaitWritable() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.stuck && !f.gone {
		f.cond.Wait()
	}
	return io.ErrClosedPipe
}

func (f *echoFar) tryRead(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.buf.len() > 0:
		return f.buf.read(p), nil
	case f.eof || f.gone:
		return 0, io.EOF
	}
	return 0, errWouldBlock
}

func (f *echoFar) awaitReadable() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.buf.len() == 0 && !f.eof && !f.gone {
		f.cond.Wait()
	}
	return nil
}

func (f *echoFar) readLag() time.Duration { return 0 }

func (f *echoFar) closeWrite() error { f.end(false); return nil }
func (f *echoFar) close() error      { f.end(true); return nil }
func (f *echoFar) abort()            { f.end(true) }

func (f *echoFar) end(gone bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.eof, f.gone = true, f.gone || gone
	f.cond.Broadcast()
}

// turn lets the queue jump from one due time to the next, and at each lets
// every goroutine of the bubble come to rest before time goes on. So Conns,
// whose far ends have goroutines, run in the queue's virtual time.
func turn(q *Queue, until time.Duration) (events int) {
	for {
		synctest.Wait()
		q.mu.Lock()
		more := len(q.events) > 0 && q.events[0].due <= until
		due := until
		if more {
			due = q.events[0].due
		}
		q.mu.Unlock()
		events += q.Run(due)
		if !more {
			return events
		}
	}
}

// alarm wakes a goroutine at a due time.
type alarm chan struct{}

func (a alarm) Fire(time.Duration, uint64) { a <- struct{}{} }

// talker is a device that opens, says something, hears it back before it goes
// on, and closes; all that it meets goes into its log with the law's time. It
// is one goroutine: where a reader and a writer are woken by the same packet,
// who runs first is the scheduler's choice.
type talker struct {
	net   *Network
	index uint64
	log   bytes.Buffer
}

func (d *talker) sleep(until time.Duration) {
	a := make(alarm, 1)
	d.net.At(until, a, 0)
	<-a
}

func (d *talker) note(what string, at time.Duration, n int, err error) {
	fmt.Fprintf(&d.log, "%d %s at %d: %d %v\n", d.index, what, at, n, err)
}

func (d *talker) run(ctx context.Context, key Key, addr string) {
	k := key.Of(d.index)
	start := k.Of(1).Within(5 * time.Second)
	d.sleep(start)
	c, err := d.net.Dial(ctx, start, Route{
		Path: NewPath(cellEdge(), k.Of(2)), Device: StackLwIP(), Server: StackLinux(), Key: k.Of(3), Addr: addr,
	}, 1)
	d.note("open", c.EventTime(), 0, err)
	if err != nil {
		return
	}
	for i := range uint64(12) {
		c.Phase(i + 2)
		d.sleep(d.net.Now() + k.Of(4, i).Within(200*time.Millisecond))
		msg := bytes.Repeat([]byte{byte(i)}, 20+int(5000*k.Of(5, i).Uniform()))
		if addr == "stuck" {
			msg = make([]byte, 1<<20)
		}
		n, err := c.Write(msg)
		d.note("write", d.net.Now(), n, err)
		if err != nil || !d.hear(c, len(msg)) {
			break
		}
	}
	_ = c.CloseWrite()
	d.hear(c, 1)
	counts, _, unmade := c.Traffic()
	fmt.Fprintf(&d.log, "%d traffic %+v, unmade %v\n", d.index, counts, unmade)
	_ = c.Close()
}

// hear reads n bytes, or to the end.
func (d *talker) hear(c *Conn, n int) bool {
	buf, sum := make([]byte, 1000), fnv.New64a()
	for n > 0 {
		k, err := c.Read(buf[:min(n, len(buf))])
		_, _ = sum.Write(buf[:k])
		d.note(fmt.Sprintf("read %x", sum.Sum64()), c.EventTime(), k, err)
		if err != nil {
			return false
		}
		n -= k
	}
	return true
}

// fleet runs n talkers in virtual time, and beside them stuck ones whose far
// end takes nothing, and returns each talker's log.
func fleet(t *testing.T, seed uint64, n, stuck int) (logs [][]byte) {
	synctest.Test(t, func(t *testing.T) {
		var refused []*echoFar
		net := newNetwork(func(_ context.Context, addr string) (farEnd, error) {
			f := newEchoFar(addr == "stuck")
			if f.stuck {
				refused = append(refused, f)
			}
			return f, nil
		})
		net.Run(0) // virtual from the start
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		talkers := make([]*talker, n+stuck)
		for i := range talkers {
			talkers[i] = &talker{net: net, index: uint64(i)}
			addr := "echo"
			if i >= n {
				addr = "stuck"
			}
			wg.Go(func() { talkers[i].run(ctx, Seed(seed), addr) })
		}
		events := turn(net.Queue, 10*time.Minute)
		t.Logf("%d devices, %d stuck: %d events to %v", n, stuck, events, net.Now())
		if len(refused) != stuck || stuck > 0 && refused[0].tries == 0 {
			t.Error("nothing was stuck")
		}
		cancel()
		net.Close()
		wg.Wait()
		for _, d := range talkers[:n] {
			logs = append(logs, d.log.Bytes())
		}
	})
	return logs
}

// A far end that answers EAGAIN for ever must not be felt by anyone else.
func TestStuckFarEndIsNotFelt(t *testing.T) {
	without := fleet(t, 1, 200, 0)
	with := fleet(t, 1, 200, 1)
	heard := 0
	for i := range without {
		if !bytes.Equal(without[i], with[i]) {
			t.Fatalf("device %d: the log differs:\n%s\n----\n%s", i, without[i], with[i])
		}
		if bytes.Contains(without[i], []byte("EOF")) {
			heard++
		}
	}
	t.Logf("%d of 200 devices heard all; the log has %d bytes", heard, len(bytes.Join(without, nil)))
	if heard < 190 {
		t.Errorf("only %d of 200 devices heard all that they had said", heard)
	}
}

func TestSameSeedSameEvents(t *testing.T) {
	n := sampleSize() / 200
	a, b := bytes.Join(fleet(t, 2, n, 0), nil), bytes.Join(fleet(t, 2, n, 0), nil)
	if !bytes.Equal(a, b) {
		t.Error("two runs of one seed differ")
	}
	if c := bytes.Join(fleet(t, 3, n, 0), nil); bytes.Equal(a, c) {
		t.Error("two seeds give the same run")
	}
}

// order notes in which order it was fired.
type order struct{ fired []event }

func (o *order) Fire(due time.Duration, arg uint64) {
	o.fired = append(o.fired, event{due: due, seq: arg})
}

// Events come by due time, those of one time in the order they were put in.
func TestQueueOrder(t *testing.T) {
	q, o, key := NewQueue(), &order{}, Seed(4)
	var want []event
	for i := range uint64(5000) {
		due := key.Of(i).Within(time.Second).Truncate(10 * time.Millisecond)
		q.At(due, o, i)
		want = append(want, event{due: due, seq: i})
		if i%7 == 0 { // in between some are fired
			q.Run(q.Now() + 50*time.Microsecond)
		}
	}
	q.Run(time.Minute)
	if len(o.fired) != len(want) || q.Now() != time.Minute {
		t.Fatalf("%d of %d fired by %v", len(o.fired), len(want), q.Now())
	}
	q = NewQueue()
	o.fired = nil
	for _, e := range want {
		q.At(e.due, o, e.seq)
	}
	q.Run(time.Minute)
	slices.SortStableFunc(want, func(a, b event) int { return int(a.due - b.due) })
	if !slices.Equal(o.fired, want) {
		t.Error("out of order")
	}
}
