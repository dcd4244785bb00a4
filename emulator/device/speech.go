package device

import (
	"embed"
	"fmt"
	"path"

	"xzfleet/server/protocol"
)

//go:embed speech/*.opus
var speechFiles embed.FS

const wakeFile = "wake.opus"

// Speech is what bundled devices say, as Opus packets of 60 ms: the wake word,
// and utterances by file name in order. Only pages are unpacked, nothing is
// decoded.
func Speech() (wake [][]byte, clips [][][]byte, err error) {
	files, err := speechFiles.ReadDir("speech")
	if err != nil {
		return nil, nil, err
	}
	for _, f := range files {
		b, err := speechFiles.ReadFile(path.Join("speech", f.Name()))
		if err != nil {
			return nil, nil, err
		}
		packets, _, err := protocol.OggOpusPackets(b)
		if err != nil {
			return nil, nil, fmt.Errorf("speech/%s: %w", f.Name(), err)
		}
		if f.Name() == wakeFile {
			wake = packets
		} else {
			clips = append(clips, packets)
		}
	}
	return wake, clips, nil
}
