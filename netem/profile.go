package netem

import "time"

// Profile is one link profile: the numbers of a cellular path. The zero
// value is the built-in link "none": no delay, no loss, no limit. Times carry
// their unit in the TOML key, as in the file of bundled profiles.
type Profile struct {
	RTTFloor   RTTFloor `toml:"rtt_floor"`
	UpShare    float64  `toml:"up_share"`    // share of the floor that is uplink
	JitterSD   float64  `toml:"jitter_sd"`   // ms, marginal standard deviation per direction
	GE         GE       `toml:"ge"`          // per direction
	Rate       Rate     `toml:"rate_kbps"`   // median of a log-normal process; 0 = unlimited
	QueueBytes UpDown   `toml:"queue_bytes"` // drop-tail limit; 0 = unlimited
}

// RTTFloor is the round-trip floor of a device, drawn once: Min +
// LogNormal(Median, Sigma), in ms.
type RTTFloor struct {
	Min    float64 `toml:"min"`
	Median float64 `toml:"median"`
	Sigma  float64 `toml:"sigma"`
}

// GE is a Gilbert–Elliott loss chain that runs in time: transition
// probabilities per step of StepMs, loss probability in either state.
type GE struct {
	P        float64 `toml:"p"` // good → bad per step
	R        float64 `toml:"r"` // bad → good per step
	LossBad  float64 `toml:"loss_bad"`
	LossGood float64 `toml:"loss_good"`
	StepMs   float64 `toml:"step_ms"`
}

// Rate is a log-normal rate process per direction.
type Rate struct {
	Up    float64 `toml:"up"`     // kbit/s, median
	Down  float64 `toml:"down"`   // kbit/s, median
	Sigma float64 `toml:"sigma"`  // of the logarithm
	CorrS float64 `toml:"corr_s"` // correlation time, s
}

// UpDown is one number per direction.
type UpDown struct {
	Up   int `toml:"up"`
	Down int `toml:"down"`
}

// ms converts a number of milliseconds.
func ms(x float64) time.Duration { return time.Duration(x * float64(time.Millisecond)) }
