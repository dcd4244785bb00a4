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

	CrossLoad Load      `toml:"cross_traffic_load"` // of others on the same queue
	RRC       RRC       `toml:"rrc"`
	DRX       DRX       `toml:"drx"`
	Handover  Handover  `toml:"handover"` // a device's own
	Stall     Stall     `toml:"stall"`    // the cell's: packets wait
	Outage    Outage    `toml:"outage"`   // the cell's: packets die
	NAT       NAT       `toml:"nat"`
	Attach    Attach    `toml:"attach"`
	Middlebox Middlebox `toml:"middlebox"`

	// Opportunities, where set, take the place of Rate: recorded delivery
	// opportunities per direction, replayed for ever.
	Opportunities [2]*Opportunities `toml:"-"`
}

// Load is the share of a direction's rate that others use, 0 to below 1.
type Load struct {
	Up   float64 `toml:"up"`
	Down float64 `toml:"down"`
}

// RRC is the radio resource control state: idle after InactivityS without a
// packet (0: always connected), connected again by a promotion.
type RRC struct {
	InactivityS float64   `toml:"inactivity_s"`
	Promotion   LogNormal `toml:"promotion"` // ms
	Tail        Tail      `toml:"tail"`
	FailProb    float64   `toml:"fail_prob"` // of one promotion
}

// LogNormal is a log-normal distribution; a median of 0 is the constant 0.
type LogNormal struct {
	Median float64 `toml:"median"` // ms
	Sigma  float64 `toml:"sigma"`  // of the logarithm
}

// Tail is what some promotions take longer: with Prob, between AddMin and
// AddMax more, evenly.
type Tail struct {
	Prob   float64 `toml:"prob"`
	AddMin float64 `toml:"add_min"` // ms
	AddMax float64 `toml:"add_max"` // ms
}

// DRX is when a device listens: connected, once a cycle after InactivityMs
// without a packet; idle, once a paging cycle. 0 is always.
type DRX struct {
	InactivityMs float64 `toml:"inactivity_ms"`
	CycleMs      float64 `toml:"cycle_ms"`
	PagingMs     float64 `toml:"paging_ms"`
}

// Handover is the gap while a device changes cells; one that fails ends in a
// re-establishment, evenly between its limits. Packets wait.
type Handover struct {
	PerMin         float64 `toml:"per_min"`
	Median         float64 `toml:"median"` // ms
	Sigma          float64 `toml:"sigma"`
	FailProb       float64 `toml:"fail_prob"`
	ReestablishMin float64 `toml:"reestablish_min"` // ms
	ReestablishMax float64 `toml:"reestablish_max"` // ms
}

// Stall is a time of zero capacity.
type Stall struct {
	PerMin float64 `toml:"per_min"`
	Median float64 `toml:"median"` // ms
	Sigma  float64 `toml:"sigma"`
}

// Outage is a time without a link.
type Outage struct {
	PerHour float64 `toml:"per_hour"`
	MedianS float64 `toml:"median_s"`
	Sigma   float64 `toml:"sigma"`
	MaxS    float64 `toml:"max_s"`
}

// NAT forgets a connection over which no packet went for so long: 0 is never.
// What then comes from the device is dropped silently, or answered by a RST
// where OnExpiry says so.
type NAT struct {
	TCPIdleS float64 `toml:"tcp_idle_s"`
	UDPIdleS float64 `toml:"udp_idle_s"`
	OnExpiry string  `toml:"on_expiry"` // "silent-drop" or "rst"
}

// Attach is the registration at power-on.
type Attach struct {
	MedianS  float64 `toml:"median_s"`
	Sigma    float64 `toml:"sigma"`
	TimeoutS float64 `toml:"timeout_s"`
}

// Middlebox is a carrier's box that restricts what may pass.
type Middlebox struct {
	BlockPorts   []int  `toml:"block_ports"`   // SYNs to them vanish
	ClearUpgrade string `toml:"clear_upgrade"` // of a WebSocket without TLS: "" pass, "reset" or "strip"
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
