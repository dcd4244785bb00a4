package netem

import (
	"math"
	"testing"
	"time"
)

func uniforms(n int, key func(i uint64) Key) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = key(uint64(i)).Uniform()
	}
	return x
}

func TestDrawsAreUniform(t *testing.T) {
	n := sampleSize()
	root := Seed(1)
	for name, key := range map[string]func(uint64) Key{
		"numbers":      func(i uint64) Key { return root.Of(i) },
		"seeds":        func(i uint64) Key { return Seed(i) },
		"bare keys":    func(i uint64) Key { return Key(i) },
		"last of five": func(i uint64) Key { return root.Of(drawData, 3, 1, 7, i) },
		"first of two": func(i uint64) Key { return root.Of(i, 9) },
		"words":        func(i uint64) Key { return root.Text(string(rune('a' + i%26))).Of(i / 26) },
	} {
		counts, expected := make([]float64, 500), make([]float64, 500)
		for _, u := range uniforms(n, key) {
			if u <= 0 || u >= 1 {
				t.Fatalf("%s: %v", name, u)
			}
			counts[int(u*500)]++
		}
		for i := range expected {
			expected[i] = float64(n) / 500
		}
		chiSquare(t, name, counts, expected)
	}
}

func TestNormalAndExponentialDraws(t *testing.T) {
	root, n := Seed(2), sampleSize()
	normal, exp, log := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		k := root.Of(uint64(i))
		normal[i], exp[i], log[i] = k.Normal(), k.Of(1).Exp(), k.Of(2).LogNormal(59, 0.7)
	}
	kolmogorov(t, "normal", normal, func(x float64) (float64, float64) { return phi(x), phi(x) })
	kolmogorov(t, "exponential", exp, func(x float64) (float64, float64) { return 1 - math.Exp(-x), 1 - math.Exp(-x) })
	kolmogorov(t, "log-normal", log, func(x float64) (float64, float64) {
		p := phi(math.Log(x/59) / 0.7)
		return p, p
	})
}

func TestNeighbouringKeysAreIndependent(t *testing.T) {
	n, root := sampleSize(), Seed(3)
	at := func(parts ...uint64) func(uint64) Key {
		return func(i uint64) Key {
			k := root.Of(parts[0]+i, parts[1], parts[2])
			return k
		}
	}
	base := uniforms(n, at(0, 0, 0))
	for name, other := range map[string]func(uint64) Key{
		"next device":        at(1, 0, 0),
		"a thousand further": at(1000, 0, 0),
		"next purpose":       at(0, 1, 0),
		"next repeat":        at(0, 0, 1),
		"one level up":       func(i uint64) Key { return root.Of(i, 0) },
		"next seed":          func(i uint64) Key { return Seed(4).Of(i, 0, 0) },
		"high bit":           func(i uint64) Key { return root.Of(i|1<<63, 0, 0) },
	} {
		correlation(t, name, base, uniforms(n, other))
	}
}

func TestKeysNameWhatTheyAreFor(t *testing.T) {
	k := Seed(1)
	if k.Of(1, 2) != k.Of(1).Of(2) {
		t.Error("a list of parts is not the chain of them")
	}
	for name, pair := range map[string][2]Key{
		"order":            {k.Of(1, 2), k.Of(2, 1)},
		"depth":            {k.Of(0), k.Of(0, 0)},
		"where words cut":  {k.Text("ab").Text("c"), k.Text("a").Text("bc")},
		"order of letters": {k.Text("ab"), k.Text("ba")},
		"order of words":   {k.Text("a").Text("b"), k.Text("b").Text("a")},
		"empty word":       {k.Text(""), k},
		"seed":             {Seed(1).Of(1), Seed(2).Of(1)},
	} {
		if pair[0] == pair[1] {
			t.Errorf("%s makes no difference", name)
		}
	}
	seen := map[Key]bool{}
	for device := range uint64(100) {
		for purpose := range uint64(10) {
			for segment := range uint64(100) {
				seen[k.Of(device, purpose, segment)] = true
			}
		}
	}
	if len(seen) != 100_000 {
		t.Errorf("%d distinct keys of 100000", len(seen))
	}
}

// The same device meets the same radio, whatever the others do and in
// whichever order they are served.
func TestFatesDoNotDependOnOtherDevices(t *testing.T) {
	edge := cellEdge()
	type result struct {
		at   time.Duration
		fate Fate
	}
	send := func(p *Path, key Key, i int) result {
		at, fate := p.Up.Send(time.Duration(i)*7*time.Millisecond, 300, key.Of(uint64(i)))
		return result{at, fate}
	}
	const devices, packets = 40, 500
	alone := make([][]result, devices)
	paths := make([]*Path, devices)
	for d := range devices {
		key := Seed(5).Of(uint64(d))
		p := NewPath(edge, key)
		for i := range packets {
			alone[d] = append(alone[d], send(p, key, i))
		}
		paths[d] = NewPath(edge, key)
	}
	sent := make([]int, devices)
	for n, k := 0, Seed(6); n < devices*packets; k = k.Of(1) {
		d := int(k.Uniform() * devices)
		if sent[d] == packets {
			continue
		}
		if got := send(paths[d], Seed(5).Of(uint64(d)), sent[d]); got != alone[d][sent[d]] {
			t.Fatalf("device %d packet %d: %v, alone %v", d, sent[d], got, alone[d][sent[d]])
		}
		sent[d]++
		n++
	}
}
