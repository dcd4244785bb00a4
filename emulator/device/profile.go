package device

import (
	"time"

	"xzfleet/netem"
)

// Profile is a kind of device: board, transport and firmware generation. It
// is plain data; a scenario may override the tables that carry TOML names.
type Profile struct {
	Name     string
	Firmware string // application version in the OTA request, e.g. "2.4.2"
	Board    Board
	TLS      TLS
	Timeouts Timeouts
	Retry    Retry
	Modem    Modem // zero Baud: TLS and TCP run on the ESP32, no AT modem
	TCP      netem.Stack
	CPU      CPU
	DNSCache time.Duration // how long an address stays known
	// Assumed names the fields that no public source states.
	Assumed []string
}

// Board is what the device says of itself in the OTA request.
type Board struct {
	Name  string // BOARD_NAME, e.g. "bread-compact-ml307"
	Type  string // "ml307" or "wifi"
	Chip  string // e.g. "esp32s3"
	Model string // modem revision, empty on Wi-Fi
}

// TLS is the device's TLS client.
type TLS struct {
	Stack      string   `toml:"-"` // "mbedtls" or "modem": which hello
	MinVersion string   `toml:"min_version"`
	MaxVersion string   `toml:"max_version"`
	Ciphers    []string `toml:"ciphers"` // empty: those of the stack
	Groups     []string `toml:"groups"`  // empty: those of the stack
	SNI        bool     `toml:"sni"`
	Verify     string   `toml:"verify"` // "none", "ca" or "bundle"
}

// Timeouts are the budgets of the firmware. Connect is one budget over DNS,
// TCP and TLS where the modem opens the connection (from MIPOPEN's OK) and 0
// elsewhere; TCP and TLS apply where the ESP32 does it, both with TLS only, TLS
// as the longest silence while reading.
type Timeouts struct {
	DNS     time.Duration `toml:"dns"`
	TCP     time.Duration `toml:"tcp"`
	TLS     time.Duration `toml:"tls"`
	Connect time.Duration `toml:"connect"`
	OTA     time.Duration `toml:"ota"`
	Upgrade time.Duration `toml:"upgrade"`
	Hello   time.Duration `toml:"hello"`
	Channel time.Duration `toml:"channel"` // since the last incoming data frame
}

// Retry is the rule of the OTA request: First after the first failure, then
// times Factor, at most Max (0: no limit), Tries in all.
type Retry struct {
	First  time.Duration `toml:"first"`
	Factor float64       `toml:"factor"`
	Max    time.Duration `toml:"max"`
	Tries  int           `toml:"tries"`
	Jitter float64       `toml:"jitter"` // share of the delay, uniform ±; firmware has none
}

// Modem is the AT side of a device whose modem does TCP and TLS.
type Modem struct {
	Baud  int  `toml:"baud"`  // 8N1: Baud/10 characters per second and direction
	Piece int  `toml:"piece"` // bytes of payload per AT+MIPSEND, sent as hex
	Ping  Ping `toml:"ping"`  // what a server ping does
	// Turnaround is the modem's own time per command and per send.
	CommandTurnaround time.Duration `toml:"-"`
	SendTurnaround    time.Duration `toml:"-"`
}

// Ping is what a server's WebSocket ping does to a device.
type Ping string

const (
	PingAnswer Ping = "answer" // a Pong
	PingIgnore Ping = "ignore"
	PingDie    Ping = "die" // the Pong deadlocks the task that reads the UART
)

// CPU is the modelled time of public-key work between two TLS flights; zero
// where the modem does TLS (assumed: no figure is published).
type CPU struct {
	MHz int
}
