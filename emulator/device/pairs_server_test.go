package device

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"xzfleet/results"
)

// pairBed is what both arms of a comparison share: the server, a process of
// its own, and what is said to it.
type pairBed struct {
	addr    string // host:port on loopback
	roots   *Roots
	clips   [][][]byte
	records *results.Writer // of all emulated devices
}

// buildPairServer makes the bundled server.
func buildPairServer(tb testing.TB) (binary string) {
	tb.Helper()
	binary = filepath.Join(tb.TempDir(), "server")
	if out, err := exec.CommandContext(tb.Context(), "go", "build", "-o", binary, "xzfleet/server").CombinedOutput(); err != nil {
		tb.Fatalf("build the server: %v\n%s", err, out)
	}
	return binary
}

// startPairServer starts it from the calling thread, whose CPUs it inherits.
// It ends with the test.
func startPairServer(tb testing.TB, binary string) *pairBed {
	tb.Helper()
	cmd := exec.Command(binary, "-listen", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	var ready struct{ Addr, Root string }
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		tb.Fatalf("the server is not ready: %v", err)
	}
	block, _ := pem.Decode([]byte(ready.Root))
	if block == nil {
		tb.Fatalf("the server named no root: %q", line)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	_, clips, err := Speech()
	if err != nil {
		tb.Fatal(err)
	}
	records, err := results.Create(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := records.Close(); err != nil {
			tb.Error(err)
		}
	})
	return &pairBed{addr: ready.Addr, roots: NewRoots([]*x509.Certificate{root}), clips: clips, records: records}
}

// pairHost is how the devices know the server: a name, which the arms look up
// in their own way.
const pairHost = "voice.test"

// speechOf is what device i says, turn by turn: the first clip is cut at the
// front, another length for each device, so that at any time some speak and
// some listen.
func (b *pairBed) speechOf(i int) [][][]byte {
	k := i % len(b.clips)
	clips := append(b.clips[k:len(b.clips):len(b.clips)], b.clips[:k]...)
	first := clips[0]
	out := append([][][]byte(nil), clips...)
	out[0] = first[i*7%len(first):]
	return out
}

func pairDeviceID(i int) string { return fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8&0xff, i&0xff) }

const pairClientID = "4b9d1f2e-0000-4000-8000-000000000000"

// pairProfile is a device that computes in no time and has no UART: what is
// compared is the client, not the model.
func pairProfile() Profile {
	p := wifiS3()
	p.CPU = CPU{}
	return p
}
