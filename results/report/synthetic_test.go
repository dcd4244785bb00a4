package report

import (
	"fmt"
	"math/rand/v2"
	"time"

	"xzfleet/results"
	"xzfleet/results/stats"
)

// link is a made-up path: round trip in ms, and how often an opening fails.
type link struct {
	name         string
	rtt, failure float64
}

// madeUpRun makes records of two profiles on three links each, with an OTA
// request, failures, retries, cuts, drops and conversations.
func madeUpRun(devicesPerGroup int) results.Run {
	rng := rand.New(rand.NewPCG(42, 43))
	links := []link{{"cat1-good", 60, 0.002}, {"cat1-typical", 110, 0.01}, {"cat1-cell-edge", 260, 0.08}}
	var run results.Run
	for p, profile := range []string{"ml307-3.6", "wifi-s3"} {
		for l, at := range links {
			for d := range devicesPerGroup {
				id := results.Identity{
					Schema: results.Schema, Run: "made-up", Fleet: fmt.Sprintf("f%d", p*len(links)+l), Cell: d / 50, Device: d,
					DeviceID: fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", p, l, d>>8, d&255),
					Profile:  profile, Link: at.name, Kind: results.KindChannel, Try: 1,
				}
				openDevice(rng, &run, id, at, p == 0)
			}
		}
	}
	return run
}

// openDevice makes one boot: OTA, channel, one retry where that failed, talk.
func openDevice(rng *rand.Rand, run *results.Run, id results.Identity, at link, modem bool) {
	start := 60_000 * rng.Float64()
	ota := openOnce(rng, id, at, results.KindOTA, start, modem)
	run.Attempts = append(run.Attempts, ota)
	if ota.Outcome != results.OK {
		return
	}
	start += ota.ConnectMs
	for try := 1; try <= 2; try++ {
		id.Try = try
		a := openOnce(rng, id, at, results.KindChannel, start, modem)
		run.Attempts = append(run.Attempts, a)
		if a.Outcome == results.Cut {
			return
		}
		if a.Outcome == results.OK {
			run.Sessions = append(run.Sessions, talk(rng, a, at))
			return
		}
		start += a.ConnectMs + 2000
	}
}

func openOnce(rng *rand.Rand, id results.Identity, at link, kind results.Kind, start float64, modem bool) results.Attempt {
	id.Kind = kind
	a := results.Attempt{
		Identity: id, StartMs: start, Outcome: results.OK, PhaseMs: map[results.Phase]float64{},
		LateMs: 0.3 + 0.3*rng.ExpFloat64(),
	}
	rtts := map[results.Phase]float64{
		results.PhaseDNS: 1, results.PhaseTCP: 1, results.PhaseTLS: 2, results.PhaseOTA: 1.2,
		results.PhaseUpgrade: 1, results.PhaseHello: 1.1,
	}
	causes := map[results.Phase]results.Cause{
		results.PhaseDNS: results.CauseDNSFailed, results.PhaseTCP: results.CauseTimeout, results.PhaseTLS: results.CauseTimeout,
		results.PhaseUpgrade: results.CauseHTTPStatus, results.PhaseHello: results.CauseEOF,
	}
	for _, p := range results.PhasesOf(kind) {
		took := rtts[p] * at.rtt * (0.9 + 0.25*rng.ExpFloat64())
		if p == results.PhaseRadio && modem {
			took = 30 + 300*rng.ExpFloat64()*rng.Float64()
		}
		if p == results.PhaseTLS && !modem {
			took += 190
		}
		if rng.Float64() < at.failure/3 {
			took += 1500 // a lost packet
		}
		cause, canFail := causes[p]
		if canFail && rng.Float64() < at.failure/4 {
			a.Outcome, a.FailedPhase, a.Cause = results.Failed, p, cause
			if cause == results.CauseTimeout {
				took, a.LimitMs = 10_000, 10_000
			}
		}
		if left := 66_000 - start - a.ConnectMs; took > left {
			a.Outcome, a.FailedPhase, a.Cause, took = results.Cut, "", "", max(left, 0)
		}
		a.PhaseMs[p] = took
		a.ConnectMs += took
		if a.Outcome != results.OK {
			break
		}
	}
	return a
}

func talk(rng *rand.Rand, a results.Attempt, at link) results.Session {
	s := results.Session{
		Identity: a.Identity, StartMs: a.StartMs + a.ConnectMs, HeldMs: 7000 + 2000*rng.Float64(), ClosedBy: results.ByDevice,
		Talk: &results.Talk{Turns: 1, FirstAudioMs: []float64{420 + at.rtt*(1+rng.ExpFloat64())}, FramesUp: 70, FramesDown: 60},
	}
	switch roll := rng.Float64(); {
	case roll < 0.004:
		s.ClosedBy, s.Cause = results.ByNetwork, results.CauseReset
		s.Talk.FirstAudioMs = nil
	case roll < at.failure:
		s.Talk.LateFrames = 1 + rng.IntN(9)
	}
	return s
}

// madeUpSummary is a whole summary over madeUpRun.
func madeUpSummary(run results.Run, trusted bool) stats.Summary {
	s := stats.Summarize(run)
	s.Scenario, s.Seed, s.DurationS = "evening-peak", 7, 66
	s.Started = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	voice := 3.4
	if !trusted {
		voice = 41.5
	}
	h := stats.Judge(run, stats.Health{VoiceLatenessP99Ms: &voice, CPUSeconds: 38.4, RunQueueWaitS: 1.27, RSSBytes: 612e6})
	s.Emulator = &h
	s.Server = &stats.ServerHealth{CPUSeconds: 51.9, RunQueueWaitS: 2.1, RSSBytes: 431e6}
	for _, text := range []string{"connect p95 < 3s", "failures < 1%", "failures < 3%"} {
		e, err := stats.ParseExpectation(text)
		if err != nil {
			panic(err)
		}
		s.Expectations = append(s.Expectations, e.Judge(run))
	}
	return s
}
