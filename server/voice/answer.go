package voice

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"xzfleet/server/protocol"
)

//go:embed answers/*.opus
var answerFiles embed.FS

// frameTime is how much audio a downlink frame holds.
const frameTime = 60 * time.Millisecond

// answer is a spoken sentence, unpacked once and shared by all sessions.
type answer struct {
	text    string
	emoji   string
	emotion string
	packets [][]byte // Opus, 24 kHz, 60 ms each
}

// readAnswers unpacks the embedded clips by name.
func readAnswers() (map[string]*answer, error) {
	names, err := fs.Glob(answerFiles, "answers/*.opus")
	if err != nil {
		return nil, err
	}
	answers := make(map[string]*answer)
	for _, name := range names {
		file, err := answerFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		a, err := readAnswer(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		answers[strings.TrimSuffix(strings.TrimPrefix(name, "answers/"), ".opus")] = a
	}
	return answers, nil
}

func readAnswer(file []byte) (*answer, error) {
	packets, tags, err := protocol.OggOpusPackets(file)
	if err != nil {
		return nil, err
	}
	for i, p := range packets {
		if d, err := protocol.PacketDuration(p); err != nil || d != frameTime {
			return nil, fmt.Errorf("packet %d holds %v, not %v", i, d, frameTime)
		}
	}
	return &answer{text: tags["TITLE"], emoji: tags["EMOJI"], emotion: tags["EMOTION"], packets: packets}, nil
}
