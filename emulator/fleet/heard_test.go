//go:build cgo

package fleet_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hraban/opus"

	"xzfleet/emulator/device"
	"xzfleet/emulator/fleet"
	"xzfleet/netem"
	"xzfleet/results"
)

// child builds the bundled server and starts it as a process of its own.
func child(t *testing.T, log *safeBuffer) *fleet.Server {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "xzfleet")
	if out, err := exec.Command("go", "build", "-o", bin, "xzfleet/emulator").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, err := fleet.StartServer(t.Context(), bin, []string{"serve", "-tethered", "-listen", "127.0.0.1:0"}, log)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// decode is a separate decode of packets, from a fresh decoder.
func decode(t *testing.T, packets [][]byte) (samples int, hash string) {
	t.Helper()
	d, err := opus.NewDecoder(16000, 1)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, p := range packets {
		pcm := make([]int16, 5760)
		n, err := d.Decode(p, pcm)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range pcm[:n] {
			sum.Write([]byte{byte(s), byte(uint16(s) >> 8)})
		}
		samples += n
	}
	return samples, hex.EncodeToString(sum.Sum(nil))
}

// heard is what the server's recogniser got from a device.
type heard struct {
	samples, packets int
	hash             string
}

var utterance = regexp.MustCompile(`msg=utterance device=(\S+) .*?samples=(\d+) .*?pcm_sha256=(\w+) packets=(\d+)`)

func utterances(log string) map[string]heard {
	all := map[string]heard{}
	for _, m := range utterance.FindAllStringSubmatch(log, -1) {
		samples, _ := strconv.Atoi(m[2])
		packets, _ := strconv.Atoi(m[4])
		all[m[1]] = heard{samples, packets, m[3]}
	}
	return all
}

// speakAll lets one device speak each clip to a child server, over a link
// that loses packets, and returns what the server's recogniser got.
func speakAll(t *testing.T, clips [][][]byte) map[string]heard {
	var log safeBuffer
	server := child(t, &log)
	profile, err := device.ProfileNamed("ml307-3.6")
	if err != nil {
		t.Fatal(err)
	}
	wake, _, err := device.Speech()
	if err != nil {
		t.Fatal(err)
	}
	network := netem.NewNetwork()
	site := &device.Site{
		Network: network, Server: netem.StackLinux(), Roots: device.NewRoots(server.Roots),
		Addresses: map[string]string{"voice.test": server.Addr}, Sink: &memory{},
	}
	lossy := netem.Profile{RTTFloor: netem.RTTFloor{Min: 40}, GE: netem.GE{LossBad: 0.02, LossGood: 0.02}}
	var devices []*device.Live
	for i, clip := range clips {
		key := device.Key(1, "heard", i)
		devices = append(devices, site.Start(&device.Config{
			Profile: &profile, Key: key, Turns: 1, Wake: wake, Clips: [][][]byte{clip},
			Identity: results.Identity{DeviceID: "device-" + strconv.Itoa(i), Device: i},
			URL:      "wss://voice.test:443/xiaozhi/v1/",
		}, netem.NewPath(lossy, key)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { network.Live(ctx) })
	for _, d := range devices {
		<-d.Done()
	}
	site.Wait()
	cancel()
	wg.Wait()
	network.Close()
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	return utterances(log.b.String())
}

// What the child server's recogniser gets is, sample by sample, what a
// separate decode of the committed clip gives: none missing, none doubled.
func TestRecogniserHearsTheClip(t *testing.T) {
	_, clips, err := device.Speech()
	if err != nil {
		t.Fatal(err)
	}
	if len(clips) != 8 {
		t.Fatalf("%d clips", len(clips))
	}
	// One more device says the first clip without its tenth packet.
	got := speakAll(t, append(slices.Clone(clips), slices.Delete(slices.Clone(clips[0]), 9, 10)))
	for i, clip := range append(clips, clips[0]) {
		h, ok := got["device-"+strconv.Itoa(i)]
		if !ok {
			t.Errorf("clip %d was not heard", i)
			continue
		}
		// Behind the clip come packets of silence until the server answers.
		said := slices.Clone(clip)
		for len(said) < h.packets {
			said = append(said, []byte{0x58})
		}
		samples, hash := decode(t, said)
		same := h.samples == samples && h.hash == hash
		if dropped := i == len(clips); same == dropped {
			t.Errorf("clip %d: heard %d samples %s in %d packets, decoded %d %s; same %v", i, h.samples, h.hash, h.packets, samples, hash, same)
		}
	}
}
