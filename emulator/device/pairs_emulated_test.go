package device

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"xzfleet/netem"
	"xzfleet/results"
)

// pairArm is one way to be many devices.
type pairArm interface {
	// open starts n more devices, one every so often, and returns when the
	// last has its channel open and has asked to be listened to.
	open(n int, every time.Duration, use pairUse) error
	// frames is how many audio frames were sent and received so far.
	frames() int64
	// close hangs up and waits until nothing is left.
	close()
}

// pairUse is what devices do once they are connected.
type pairUse uint8

const (
	converse pairUse = iota // turn after turn
	keepMute                // hold the channel, the microphone off
	hangUp                  // at once
)

var errPairOpening = errors.New("an opening failed")

// emulatedArm is the emulator as a run sets it up: the network's queue, the
// devices on the link "none", records in files.
type emulatedArm struct {
	bed     *pairBed
	site    *Site
	profile Profile
	url     string
	devices []*Live
	sent    []int    // messages taken, by device
	through chan int // devices that asked to be listened to; −1: a failure
	audio   atomic.Int64

	turn sync.WaitGroup
	stop context.CancelFunc
}

// newEmulatedArm makes an arm of at most n devices.
func newEmulatedArm(bed *pairBed, n int) pairArm {
	_, port, _ := net.SplitHostPort(bed.addr)
	a := &emulatedArm{
		bed: bed, profile: pairProfile(), url: "wss://" + pairHost + ":" + port + "/xiaozhi/v1/",
		sent: make([]int, n), through: make(chan int, 2*n),
	}
	a.site = &Site{
		Network: netem.NewNetwork(), Server: netem.StackLinux(), Roots: bed.roots,
		Addresses: map[string]string{pairHost: bed.addr}, Sink: bed.records, Trace: a.trace,
		Change: func(c Change) {
			if c == FailedTry {
				a.through <- -1
			}
		},
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.turn.Go(func() { a.site.Network.Live(ctx) })
	return a
}

// trace counts frames, and messages until the device listens: request, hello,
// detect, listen.
func (a *emulatedArm) trace(cfg *Config, _ time.Duration, ev Event, acts []Action) {
	switch ev.Kind {
	case AudioIn:
		a.audio.Add(1)
	case Sent:
		if a.sent[cfg.Identity.Device]++; a.sent[cfg.Identity.Device] == 4 && ev.Cause == "" {
			a.through <- cfg.Identity.Device
		}
	}
	for i := range acts {
		if acts[i].Kind == Send && acts[i].Message == Audio {
			a.audio.Add(1)
		}
	}
}

func (a *emulatedArm) open(n int, every time.Duration, use pairUse) error {
	now := a.site.Network.Now()
	for k := range n {
		i := len(a.devices)
		key := Key(1, "pairs", i)
		cfg := &Config{
			Profile:  &a.profile,
			Identity: results.Identity{Run: "pairs", Fleet: "pairs", Device: i, DeviceID: pairDeviceID(i), Profile: a.profile.Name, Link: "none"},
			Key:      key, ClientID: pairClientID, Start: now + time.Duration(k)*every, URL: a.url,
			Turns: 1 << 20, Clips: a.bed.speechOf(i),
		}
		a.devices = append(a.devices, a.site.Start(cfg, netem.NewPath(netem.Profile{}, key.Text("path"))))
	}
	for range n {
		i := <-a.through
		if i < 0 {
			return errPairOpening
		}
		switch d := a.devices[i]; use {
		case hangUp:
			d.Cut(a.site.Network.Now())
		case keepMute:
			d.mu.Lock()
			d.m.talk.micAt = never
			d.mu.Unlock()
		}
	}
	return nil
}

func (a *emulatedArm) frames() int64 { return a.audio.Load() }

func (a *emulatedArm) close() {
	for _, d := range a.devices {
		d.Cut(a.site.Network.Now())
	}
	a.site.Wait()
	a.stop()
	a.turn.Wait()
	a.site.Network.Close()
}
