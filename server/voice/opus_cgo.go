//go:build cgo

package voice

import (
	"fmt"

	"github.com/hraban/opus"
)

// codecErr says why there is no codec.
func codecErr() error { return nil }

// decoder is one uplink's Opus state, about 18 KB.
type decoder struct{ opus *opus.Decoder }

func newDecoder() (decoder, error) {
	d, err := opus.NewDecoder(uplinkRate, 1)
	if err != nil {
		return decoder{}, fmt.Errorf("opus decoder: %w", err)
	}
	return decoder{d}, nil
}

// decode puts the samples of a packet at 16 kHz into pcm, which must have
// room for 120 ms, and gives their number.
func (d decoder) decode(packet []byte, pcm []int16) (int, error) {
	return d.opus.Decode(packet, pcm)
}
