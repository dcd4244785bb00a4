package results

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// tilingMs is how far the sum of the phases may be from connect_ms: they
// tile the opening, so only rounding is allowed for.
const tilingMs = 0.1

// check says what is wrong with the identity that attempts and sessions share.
func (id *Identity) check() error {
	switch {
	case id.Schema != Schema:
		return fmt.Errorf("schema %d, this program reads %d", id.Schema, Schema)
	case id.Kind != KindOTA && id.Kind != KindChannel:
		return fmt.Errorf("unknown kind %q", id.Kind)
	case id.Cell < 0 || id.Device < 0 || id.Episode < 0:
		return fmt.Errorf("negative cell, device or episode")
	case id.Try < 1:
		return fmt.Errorf("try %d: tries count from 1", id.Try)
	}
	return nil
}

// Check says what makes the attempt impossible, or nil: its phases must be
// those of its kind, end where it failed, and tile the time that it took.
func (a *Attempt) Check() error {
	if err := a.check(); err != nil {
		return err
	}
	if !finite(a.StartMs, a.ConnectMs, a.LateMs, a.LimitMs) || a.ConnectMs < 0 || a.LimitMs < 0 {
		return errors.New("a time is negative or not a number")
	}
	last, err := a.checkPhases()
	if err != nil {
		return err
	}
	return a.checkOutcome(last)
}

// checkPhases returns the last phase entered.
func (a *Attempt) checkPhases() (Phase, error) {
	order := PhasesOf(a.Kind)
	for p := range a.PhaseMs {
		if !p.Known() {
			return "", fmt.Errorf("unknown phase %q", p)
		}
		if !slices.Contains(order, p) {
			return "", fmt.Errorf("phase %s in an attempt of kind %s", p, a.Kind)
		}
	}
	var sum float64
	var last Phase
	for _, p := range order { // in order: the sum must not depend on the map's
		ms, entered := a.PhaseMs[p]
		if !entered {
			continue
		}
		if !finite(ms) || ms < 0 {
			return "", fmt.Errorf("phase %s lasts %v ms", p, ms)
		}
		sum += ms
		last = p
	}
	if d := math.Abs(sum - a.ConnectMs); !(d <= tilingMs) {
		return "", fmt.Errorf("phases sum to %.3f ms, connect_ms is %.3f", sum, a.ConnectMs)
	}
	return last, nil
}

func (a *Attempt) checkOutcome(last Phase) error {
	switch a.Outcome {
	case Failed:
		switch {
		case !a.FailedPhase.Known():
			return fmt.Errorf("unknown failed phase %q", a.FailedPhase)
		case a.FailedPhase != last:
			return fmt.Errorf("failed in phase %s, the last one entered is %q", a.FailedPhase, last)
		case !a.Cause.Known():
			return fmt.Errorf("unknown cause %q", a.Cause)
		}
		return nil
	case OK, Cut:
		if a.FailedPhase != "" || a.Cause != "" {
			return fmt.Errorf("outcome %s with failed phase %q and cause %q", a.Outcome, a.FailedPhase, a.Cause)
		}
		order := PhasesOf(a.Kind)
		if end := order[len(order)-1]; a.Outcome == OK && last != end {
			return fmt.Errorf("outcome ok, but the last phase is %q and not %s", last, end)
		}
		return nil
	}
	return fmt.Errorf("unknown outcome %q", a.Outcome)
}

// Check says what makes the session impossible, or nil.
func (s *Session) Check() error {
	if err := s.check(); err != nil {
		return err
	}
	switch {
	case s.Kind != KindChannel:
		return fmt.Errorf("a session of kind %s", s.Kind)
	case !slices.Contains([]ClosedBy{ByDevice, ByServer, ByNetwork, ByRunEnd}, s.ClosedBy):
		return fmt.Errorf("closed by unknown %q", s.ClosedBy)
	case s.Cause != "" && !s.Cause.Known():
		return fmt.Errorf("unknown cause %q", s.Cause)
	case !finite(s.StartMs, s.HeldMs) || s.HeldMs < 0:
		return errors.New("a time is negative or not a number")
	}
	if s.Talk == nil {
		return nil
	}
	return s.Talk.check()
}

func (t *Talk) check() error {
	if min(t.Turns, t.FramesUp, t.FramesDown, t.LateFrames, t.DroppedFrames) < 0 {
		return errors.New("talk: a negative count")
	}
	if t.LateFrames > t.FramesDown {
		return fmt.Errorf("talk: %d late frames of %d", t.LateFrames, t.FramesDown)
	}
	for _, ms := range t.FirstAudioMs {
		if !finite(ms) || ms < 0 {
			return fmt.Errorf("talk: first audio after %v ms", ms)
		}
	}
	return nil
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
