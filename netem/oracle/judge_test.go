package main

import (
	"fmt"
	"testing"
	"time"

	"xzfleet/netem"
)

// toy is a law simple enough to know: every exchange is a packet there and a
// packet back, and is repeated as a whole after a time-out.
type toy struct {
	loss    float64       // times the condition's
	backoff float64       // factor of each further time-out
	syn     time.Duration // first time-out of the SYN
	data    time.Duration // first time-out of data
	hop     time.Duration // later at each exchange
	retries int           // repeats at most
}

func truth() toy {
	return toy{loss: 1, backoff: 2, syn: time.Second, data: 240 * time.Millisecond, retries: 15}
}

// exchange is how long packets that are sent together and their answer take,
// and how many were lost.
func (y toy) exchange(c condition, packets int, rto time.Duration, key netem.Key) (time.Duration, int) {
	var t time.Duration
	for try := range uint64(y.retries + 1) {
		lost := 0
		for p := range uint64(packets + 1) {
			if key.Of(try, p).Uniform() < y.loss*c.loss {
				lost++
			}
		}
		if lost == 0 {
			return t + c.rtt + y.hop, int(try)
		}
		t += rto
		rto = time.Duration(float64(rto) * y.backoff)
	}
	return never, y.retries + 1
}

// sample makes n attempts. The late ones are an oracle's.
func (y toy) sample(c condition, n int, late time.Duration, seed netem.Key) []attempt {
	sample := make([]attempt, n)
	for i := range sample {
		key := seed.Of(uint64(i))
		a := newAttempt(handshake)
		now := key.Of(99).Within(2 * late)
		for j, x := range []struct {
			packets int
			rto     time.Duration
			at      *time.Duration
		}{{1, y.syn, &a.opened}, {3, y.data, &a.done[1]}, {1, y.data, &a.done[finished]}, {1, y.data, &a.done[5]}} {
			d, lost := y.exchange(c, x.packets, x.rto, key.Of(uint64(j)))
			a.lost += lost
			if d == never || now+d > patience {
				break
			}
			now += d
			*x.at = now
		}
		sample[i] = a
	}
	return sample
}

func developed() []condition {
	return []condition{{80 * time.Millisecond, 0.01}, {80 * time.Millisecond, 0.03}, {80 * time.Millisecond, 0.05}}
}

// failed are the lines of a comparison of two toys that did not pass.
func failed(law, oracle toy, seed uint64) []string {
	const n = 20_000
	var lines []string
	for i, c := range developed() {
		key := netem.Seed(seed).Of(uint64(i))
		a := law.sample(c, n, 0, key.Of(1))
		b := oracle.sample(c, n, time.Millisecond, key.Of(2))
		for _, v := range judge(c, a, b) {
			if !v.ok {
				lines = append(lines, fmt.Sprintf("%v: %s, expected %s, got %s", c, v.law, v.expected, v.got))
			}
		}
	}
	return lines
}

func TestTrueLawPasses(t *testing.T) {
	for seed := range uint64(10) {
		for _, line := range failed(truth(), truth(), seed) {
			t.Errorf("seed %d: %s", seed, line)
		}
	}
}

func TestWrongLawsAreFlagged(t *testing.T) {
	wrong := map[string]func(*toy){
		"no back-off":          func(y *toy) { y.backoff = 1 },
		"back-off of 4":        func(y *toy) { y.backoff = 4 },
		"a fifth less loss":    func(y *toy) { y.loss = 0.8 },
		"a fifth more loss":    func(y *toy) { y.loss = 1.2 },
		"no retransmission":    func(y *toy) { y.retries = 0 },
		"SYN time-out of 3 s":  func(y *toy) { y.syn = 3 * time.Second },
		"data time-out of 1 s": func(y *toy) { y.data = time.Second },
		"10 ms more each way":  func(y *toy) { y.hop = 20 * time.Millisecond },
	}
	for name, spoil := range wrong {
		law := truth()
		spoil(&law)
		for seed := range uint64(3) {
			lines := failed(law, truth(), seed)
			if len(lines) == 0 {
				t.Errorf("%s, seed %d: passes", name, seed)
			} else {
				t.Logf("%s, seed %d: %d lines, as %s", name, seed, len(lines), lines[0])
			}
		}
	}
}

// A law that has a lower loss-free time than the oracle is given only 6 ms.
func TestOffset(t *testing.T) {
	c := developed()[0]
	law := truth().sample(c, 2000, 0, 1)
	slow := truth()
	for hop, want := range map[time.Duration]int{time.Millisecond: 0, 5 * time.Millisecond: 2} {
		slow.hop = hop
		bad := 0
		for _, v := range judge(c, law, slow.sample(c, 2000, 0, 2)) {
			if !v.ok {
				bad++
			}
		}
		// tls is two exchanges late, total four; tcp is within the limit.
		if bad != want {
			t.Errorf("%v an exchange: %d lines fail, want %d", hop, bad, want)
		}
	}
}

func TestDistance(t *testing.T) {
	ms := func(x ...time.Duration) []time.Duration {
		for i := range x {
			if x[i] != never {
				x[i] *= time.Millisecond
			}
		}
		return x
	}
	for _, c := range []struct {
		x, y []time.Duration
		tol  time.Duration
		want float64
	}{
		{ms(1, 2, 3, 4), ms(1, 2, 3, 4), 0, 0},
		{ms(10, 20), ms(14, 24), 5, 0},
		{ms(10, 20), ms(16, 26), 5, 0.5},
		{ms(10, 10, 10, 90), ms(10, 10, 90, 90), 5, 0.25},
		{ms(10, never), ms(10, 20), 5, 0.5},
		{ms(never, never), ms(never), 5, 0},
	} {
		if got := distance(c.x, c.y, c.tol*time.Millisecond); got != c.want {
			t.Errorf("distance of %v and %v at %v ms: %v, want %v", c.x, c.y, int64(c.tol), got, c.want)
		}
	}
}

func TestConditions(t *testing.T) {
	for text, want := range map[string]condition{
		"80:1":  {80 * time.Millisecond, 0.01},
		"2.5:0": {2500 * time.Microsecond, 0},
	} {
		if got, err := parseCondition(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "80", "80:", ":3", "0:3", "80:100", "80:-1", "80:3:1", "NaN:1"} {
		if c, err := parseCondition(text); err == nil {
			t.Errorf("%q is taken as %v", text, c)
		}
	}
}
