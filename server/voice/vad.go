package voice

import (
	"math/bits"
	"time"
)

// vadWindow is the step of the detector, 320 samples at 16 kHz.
const (
	vadWindow  = 20 * time.Millisecond
	vadSamples = uplinkRate / 50
)

// vadLevel is the mean square above which a window counts as voiced: an RMS
// of 260, −42 dB below full scale. Speech close to a microphone lies 15 to
// 30 dB above it, a quiet room 15 to 20 dB below.
const vadLevel = 260 * 260

// Speech begins when 3 of the last 5 windows are voiced, as in the reference
// server (core/providers/vad/silero.py: frame_window_threshold).
const (
	onsetWindows = 5
	onsetVoiced  = 3
)

// vad finds speech by its energy. The zero value but for end is ready.
type vad struct {
	end int // windows without voice that end an utterance

	history  uint8 // the last windows, newest lowest
	speaking bool
	silent   int // windows since the last voiced one
	energy   int64
	fill     int // samples in energy
	samples  int // all that came
	first    int // sample at which the first voiced window began
	last     int // sample at which the last voiced window ended
}

func newVAD(silence time.Duration) vad {
	return vad{end: int((silence + vadWindow - 1) / vadWindow)}
}

// add takes the next samples and reports whether an utterance has ended by
// them. dtx marks what the encoder itself declared to be silence: the decoder
// fills it with the fading end of the speech before.
func (v *vad) add(pcm []int16, dtx bool) (ended bool) {
	for _, s := range pcm {
		v.energy += int64(s) * int64(s)
		v.fill++
		v.samples++
		if v.fill < vadSamples {
			continue
		}
		v.window(!dtx && v.energy > vadLevel*vadSamples)
		v.energy, v.fill = 0, 0
		ended = ended || v.speaking && v.silent >= v.end
	}
	return ended
}

func (v *vad) window(voiced bool) {
	v.history <<= 1
	v.silent++
	if voiced {
		v.history |= 1
		v.silent = 0
		if v.last == 0 {
			v.first = v.samples - vadSamples
		}
		v.last = v.samples
	}
	recent := v.history & (1<<onsetWindows - 1)
	v.speaking = v.speaking || bits.OnesCount8(recent) >= onsetVoiced
}

// speech is the number of samples from the first voiced window to the last.
func (v *vad) speech() int { return v.last - v.first }
