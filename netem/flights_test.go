package netem

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
)

// flight is one step of a scripted opening: this side sends so many bytes
// once it has all that the other sent before.
type flight struct {
	side  Side
	bytes int
}

// openingFlights are a TLS 1.2 handshake, an upgrade and a hello by their sizes.
var openingFlights = []flight{
	{DeviceSide, 220},
	{ServerSide, 3500},
	{DeviceSide, 130},
	{ServerSide, 60},
	{DeviceSide, 300},
	{ServerSide, 129},
	{DeviceSide, 180},
	{ServerSide, 160},
}

// flyer is a device of the virtual queue: it wakes its radio, opens a law,
// and both ends say their flights.
type flyer struct {
	queue *Queue
	log   *bytes.Buffer
	index int
	path  *Path
	law   *Law
	key   Key
	next  int      // flight to come
	got   [2]int64 // bytes that have come at each side
	want  [2]int64
	armed time.Duration
	over  bool
}

func (f *flyer) say(format string, args ...any) {
	fmt.Fprintf(f.log, "%d %d ", f.queue.Now(), f.index)
	fmt.Fprintf(f.log, format+"\n", args...)
}

// Fire implements Handler.
func (f *flyer) Fire(due time.Duration, arg uint64) {
	switch {
	case arg == 0:
		at, ok := f.path.Wake(due, f.key.Text("wake"))
		f.say("wake %d %v", at, ok)
		if ok {
			f.queue.At(at, f, 1)
		} else {
			f.over = true
		}
	case arg == 1:
		f.law = NewLaw(f.path, StackLwIP(), StackLinux(), f.key)
		f.law.Open(due)
		f.turn(due)
	case due >= f.armed:
		f.armed = never
		f.turn(due)
	}
}

func (f *flyer) turn(now time.Duration) {
	for notes := f.law.Step(now); len(notes) > 0; notes = f.law.Step(now) {
		for _, n := range slices.Clone(notes) {
			f.say("note %d %d %d %d", n.Side, n.Kind, n.At, n.Upto)
			f.take(n)
		}
	}
	if due, ok := f.law.Due(); ok && due < f.armed {
		f.armed = due
		f.queue.At(due, f, 2)
	}
}

func (f *flyer) take(n Note) {
	switch n.Kind {
	case Arrived:
		f.law.Accept(n.At)
	case Opened:
		if n.Side == DeviceSide {
			f.fly(n.At)
		}
	case Readable:
		f.law.Read(n.At, n.Side, int(n.Upto-f.got[n.Side]))
		f.got[n.Side] = n.Upto
		if f.next > 0 && f.got[n.Side] == f.want[n.Side] && openingFlights[f.next-1].side != n.Side {
			f.fly(n.At)
		}
	case GaveUp, Closed:
		f.over = true
	}
}

// fly sends the next flight, or closes after the last.
func (f *flyer) fly(now time.Duration) {
	if f.next == len(openingFlights) {
		c := f.law.Counts()
		f.say("open %+v", c)
		f.law.Close(now, DeviceSide)
		f.law.CloseWrite(now, ServerSide)
		return
	}
	s := openingFlights[f.next]
	f.next++
	f.want[s.side.other()] += int64(s.bytes)
	f.law.Write(now, s.side, s.bytes)
}

// flights runs devices in cells of 50 on the virtual queue and returns the
// log of everything that happened, with how many opened.
func flights(devices int, order func(i int) int) ([]byte, int) {
	q := NewQueue()
	var log bytes.Buffer
	classes := []Class{{Profile: Profile{
		RTTFloor: RTTFloor{45, 65, 0.6}, UpShare: 0.65, JitterSD: 20,
		GE:   GE{P: 0.01, R: 0.4, LossBad: 1, LossGood: 0.001, StepMs: 20},
		Rate: Rate{300, 1500, 0.7, 3}, QueueBytes: UpDown{65536, 131072},
		RRC: RRC{InactivityS: 10, Promotion: LogNormal{450, 0.5}, Tail: Tail{0.01, 2000, 6000}, FailProb: 0.02},
		DRX: DRX{300, 320, 1280}, Handover: Handover{0.3, 80, 0.9, 0.05, 1000, 4000},
		Stall: Stall{3, 600, 0.7}, Outage: Outage{6, 5, 1, 120}, NAT: NAT{TCPIdleS: 300},
	}}}
	cells := map[int]*Cell{}
	flyers := make([]*flyer, devices)
	for k := range devices {
		i := order(k)
		if cells[i/50] == nil {
			cells[i/50] = NewCell(Seed(1).Text("cell").Of(uint64(i / 50)))
		}
		key := Seed(1).Text("device").Of(uint64(i))
		flyers[i] = &flyer{queue: q, log: &log, index: i, path: cells[i/50].Path(classes, key.Text("path"), 0), key: key, armed: never}
		q.At(time.Duration(i)*20*time.Millisecond, flyers[i], 0)
	}
	q.Run(5 * time.Minute)
	opened := 0
	for _, f := range flyers {
		if f.next == len(openingFlights) {
			opened++
		}
	}
	return log.Bytes(), opened
}

// TestFlightsRepeat: 500 devices, twice, and once put on the queue in another
// order: the same log to the byte.
func TestFlightsRepeat(t *testing.T) {
	const devices = 500
	forward := func(i int) int { return i }
	first, opened := flights(devices, forward)
	again, _ := flights(devices, forward)
	shuffled, _ := flights(devices, func(i int) int { return (i*181 + 7) % devices })
	if !bytes.Equal(first, again) || !bytes.Equal(first, shuffled) {
		t.Error("the logs differ")
	}
	t.Logf("%d of %d opened; the log has %d bytes", opened, devices, len(first))
	// 2 % of the promotions fail, more in a crowd.
	if opened < devices*85/100 || opened == devices {
		t.Errorf("%d of %d opened", opened, devices)
	}
}
