package fleet

import (
	"time"

	"xzfleet/netem"
	"xzfleet/scenarios"
)

// starts is when each device of a fleet begins, in the order of its index. It
// depends on nothing but the scenario and the seed, so that however a fleet
// is shared out, the same device begins at the same time. total is the number
// of devices of all fleets: they arrive side by side.
func starts(a scenarios.Arrival, seed uint64, f scenarios.Fleet, total int) []time.Duration {
	at := make([]time.Duration, f.Count)
	switch a.Pattern {
	case scenarios.Storm:
	case scenarios.Poisson:
		key := netem.Seed(seed).Text("arrival").Text(f.Name)
		rate := a.Rate * float64(f.Count) / float64(total) // devices/s
		var t float64
		for i := range at {
			t += key.Of(uint64(i)).Exp() / rate
			at[i] = time.Duration(t * float64(time.Second))
		}
	default: // Ramp
		over := a.Over
		if a.Rate > 0 {
			over = time.Duration(float64(total) / a.Rate * float64(time.Second))
		}
		for i := range at {
			at[i] = time.Duration((float64(i) + 0.5) / float64(f.Count) * float64(over))
		}
	}
	return at
}
