package netem

import (
	"math"
	"time"
)

// Key names one random draw. It is built from what the draw is for (seed,
// device, episode, try, purpose, phase, direction, segment, repeat) and never
// from how many draws came before, so that however a fleet is cut or
// scheduled, the same device meets the same radio.
type Key uint64

// Seed is the root of all keys of a run.
func Seed(seed uint64) Key { return Key(mix(seed ^ 0x9e3779b97f4a7c15)) }

// Of names a draw below k.
func (k Key) Of(parts ...uint64) Key {
	h := uint64(k)
	for _, p := range parts {
		h = mix(h ^ mix(p+0x9e3779b97f4a7c15))
	}
	return Key(h)
}

// Text names a draw below k by a word.
func (k Key) Text(s string) Key {
	h := uint64(0xcbf29ce484222325) // FNV-1a
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return k.Of(h, uint64(len(s)))
}

// Uniform is the draw itself, in (0, 1).
func (k Key) Uniform() float64 {
	return (float64(mix(uint64(k))>>12) + 0.5) / (1 << 52)
}

// Normal is a standard normal draw, by inversion, so that one key is one
// draw.
func (k Key) Normal() float64 { return math.Sqrt2 * math.Erfinv(2*k.Uniform()-1) }

// Exp is an exponential draw of mean 1.
func (k Key) Exp() float64 { return -math.Log(k.Uniform()) }

// LogNormal is a draw with this median and sigma of the logarithm.
func (k Key) LogNormal(median, sigma float64) float64 {
	if median <= 0 {
		return 0
	}
	return median * math.Exp(sigma*k.Normal())
}

// Within is a duration drawn uniformly from [0, d).
func (k Key) Within(d time.Duration) time.Duration {
	return time.Duration(k.Uniform() * float64(d))
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Purposes of the draws of a path. The numbers are part of what a seed means:
// add at the end.
const (
	drawFloor uint64 = iota + 1
	drawUplink
	drawDownlink
	drawJitter
	drawRate
	drawChain
	drawTick
	drawData
	drawACK
	drawSYN
	drawDNS
	drawCell
	drawCross
	drawRadio
	drawDRX
	drawPaging
	drawHandover
	drawStall
	drawOutage
	drawPromotion
	drawAttach
)
