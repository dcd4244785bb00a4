package voice

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"xzfleet/server/protocol"
)

// The recogniser works from a script: it knows the emulator's clips by their
// first packets and everything else not at all. Columns: fingerprint, name of
// the answer, what is said.
//
//go:embed script.tsv
var scriptFile string

// fingerprintPackets is about a second of speech: clips differ before that.
const fingerprintPackets = 16

// fingerprint is a hash over the first packets that hold audio.
type fingerprint struct {
	hash hash.Hash
	left int
}

func newFingerprint() fingerprint {
	return fingerprint{hash: sha256.New(), left: fingerprintPackets}
}

func (f *fingerprint) add(packet []byte) {
	if f.left > 0 && !protocol.IsDTX(packet) {
		f.hash.Write(packet)
		f.left--
	}
}

func (f *fingerprint) String() string { return hex.EncodeToString(f.hash.Sum(nil)[:8]) }

// line of the script: an utterance, what was said and what to answer.
type line struct {
	text   string
	answer *answer
}

// script is what the recogniser knows.
type script struct {
	lines  map[string]line
	pardon line // for what it does not know
}

// unknownAnswer names the clip that asks to say it again.
const unknownAnswer = "pardon"

func readScript(file string, answers map[string]*answer) (script, error) {
	s := script{lines: make(map[string]line), pardon: line{text: "……", answer: answers[unknownAnswer]}}
	if s.pardon.answer == nil {
		return script{}, fmt.Errorf("script: no answer %q", unknownAnswer)
	}
	for row := range strings.Lines(file) {
		cols := strings.Split(strings.TrimSuffix(row, "\n"), "\t")
		if len(cols) != 3 || answers[cols[1]] == nil {
			return script{}, fmt.Errorf("script: bad line %q", row)
		}
		s.lines[cols[0]] = line{text: cols[2], answer: answers[cols[1]]}
	}
	return s, nil
}

func (s script) recognise(u *utterance) line {
	if l, ok := s.lines[u.fingerprint.String()]; ok {
		return l
	}
	return s.pardon
}
