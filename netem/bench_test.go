package netem

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

func BenchmarkLinkSend(b *testing.B) {
	p := NewPath(Profile{
		RTTFloor: RTTFloor{24, 59, 0.7}, UpShare: 0.6, JitterSD: 6,
		GE:   GE{P: 0.00125, R: 0.66, LossBad: 1, StepMs: 20},
		Rate: Rate{2500, 6000, 0.35, 5}, QueueBytes: UpDown{65536, 131072},
	}, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Up.Send(time.Duration(i)*5*time.Millisecond, 180, Key(i))
	}
}

func BenchmarkLawSegment(b *testing.B) {
	l := NewLaw(fixed(60*time.Millisecond, 0, 1), StackLwIP(), StackLinux(), 1)
	l.Open(0)
	drive(l, time.Second, func(Note) {})
	now := time.Second
	b.ReportAllocs()
	for b.Loop() {
		now += 60 * time.Millisecond
		l.Write(now, DeviceSide, 150)
		for _, n := range l.Step(now) {
			if n.Kind == Readable {
				l.Read(n.At, n.Side, l.Readable(n.Side))
			}
		}
	}
}

// BenchmarkQueue is one event taken and one put in, among n that wait.
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			q := NewQueue()
			h := &hopper{q: q, key: Seed(1)}
			for range n {
				h.Fire(0, 0)
			}
			b.ReportAllocs()
			for b.Loop() {
				e, _, _ := q.pop(never)
				e.h.Fire(e.due, e.arg)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// hopper asks to be fired again after a random time.
type hopper struct {
	q   *Queue
	key Key
	n   uint64
}

func (h *hopper) Fire(due time.Duration, _ uint64) {
	h.n++
	h.q.At(due+h.key.Of(h.n).Within(time.Second), h, 0)
}

// BenchmarkConnEcho is a message of 180 bytes there and back over loopback,
// on a modelled connection without delay and on a plain one in turn.
func BenchmarkConnEcho(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	n := NewNetwork()
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { n.Live(ctx) })
	for range 2 {
		wg.Go(func() { echoOne(l) })
	}
	plain, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	modelled, err := n.Dial(ctx, 0, Route{Path: fixed(0, 0, 1), Device: StackLwIP(), Server: StackLinux(), Key: 1, Addr: l.Addr().String()}, 0)
	if err != nil {
		b.Fatal(err)
	}
	var took [2]time.Duration
	b.ReportAllocs()
	for b.Loop() {
		for i, c := range []net.Conn{plain, modelled} {
			began := time.Now()
			for range 50 {
				echo(b, c)
			}
			took[i] += time.Since(began)
		}
	}
	messages := float64(50 * b.N)
	b.ReportMetric(float64(took[0])/messages, "plain-ns/msg")
	b.ReportMetric(float64(took[1])/messages, "modelled-ns/msg")
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
	_, _, _ = plain.Close(), modelled.Close(), l.Close()
	cancel()
	wg.Wait()
	n.Close()
}

func echoOne(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	_, _ = io.Copy(c, c)
	_ = c.Close()
}

func echo(b *testing.B, c net.Conn) {
	var msg [180]byte
	if _, err := c.Write(msg[:]); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(c, msg[:]); err != nil {
		b.Fatal(err)
	}
}
