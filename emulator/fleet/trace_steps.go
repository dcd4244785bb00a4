package fleet

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"xzfleet/emulator/device"
	"xzfleet/results"
	"xzfleet/server/protocol"
)

// Step takes a step of the device; for Run.Trace.
func (t *Tracer) Step(cfg *device.Config, now time.Duration, ev device.Event, acts []device.Action) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known {
		t.known = true
		id := cfg.Identity
		t.describe("process_labels", 0, map[string]any{"labels": id.Profile + "," + id.Link + "," + id.DeviceID})
	}
	if ev.Kind == device.Cut {
		t.instant(sessionTrack, now, event{name: "cut: the run ends", colour: grey})
	} else if ev.Gen == t.gen {
		t.incoming(now, ev)
	}
	for i := range acts {
		t.action(&acts[i])
	}
}

// incoming is what came over the present connection.
func (t *Tracer) incoming(now time.Duration, ev device.Event) {
	e := event{args: map[string]any{}}
	switch ev.Kind {
	case device.TextIn:
		e.name = textName(ev.Data)
	case device.AudioIn:
		e.name = "audio"
	case device.PingIn:
		e.name = "ping"
	case device.CloseIn:
		e.name, e.colour = fmt.Sprintf("close %d", ev.Code), red
	case device.Answered:
		e.name = fmt.Sprintf("HTTP %d", ev.Code)
	case device.Upgraded:
		e.name = "HTTP 101"
	case device.Ended:
		e.name = "connection lost"
	case device.Sent:
		if ev.Cause == "" {
			return
		}
		e.name = "not sent"
	default:
		return // phases tell of it
	}
	if ev.Wire > 0 {
		e.args["bytes"] = ev.Wire
	}
	if ev.Cause != "" {
		e.name, e.colour = e.name+": "+string(ev.Cause), red
		if ev.Kind == device.Upgraded {
			e.name = "no upgrade: " + string(ev.Cause)
		}
	}
	t.instant(messagesDown, now, e)
}

func (t *Tracer) action(a *device.Action) {
	t.gen = a.Gen
	switch a.Kind {
	case device.Send:
		t.instant(messagesUp, a.At, outgoing(a))
	case device.Close:
		t.gen++
		t.instant(messagesUp, a.At, event{name: "closes the connection", colour: grey})
	case device.RecordTry:
		t.attempt(a.Attempt)
	case device.RecordEnd:
		t.session(a.Session)
	}
}

func outgoing(a *device.Action) event {
	e := event{args: map[string]any{"bytes": len(a.Data)}}
	switch a.Message {
	case device.Request:
		e.name = requestName(a.Data)
	case device.Text:
		e.name = textName(a.Data)
	case device.Audio:
		e.name = "audio"
	case device.Pong:
		e.name = "pong"
	}
	if n := len(a.Pieces); n > 1 {
		e.args["pieces"] = n
	}
	return e
}

// attempt shows an opening and, within it, its phases.
func (t *Tracer) attempt(a *results.Attempt) {
	start, end := millis(a.StartMs), millis(a.StartMs)+millis(a.ConnectMs)
	args := map[string]any{"outcome": a.Outcome, "episode": a.Episode, "try": a.Try}
	addText(args, "session_id", a.SessionID)
	if a.TLS != nil {
		args["tls"] = a.TLS
	}
	e := event{name: fmt.Sprintf("%s, try %d: %s", a.Kind, a.Try, a.Outcome), colour: green, args: args}
	switch a.Outcome {
	case results.Failed:
		e.name, e.colour = fmt.Sprintf("%s, try %d: %s in %s", a.Kind, a.Try, a.Cause, a.FailedPhase), red
		addCause(args, a.Cause, a.Detail)
		if a.LimitMs > 0 {
			args["limit_ms"] = a.LimitMs
		}
	case results.Cut:
		e.colour = grey
	}
	t.nested(phaseTrack, start, end, e)
	for _, p := range results.PhasesOf(a.Kind) {
		ms, entered := a.PhaseMs[p]
		if !entered {
			continue
		}
		phase := event{name: string(p)}
		if p == a.FailedPhase {
			phase.colour = red
		}
		t.nested(phaseTrack, start, start+millis(ms), phase)
		start += millis(ms)
	}
}

func (t *Tracer) session(s *results.Session) {
	args := map[string]any{"closed_by": s.ClosedBy}
	addText(args, "session_id", s.SessionID)
	addCause(args, s.Cause, s.Detail)
	if s.Talk != nil {
		args["talk"] = s.Talk
	}
	e := event{name: "session, closed by " + string(s.ClosedBy), args: args}
	if s.ClosedBy.Drop() {
		e.colour = red
	}
	start := millis(s.StartMs)
	t.nested(sessionTrack, start, start+millis(s.HeldMs), e)
}

func addText(args map[string]any, key, text string) {
	if text != "" {
		args[key] = text
	}
}

func addCause(args map[string]any, cause results.Cause, d *results.Detail) {
	addText(args, "cause", string(cause))
	if d != nil {
		args["detail"] = d
	}
}

// millis is a time of a record, which was a whole number of nanoseconds.
func millis(ms float64) time.Duration {
	return time.Duration(math.Round(ms * float64(time.Millisecond)))
}

// requestName is the method and the path of an HTTP request. The query and
// the headers may hold a token.
func requestName(request []byte) string {
	line, _, _ := bytes.Cut(request, []byte("\r\n"))
	method, target, _ := strings.Cut(string(line), " ")
	target, _, _ = strings.Cut(target, " ")
	path, _, _ := strings.Cut(target, "?")
	return method + " " + path
}

// textName is what a message says of itself. The rest of it may hold a token:
// a server's mcp initialize brings one (78/xiaozhi-esp32 main/mcp_server.cc,
// capabilities.vision.token).
func textName(data []byte) string {
	m, err := protocol.ParseMessage(data)
	if err != nil {
		return "text"
	}
	name := short(m.Type)
	if m.State != "" {
		name += " " + short(m.State)
	}
	if m.Text != "" {
		name += ": " + short(m.Text)
	}
	return name
}

// short is the beginning of a text.
func short(text string) string {
	const most = 24 // characters
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
