// Package results is the record: what one device experienced while it opened
// a connection (Attempt) and while it held one (Session), and the files that
// keep them. Everything before it produces records, everything after it only
// reads them.
package results

// Schema is the version of the record files. It grows when a key changes its
// meaning; new keys do not change it.
const Schema = 1

// Kind says what an attempt wanted to open.
type Kind string

const (
	KindOTA     Kind = "ota"     // the configuration request at boot
	KindChannel Kind = "channel" // the WebSocket audio channel
)

// Outcome of an attempt.
type Outcome string

const (
	OK     Outcome = "ok"
	Failed Outcome = "failed"
	Cut    Outcome = "cut" // under way when the run ended: censored
)

// ClosedBy says who ended a session.
type ClosedBy string

const (
	ByDevice  ClosedBy = "device"
	ByServer  ClosedBy = "server"
	ByNetwork ClosedBy = "network"
	ByRunEnd  ClosedBy = "run_end"
)

// Drop reports whether a session ended against the device's will.
func (c ClosedBy) Drop() bool { return c == ByServer || c == ByNetwork }

// Identity names the attempt or session: which run, which device, which try.
type Identity struct {
	Schema   int    `json:"schema"`
	Run      string `json:"run"`
	Arm      string `json:"arm,omitempty"`   // studies only
	Block    int    `json:"block,omitempty"` // studies only
	Fleet    string `json:"fleet"`
	Cell     int    `json:"cell"`   // radio cell within the fleet, from 0
	Device   int    `json:"device"` // index within the fleet, from 0
	DeviceID string `json:"device_id"`
	Profile  string `json:"profile"`
	Link     string `json:"link"`
	Kind     Kind   `json:"kind"`
	Episode  int    `json:"episode"` // the nth time this device needs a connection, from 0
	Try      int    `json:"try"`     // within (episode, kind), from 1
}

// Attempt is one opening, from its intended start until it was open, had
// failed or was cut. All times are law time in milliseconds since the run's
// start: what the modelled device saw, free of the emulator's own lateness,
// which LateMs carries.
type Attempt struct {
	Identity
	StartMs     float64           `json:"start_ms"`
	PhaseMs     map[Phase]float64 `json:"phase_ms"`   // phases entered; they tile ConnectMs
	ConnectMs   float64           `json:"connect_ms"` // end − intended start, for every outcome
	Outcome     Outcome           `json:"outcome"`
	FailedPhase Phase             `json:"failed_phase,omitempty"`
	Cause       Cause             `json:"cause,omitempty"`
	LimitMs     float64           `json:"limit_ms,omitempty"` // of the time-out that struck
	Detail      *Detail           `json:"detail,omitempty"`
	SessionID   string            `json:"session_id,omitempty"`
	LateMs      float64           `json:"late_ms"`
	TLS         *TLS              `json:"tls,omitempty"`
	Net         *Net              `json:"net,omitempty"`
}

// Session is one channel that was open, from hello to its end.
type Session struct {
	Identity
	StartMs   float64  `json:"start_ms"` // when the channel was open
	HeldMs    float64  `json:"held_ms"`
	ClosedBy  ClosedBy `json:"closed_by"`
	Cause     Cause    `json:"cause,omitempty"`
	Detail    *Detail  `json:"detail,omitempty"`
	SessionID string   `json:"session_id,omitempty"`
	Talk      *Talk    `json:"talk,omitempty"`
	Net       *Net     `json:"net,omitempty"`
}

// Detail is what is known beyond phase and cause. Text is for people; the
// other fields are what the far end or the modem said, as numbers.
type Detail struct {
	Text       string `json:"text,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	CloseCode  int    `json:"close_code,omitempty"`
	Alert      int    `json:"alert,omitempty"`   // TLS alert description
	MbedTLS    string `json:"mbedtls,omitempty"` // e.g. "-0x2700"
	Modem      int    `json:"modem,omitempty"`   // AT error code
}

// TLS is what was negotiated and what it cost on the wire.
type TLS struct {
	Version    string `json:"version"`
	Cipher     string `json:"cipher"`
	Group      string `json:"group,omitempty"`
	Resumed    bool   `json:"resumed"`
	CertType   string `json:"cert_type,omitempty"`   // e.g. "rsa-2048", "ecdsa-p256"
	ChainBytes int    `json:"chain_bytes,omitempty"` // DER bytes sent by the server
	BytesIn    int64  `json:"bytes_in"`              // handshake bytes, record layer
	BytesOut   int64  `json:"bytes_out"`
}

// Net is the traffic of one attempt or session at IP level.
type Net struct {
	BytesUp     int64   `json:"bytes_up"`
	BytesDown   int64   `json:"bytes_down"`
	Segments    int64   `json:"segments"` // both directions
	Lost        int64   `json:"lost"`
	Retransmits int64   `json:"retransmits"`
	RTOs        int64   `json:"rtos"`
	FarRTTMs    float64 `json:"far_rtt_ms"` // the real dial behind the model
}

// Talk is what the voice did in one session.
type Talk struct {
	Turns         int       `json:"turns"`
	FirstAudioMs  []float64 `json:"first_audio_ms"` // one per answered turn
	FramesUp      int       `json:"frames_up"`
	FramesDown    int       `json:"frames_down"`
	LateFrames    int       `json:"late_frames"`
	DroppedFrames int       `json:"dropped_frames"`
}

// Sink takes records as they end. It must not block for long and is called
// from many goroutines.
type Sink interface {
	Attempt(Attempt)
	Session(Session)
}
