package netem

import (
	"context"
	"slices"
	"time"
)

// dialLimit bounds one dial of RoundTrip.
const dialLimit = 3 * time.Second

// RoundTrip is the round-trip time of the real path to addr: the median of so
// many dials, one after the other. It gives up at the first that fails.
func (n *Network) RoundTrip(ctx context.Context, addr string, dials int) (time.Duration, error) {
	var times []time.Duration
	for range dials {
		took, err := n.dialOnce(ctx, addr)
		if err != nil {
			return 0, err
		}
		times = append(times, took)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

func (n *Network) dialOnce(ctx context.Context, addr string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	began := time.Now()
	far, err := n.dialFar(ctx, addr)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, far.close()
}
