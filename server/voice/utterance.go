package voice

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"

	"xzfleet/server/protocol"
)

const (
	uplinkRate = 16000               // Hz
	maxSamples = uplinkRate * 3 / 25 // 120 ms, the most that one packet holds
)

// pcmBuffer is room for one packet's samples.
type pcmBuffer struct {
	samples [maxSamples]int16
	le      [2 * maxSamples]byte // the same, little endian
}

// pcmPool keeps the buffers that packets are decoded into: one for each
// packet being decoded, not one for each session.
type pcmPool struct{ sync.Pool }

func (p *pcmPool) get() *pcmBuffer {
	if b, ok := p.Get().(*pcmBuffer); ok {
		return b
	}
	return new(pcmBuffer)
}

// utterance is what came since listen/start, digested as it comes: the
// samples are not kept.
type utterance struct {
	decoder     decoder
	vad         vad
	pcm         hash.Hash // of the samples as little-endian int16
	fingerprint fingerprint
	packets     int
}

func newUtterance(d decoder, cfg Voice) *utterance {
	return &utterance{decoder: d, vad: newVAD(cfg.VADSilence), pcm: sha256.New(), fingerprint: newFingerprint()}
}

// add takes the next packet and reports whether the utterance has ended.
func (u *utterance) add(packet []byte, pool *pcmPool) (ended bool, err error) {
	buf := pool.get()
	defer pool.Put(buf)
	n, err := u.decoder.decode(packet, buf.samples[:])
	if err != nil {
		return false, err
	}
	u.packets++
	u.fingerprint.add(packet)
	pcm := buf.samples[:n]
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(buf.le[2*i:], uint16(s))
	}
	u.pcm.Write(buf.le[:2*n])
	return u.vad.add(pcm, protocol.IsDTX(packet)), nil
}

// sum is the SHA-256 over all samples, in hex.
func (u *utterance) sum() string { return hex.EncodeToString(u.pcm.Sum(nil)) }
