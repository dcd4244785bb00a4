package netem

import (
	"fmt"
	"testing"
	"time"
)

// TestRecordedRateReplays: a link whose rate is a recording delivers at its
// opportunities, the same again each time it repeats.
func TestRecordedRateReplays(t *testing.T) {
	var times []time.Duration
	for i := range 250 {
		times = append(times, time.Duration(4*(i+1))*time.Millisecond) // 1500 bytes each 4 ms: 3 Mbit/s
	}
	o, err := NewOpportunities(times)
	if err != nil {
		t.Fatal(err)
	}
	p := Profile{RTTFloor: RTTFloor{Min: 80}, QueueBytes: UpDown{Up: 15000}, Opportunities: [2]*Opportunities{o, nil}}
	l := NewPath(p, 1).Up
	bits := 0
	for now := time.Duration(0); l.free < time.Minute; {
		if at, fate := l.Send(now, 1500, 0); fate == Delivered {
			bits += 12000
			if at-40*millisecond != l.free || (at-40*millisecond)%(4*millisecond) != 0 {
				t.Fatalf("there at %v, left at %v", at, l.free)
			}
		} else {
			now = l.queue[0].at
		}
	}
	got := float64(bits) / l.free.Seconds()
	checked(t, "goodput of a recorded rate", "3 Mbit/s exactly", fmt.Sprintf("%.4f Mbit/s", got/1e6), bits == int(l.free/(4*millisecond))*12000)
}
