// Package fleet runs many devices: when they arrive, who they are, what they
// meet, until the last is done or the run is over.
package fleet

import (
	"context"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"xzfleet/emulator/device"
	"xzfleet/netem"
	"xzfleet/results"
	"xzfleet/scenarios"
)

// Run is one run of a scenario, or of a share of it.
type Run struct {
	Scenario *scenarios.Scenario
	ID       string            // in every record
	Share    []scenarios.Range // devices of each fleet that run here; nil: all
	Target   Target
	Sink     results.Sink
	Progress *Progress      // may be nil
	Network  *netem.Network // nil: kernel sockets
	// Trace, if set, is told every step of every device. It must not block.
	Trace func(cfg *device.Config, now time.Duration, ev device.Event, acts []device.Action)
	// Watch, if set, gives what is told of a device's path; it may give nil.
	Watch func(cfg *device.Config) func(netem.PathEvent)
	// Behind is the round-trip time of the real path to the server, which is
	// taken off every link's floor.
	Behind time.Duration
}

// Target is where the devices go.
type Target struct {
	OTA       string            // URL of the OTA request at boot; empty: straight to URL
	URL       string            // of the channel, where no OTA answer names it
	Hosts     []string          // that an OTA answer may name
	Addresses map[string]string // real addresses (host or host:port) of names
	Roots     []*x509.Certificate
}

// Outcome is what a run says of itself, beside its records.
type Outcome struct {
	Started  time.Time
	Duration time.Duration
	Voice    *Lateness // of live audio frames, write after due: ours
	Cut      bool      // devices were under way when it ended
	Short    int       // devices whose link is more than 1 ms shorter than the real path behind it
}

// Do runs until the last device is done, the scenario's length has passed, or
// ctx ends; then it cuts what is left. Records of the cut are in the sink when
// it returns.
func (r *Run) Do(ctx context.Context) (Outcome, error) {
	wake, clips, err := device.Speech()
	if err != nil {
		return Outcome{}, err
	}
	network := r.Network
	if network == nil {
		network = netem.NewNetwork()
	}
	site := &device.Site{
		Network: network, Server: netem.StackLinux(), Roots: device.NewRoots(r.Target.Roots),
		Addresses: r.Target.Addresses, Sink: r.Sink,
	}
	out := Outcome{Started: network.Start(), Voice: new(Lateness)}
	site.Voice = out.Voice.Add
	if r.Progress != nil {
		site.Change = r.Progress.take
	}
	site.Trace = r.Trace
	turn, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup

	devices, short := r.start(site, wake, clips)
	out.Short = short
	wg.Go(func() { network.Live(turn) })
	out.Cut = r.await(ctx, network, devices)
	site.Wait()
	stop()
	wg.Wait()
	network.Close()
	out.Duration = network.Now()
	return out, nil
}

// start puts every device on the queue. It also counts those whose link is
// shorter than the real path.
func (r *Run) start(site *device.Site, wake [][]byte, clips [][][]byte) (all []*device.Live, short int) {
	s := r.Scenario
	total := s.Devices()
	for i := range s.Fleets {
		f := &s.Fleets[i]
		share := scenarios.Range{To: f.Count}
		if r.Share != nil {
			share = r.Share[i]
		}
		at := starts(s.Arrival, s.Seed, *f, total)
		classes := append([]netem.Class{{Profile: f.Link}}, f.Schedule...)
		var cell *netem.Cell
		for d := share.From; d < share.To; d++ {
			cfg := r.config(f, d, at[d], wake, clips)
			if cell == nil || d%s.Cell.Size == 0 {
				cell = netem.NewCell(device.Key(s.Seed, f.Name, cfg.Identity.Cell).Text("cell"))
			}
			path := cell.Path(classes, cfg.Key.Text("path"), r.Behind)
			if path.Excess() > time.Millisecond {
				short++
			}
			if r.Watch != nil {
				path.Watch = r.Watch(cfg)
			}
			all = append(all, site.Start(cfg, path))
		}
	}
	r.Progress.start(len(all))
	return all, short
}

// config is what device i of a fleet is and will do.
func (r *Run) config(f *scenarios.Fleet, i int, at time.Duration, wake [][]byte, clips [][][]byte) *device.Config {
	s := r.Scenario
	key := device.Key(s.Seed, f.Name, i)
	first := int(uint64(key.Text("clip")) % uint64(len(clips)))
	return &device.Config{
		Profile: &f.Device,
		Identity: results.Identity{
			Run: r.ID, Fleet: f.Name, Cell: i / s.Cell.Size, Device: i,
			DeviceID: mac(key), Profile: f.DeviceName, Link: f.LinkName,
		},
		Key: key, ClientID: uuid(key), Start: at,
		OTA: r.Target.OTA, URL: r.Target.URL, Hosts: r.Target.Hosts,
		Turns: s.Usage.Turns, Think: s.Usage.Think,
		Wake: wake, Clips: append(clips[first:len(clips):len(clips)], clips[:first]...),
	}
}

// await waits for the devices and cuts those that are left at the end. It
// reports whether there were any.
func (r *Run) await(ctx context.Context, network *netem.Network, devices []*device.Live) bool {
	over, cancel := context.WithDeadlineCause(ctx, network.Start().Add(r.Scenario.Length), errOver)
	defer cancel()
	for i, d := range devices {
		select {
		case <-d.Done():
		case <-over.Done():
			at := network.Now()
			if errors.Is(context.Cause(over), errOver) {
				at = r.Scenario.Length
			}
			for _, left := range devices[i:] {
				left.Cut(at)
			}
			return true
		}
	}
	return false
}

var errOver = errors.New("the scenario's length has passed")
