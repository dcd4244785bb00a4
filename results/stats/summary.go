// Package stats turns records into estimates with intervals.
//
// A failure, a time-out included, counts as never connected; an attempt cut by
// the end of the run is censored; quantiles of the successes alone are never
// computed. Intervals are two-sided 95 % and know that attempts of one device,
// and of devices in one cell, are alike.
package stats

import (
	"time"

	"xzfleet/results"
)

// Schema is the version of the summary.
const Schema = 1

// Connect is the key of the whole opening among the phases of a Block.
const Connect results.Phase = "connect"

// Summary is what a run comes to. Summarize fills what records tell; the
// fields from Scenario to DurationS, Emulator, Server and Expectations are the
// caller's. What was not measured is absent.
type Summary struct {
	Schema    int       `json:"schema"`
	Scenario  string    `json:"scenario,omitempty"`
	Seed      uint64    `json:"seed"`
	Started   time.Time `json:"started,omitzero"`
	DurationS float64   `json:"duration_s,omitzero"`
	Part
	Groups       []Group       `json:"groups,omitempty"`
	Emulator     *Health       `json:"emulator,omitempty"`
	Server       *ServerHealth `json:"server,omitempty"`
	Expectations []Verdict     `json:"expectations,omitempty"`
}

// Group is the part of the run with one profile and link.
type Group struct {
	Profile string `json:"profile"`
	Link    string `json:"link"`
	Part
}

// Part is what some of the records come to: those of kind channel first, then
// those of kind ota.
type Part struct {
	Devices Devices `json:"devices"`
	Block
	OTA   *Block `json:"ota,omitempty"`
	Drops *Drops `json:"drops,omitempty"`
	Talk  *Talk  `json:"talk,omitempty"`
}

// Devices counts devices, and the cells that they share.
type Devices struct {
	Arrived   int `json:"arrived"`    // made at least one attempt
	Connected int `json:"connected"`  // opened a channel at least once
	OTAFailed int `json:"ota_failed"` // had a failed OTA request and none that was answered
	Cells     int `json:"cells"`
	FewCells  int `json:"few_cells,omitempty"` // fleets with fewer than FewestCells
}

// Block is what the attempts of one kind come to.
type Block struct {
	Attempts Counts                      `json:"attempts"`
	Phases   map[results.Phase]Incidence `json:"phases"` // by phase, and Connect
	Failures Failures                    `json:"failures"`
}

// Counts counts attempts. Those that failed by a limit of the emulator are
// only counted here and in no other number.
type Counts struct {
	Total         int `json:"total"`
	OK            int `json:"ok"`
	Failed        int `json:"failed"`
	Cut           int `json:"cut"`
	EmulatorLimit int `json:"emulator_limit"`
	FirstTries    int `json:"first_tries"` // of an episode
}

// Incidence is how long a phase took: pNN is the smallest time by which NN %
// of the attempts that entered it were through, in ms.
type Incidence struct {
	Entered int      `json:"entered"`
	Through int      `json:"through"`
	Failed  int      `json:"failed"`
	Cut     int      `json:"cut"`
	P50     Estimate `json:"p50_ms"`
	P90     Estimate `json:"p90_ms"`
	P95     Estimate `json:"p95_ms"`
	P99     Estimate `json:"p99_ms"`
}

// Failures is how often the first try of an episode failed, and of what.
type Failures struct {
	Rate Estimate  `json:"rate"`
	By   []Failure `json:"by"`
}

// Failure is one phase and cause. Count and the rate are of first tries;
// AllTries counts retries as well.
type Failure struct {
	Phase    results.Phase `json:"phase"`
	Cause    results.Cause `json:"cause"`
	Count    int           `json:"count"`
	AllTries int           `json:"all_tries"`
	Rate     Estimate      `json:"rate"`
}

// Drops is how many open channels were ended by the server or the network.
type Drops struct {
	Sessions int      `json:"sessions"`
	Count    int      `json:"count"`
	HeldS    float64  `json:"held_s"` // all sessions together
	Rate     Estimate `json:"rate"`   // of sessions
	By       []Drop   `json:"by"`
}

// Drop is one reason of drops.
type Drop struct {
	ClosedBy results.ClosedBy `json:"closed_by"`
	Cause    results.Cause    `json:"cause,omitempty"`
	Count    int              `json:"count"`
	Rate     Estimate         `json:"rate"`
}

// Talk is how the voice fared. A turn that was never answered counts as never
// in FirstAudioMs; one under way when the run ended is cut.
type Talk struct {
	Sessions      int       `json:"sessions"`
	Turns         int       `json:"turns"`
	FirstAudioMs  Incidence `json:"first_audio_ms"`
	FramesUp      int       `json:"frames_up"`
	FramesDown    int       `json:"frames_down"`
	LateFrames    Frames    `json:"late_frames"`    // of FramesDown
	DroppedFrames int       `json:"dropped_frames"` // by the devices' queues
}

// Frames counts some of the frames and gives their share.
type Frames struct {
	Count int      `json:"count"`
	Share Estimate `json:"share"`
}

// Health is how the emulator itself fared.
type Health struct {
	LateMs             *Lateness `json:"late_ms,omitempty"`
	VoiceLatenessP99Ms *float64  `json:"voice_lateness_p99_ms,omitempty"` // uplink frames, written after due
	CPUSeconds         float64   `json:"cpu_s,omitzero"`
	RunQueueWaitS      float64   `json:"run_queue_wait_s,omitzero"` // runnable, but waiting for a CPU
	RSSBytes           int64     `json:"rss_bytes,omitzero"`        // peak
	RealPath           *RealPath `json:"real_path,omitempty"`
	Trusted            bool      `json:"trusted"`
	Reasons            []string  `json:"reasons"` // why not
}

// RealPath is the path behind the modelled one, to the server itself: its
// round-trip time is taken off the floor of every link, as far as that goes.
type RealPath struct {
	RTTMs          float64 `json:"rtt_ms,omitzero"`
	Dials          int     `json:"dials,omitzero"`
	LongerThanLink int     `json:"longer_than_link,omitzero"` // devices whose link is more than 1 ms shorter
	Error          string  `json:"error,omitempty"`           // why it was not measured
}

// Lateness is the lateness that the emulator added to openings, in ms.
type Lateness struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// ServerHealth is what the server's process used.
type ServerHealth struct {
	CPUSeconds    float64 `json:"cpu_s,omitzero"`
	RunQueueWaitS float64 `json:"run_queue_wait_s,omitzero"`
	RSSBytes      int64   `json:"rss_bytes,omitzero"`
}
