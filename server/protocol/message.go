package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Message types. Both ends ignore types they do not know.
const (
	TypeHello  = "hello"
	TypeListen = "listen"
	TypeAbort  = "abort"
	TypeSTT    = "stt"
	TypeTTS    = "tts"
	TypeLLM    = "llm"
	TypeMCP    = "mcp"
)

// States of listen and tts messages.
const (
	StateStart         = "start"
	StateStop          = "stop"
	StateDetect        = "detect"         // listen: a wake word was heard
	StateSentenceStart = "sentence_start" // tts: the audio that follows says Text
)

// Modes of a listen start.
const (
	ModeAuto     = "auto"     // the server finds the end of speech
	ModeManual   = "manual"   // push to talk: the device says listen stop
	ModeRealtime = "realtime" // full duplex: audio goes on while the server speaks
)

// Transport is the only transport that a hello over a WebSocket names.
const Transport = "websocket"

// AudioParams is how one direction's audio is encoded.
type AudioParams struct {
	Format        string `json:"format"`
	SampleRate    int    `json:"sample_rate"` // Hz
	Channels      int    `json:"channels"`
	FrameDuration int    `json:"frame_duration"` // ms
}

// UplinkAudio is what every device sends: Opus, 16 kHz, mono, 60 ms.
func UplinkAudio() AudioParams {
	return AudioParams{Format: "opus", SampleRate: 16000, Channels: 1, FrameDuration: 60}
}

// DownlinkAudio is what servers speak: Opus, 24 kHz, mono, 60 ms.
func DownlinkAudio() AudioParams {
	return AudioParams{Format: "opus", SampleRate: 24000, Channels: 1, FrameDuration: 60}
}

// Features is what a device can do. GlyphPush exists since firmware 2.4.0;
// nil leaves it out, as older ones do.
type Features struct {
	AEC       bool  `json:"aec,omitempty"`
	MCP       bool  `json:"mcp"`
	GlyphPush *bool `json:"glyph_push,omitempty"`
}

// DeviceHello is the device's first text frame. Its fields stand in the order
// of the wire (78/xiaozhi-esp32 main/protocols/websocket_protocol.cc,
// GetHelloMessage).
type DeviceHello struct {
	Type        string          `json:"type"`
	Version     int             `json:"version"`
	Features    Features        `json:"features"`
	TextFont    json.RawMessage `json:"text_font,omitempty"` // only where glyph_push is true
	Transport   string          `json:"transport"`
	AudioParams AudioParams     `json:"audio_params"`
}

// NewDeviceHello is the hello of a device on a connection of the given
// Protocol-Version.
func NewDeviceHello(version int, f Features) DeviceHello {
	return DeviceHello{
		Type: TypeHello, Version: version, Features: f,
		Transport: Transport, AudioParams: UplinkAudio(),
	}
}

// ServerHello is the server's answer to a DeviceHello.
type ServerHello struct {
	Type        string      `json:"type"`
	Transport   string      `json:"transport"` // firmware crashes where it is missing
	Version     int         `json:"version"`
	SessionID   string      `json:"session_id"`
	AudioParams AudioParams `json:"audio_params"`
}

// NewServerHello opens the session of that ID.
func NewServerHello(session string) ServerHello {
	return ServerHello{
		Type: TypeHello, Transport: Transport, Version: 1,
		SessionID: session, AudioParams: DownlinkAudio(),
	}
}

// Message is any message of either end; fields that its type does not have
// are empty.
type Message struct {
	Type        string          `json:"type"`
	State       string          `json:"state,omitempty"`
	Mode        string          `json:"mode,omitempty"`
	Text        string          `json:"text,omitempty"`
	Emotion     string          `json:"emotion,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Version     int             `json:"version,omitempty"`
	Transport   string          `json:"transport,omitempty"`
	AudioParams *AudioParams    `json:"audio_params,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"`
	SessionID   string          `json:"session_id,omitempty"`
}

// ErrMessage says that a text frame is not a message: not a JSON object, no
// type, or a known key of the wrong kind.
var ErrMessage = errors.New("bad message")

// ParseMessage reads a text frame. Unknown keys are ignored.
func ParseMessage(text []byte) (Message, error) {
	var m Message
	if err := json.Unmarshal(text, &m); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if m.Type == "" {
		return Message{}, fmt.Errorf("%w: no type", ErrMessage)
	}
	return m, nil
}

// JSON is v without the escapes that encoding/json adds for HTML and without
// a line end: what the ends write.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
