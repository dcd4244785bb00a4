//go:build unix && !linux

package netem

import "time"

// dataAge is not told by this kernel.
func dataAge(int, time.Time) time.Duration { return 0 }
