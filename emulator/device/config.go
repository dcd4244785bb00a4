package device

import (
	"time"

	"xzfleet/netem"
	"xzfleet/results"
)

// Config is what one device is and will do. It does not change and may share
// its parts with other devices.
type Config struct {
	Profile  *Profile
	Identity results.Identity // but for kind, episode and try
	Key      netem.Key        // of the device's draws
	ClientID string           // UUID
	Start    time.Duration    // power-on, or the wake word where OTA is empty
	OTA      string           // URL of the OTA request at boot; empty: none
	URL      string           // of the channel, until an OTA answer names another
	Token    string
	Hosts    []string // hosts that an OTA answer may send the device to
	Turns    int
	Think    time.Duration // silence before the wake word after boot, and before each further turn
	Wake     [][]byte      // Opus packets of the wake word
	Clips    [][][]byte    // what is said, one clip a turn, taken in turn
}
