package scenarios

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRunFileLoadsBack: what Encode writes is the same scenario again, for the
// bundled ones and for any settings laid over them.
func TestRunFileLoadsBack(t *testing.T) {
	for _, name := range Names() {
		loadsBack(t, mustLoad(t, name))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		name := Names()[rng.IntN(len(Names()))]
		sets := randomSets(rng)
		if slices.ContainsFunc(sets, func(s string) bool { return strings.Contains(s, "'mine'") }) {
			sets = append(sets, "profile.mine={ jitter_sd = 5 }")
		}
		s, err := Load(name, sets)
		if err != nil {
			t.Fatalf("%s with %q: %v", name, sets, err)
		}
		loadsBack(t, s)
	}
}

func randomSets(rng *rand.Rand) []string {
	d := func() time.Duration { return time.Duration(1+rng.Int64N(int64(time.Hour))).Round(time.Millisecond) + 1 }
	possible := []string{
		fmt.Sprintf("seed=%d", rng.Int64()),
		fmt.Sprintf("length=%v", d()),
		"note='''it\"s \\ \U0001F600'''",
		"undecided=pass",
		`expect=["failures < 1%"]`,
		"arrival={ pattern = 'storm' }",
		fmt.Sprintf("arrival={ pattern = 'poisson', rate = %v }", 1+rng.Float64()),
		fmt.Sprintf("arrival={ rate = %v }", 1+rng.Float64()),
		fmt.Sprintf("usage.think=%v", d()),
		"target.url=wss://voice.example:8443/x?a=b%20c",
		fmt.Sprintf("cell.size=%d", 1+rng.IntN(100)),
		"fleet.tls.ciphers=[]",
		"fleet.tls.min_version=1.2",
		"fleet.tls.verify=ca",
		fmt.Sprintf("fleet.timeouts.hello=%v", d()),
		fmt.Sprintf("fleet.retry.max=%v", d()),
		fmt.Sprintf("fleet.retry.jitter=%v", rng.Float64()),
		fmt.Sprintf("fleet.path.jitter_sd=%v", rng.ExpFloat64()),
		fmt.Sprintf("fleet.path.ge={ p = %v, r = 0.5, loss_bad = 1, step_ms = 20 }", rng.Float64()/2),
		"fleet.path={}",
		"fleet.path.middlebox={ block_ports = [80, 443], clear_upgrade = 'strip' }",
		fmt.Sprintf("fleet.path.nat.tcp_idle_s=%v", rng.ExpFloat64()),
		fmt.Sprintf("fleet.radio.rrc={ inactivity_s = 3, promotion.sigma = %v }", rng.Float64()),
		fmt.Sprintf("fleet.radio.stall={ per_min = %v, median = 700 }", rng.Float64()),
		fmt.Sprintf("fleet.path.schedule=[{ at = '%v', link = 'mine' }, { at = '2h', link = 'testdata/links/replay.toml' }]", d()),
		"profile.mine={ jitter_sd = 3, attach = { median_s = 4 } }",
		"fleet.link=testdata/links/kitchen.toml",
		"fleet.link=cat1-cell-edge",
		fmt.Sprintf("fleet.count=%d", 1+rng.IntN(1000)),
		"server.tls={ chain = 'p256', names = ['a.example'], max_version = '1.2' }",
		"server.voice.prebuffer=0",
		fmt.Sprintf("server.limits.idle=%v", d()),
	}
	rng.Shuffle(len(possible), func(i, j int) { possible[i], possible[j] = possible[j], possible[i] })
	return possible[:rng.IntN(len(possible))]
}

// loadsBack fails unless the encoded scenario loads as the same one.
func loadsBack(t *testing.T, s *Scenario) {
	t.Helper()
	text, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := parse("nowhere/run.toml", string(text), nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if want := s.Redacted(); !reflect.DeepEqual(again, want) {
		t.Fatalf("got  %+v\nwant %+v\nfrom\n%s", again, want, text)
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	const secret = "s3cr3t"
	s := mustLoad(t, "smoke", "target.url=wss://voice.example/x?access_token="+secret+"&room=5")
	if !strings.Contains(s.Target.URL, secret) {
		t.Fatal("the scenario itself lost its token")
	}
	text, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) || !strings.Contains(string(text), "room=5") {
		t.Errorf("got\n%s", text)
	}
	loadsBack(t, s)
}

// FuzzLoad: no text makes the loader panic, and what it accepts survives
// run.toml.
func FuzzLoad(f *testing.F) {
	addFiles(f)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse("fuzz.toml", text, []string{"fleet.count=2", "usage.turns=x"})
		if err == nil {
			t.Fatalf("a wrong -set was accepted: %+v", s)
		}
		if s, err := parse("fuzz.toml", text, nil); err == nil {
			loadsBack(t, s)
		}
	})
}
