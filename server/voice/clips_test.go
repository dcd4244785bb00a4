//go:build cgo

package voice

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hraban/opus"

	"xzfleet/server/protocol"
)

var update = flag.Bool("update", false, "write script.tsv anew from the clips")

// decodeApart decodes packets with a decoder of the test's own and gives the
// samples as little-endian bytes.
func decodeApart(t *testing.T, packets [][]byte) []byte {
	t.Helper()
	d, err := opus.NewDecoder(16000, 1)
	if err != nil {
		t.Fatal(err)
	}
	var le []byte
	for _, p := range packets {
		pcm := make([]int16, 960)
		n, err := d.Decode(p, pcm)
		if err != nil || n != 960 {
			t.Fatalf("%d samples, %v", n, err)
		}
		for _, s := range pcm {
			le = binary.LittleEndian.AppendUint16(le, uint16(s))
		}
	}
	return le
}

func sha(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func TestClipsAreWholePackets(t *testing.T) {
	names := speechClips(t)
	if len(names) != 8 {
		t.Errorf("%d clips of speech, not 8", len(names))
	}
	for _, name := range append(names, "wake") {
		packets, text := clip(t, name)
		for i, p := range packets {
			if d, err := protocol.PacketDuration(p); err != nil || d != 60*time.Millisecond {
				t.Errorf("%s: packet %d: %v, %v", name, i, d, err)
			}
		}
		if text == "" {
			t.Errorf("%s: no text", name)
		}
		if name == "wake" {
			// 2 s, as the firmware keeps.
			if len(packets) != 33 || text != "你好小智" {
				t.Errorf("wake word: %d packets, %q", len(packets), text)
			}
		} else if length := time.Duration(len(packets)) * frameTime; length < 1200*time.Millisecond || length > 2500*time.Millisecond {
			t.Errorf("%s: %v", name, length)
		}
	}
}

// TestVADHearsEachClipOnce lets the detector hear each clip and the silence
// that a device sends after it: the utterance ends in that silence, 200 to
// 260 ms after the clip, never inside, and no other follows.
func TestVADHearsEachClipOnce(t *testing.T) {
	for _, name := range append(speechClips(t), "wake") {
		packets, _ := clip(t, name)
		d, err := newDecoder()
		if err != nil {
			t.Fatal(err)
		}
		u := newUtterance(d, Default().Voice)
		var pool pcmPool
		ends := []int{}
		for i := range len(packets) + 50 {
			p := dtx
			if i < len(packets) {
				p = packets[i]
			}
			ended, err := u.add(p, &pool)
			if err != nil {
				t.Fatal(err)
			}
			if ended {
				ends = append(ends, i-len(packets)+1)
				u = newUtterance(d, Default().Voice)
			}
		}
		if len(ends) != 1 || ends[0] < 3 || ends[0] > 4 {
			t.Errorf("%s: utterances end %v packets after the clip, not once after 3 or 4", name, ends)
		}
	}
}

func TestVADNeedsSpeech(t *testing.T) {
	v := newVAD(200 * time.Millisecond)
	quiet := make([]int16, 960)
	for i := range quiet {
		quiet[i] = int16(i%2*400 - 200)
	}
	for range 100 {
		if v.add(quiet, false) || v.speaking {
			t.Fatal("a quiet room is speech")
		}
	}
	loud := make([]int16, vadSamples)
	for i := range loud {
		loud[i] = int16(i%2*4000 - 2000)
	}
	v.add(loud, false) // a click of 20 ms
	for range 100 {
		if v.add(quiet, false) {
			t.Fatal("a click is an utterance")
		}
	}
	// Odd lengths: 20 ms windows do not depend on how samples come.
	for range 10 {
		v.add(loud[:100], false)
		v.add(loud[100:], false)
	}
	if !v.speaking {
		t.Error("speech in odd pieces is not heard")
	}
}

// TestScriptKnowsEachClip holds script.tsv against the clips.
func TestScriptKnowsEachClip(t *testing.T) {
	var want strings.Builder
	for _, name := range speechClips(t) {
		packets, text := clip(t, name)
		f := newFingerprint()
		for _, p := range packets {
			f.add(p)
		}
		answers, err := readAnswers()
		if err != nil {
			t.Fatal(err)
		}
		answer := name
		if answers[name] == nil {
			language, _, _ := strings.Cut(name, "-")
			answer = language + "-ok"
		}
		fmt.Fprintf(&want, "%s\t%s\t%s\n", f.String(), answer, text)
	}
	if *update {
		if err := os.WriteFile("script.tsv", []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if scriptFile != want.String() {
		t.Errorf("script.tsv is not that of the clips (go test . -run TestScript -update):\n%s", want.String())
	}
}

func TestAnswers(t *testing.T) {
	answers, err := readAnswers()
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range answers {
		if a.text == "" || a.emoji == "" || a.emotion == "" {
			t.Errorf("%s: %q, %q, %q", name, a.text, a.emoji, a.emotion)
		}
		d, err := opus.NewDecoder(24000, 1)
		if err != nil {
			t.Fatal(err)
		}
		var energy float64
		for _, p := range a.packets {
			pcm := make([]int16, 1440)
			if n, err := d.Decode(p, pcm); err != nil || n != 1440 {
				t.Fatalf("%s: %d samples, %v", name, n, err)
			}
			for _, s := range pcm {
				energy += float64(s) * float64(s)
			}
		}
		if energy/float64(1440*len(a.packets)) < 1000*1000 {
			t.Errorf("%s is hardly audible", name)
		}
	}
}

func BenchmarkUplinkFrame(b *testing.B) {
	packets, _ := clip(b, "zh-weather")
	for _, c := range []struct {
		name string
		add  func(d decoder, u *utterance, pool *pcmPool, p []byte) error
	}{
		{"decode", func(d decoder, _ *utterance, pool *pcmPool, p []byte) error {
			buf := pool.get()
			defer pool.Put(buf)
			_, err := d.decode(p, buf.samples[:])
			return err
		}},
		{"whole", func(_ decoder, u *utterance, pool *pcmPool, p []byte) error {
			_, err := u.add(p, pool)
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, err := newDecoder()
			if err != nil {
				b.Fatal(err)
			}
			u := newUtterance(d, Default().Voice)
			var pool pcmPool
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := c.add(d, u, &pool, packets[i%len(packets)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
