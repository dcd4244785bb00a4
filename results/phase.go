package results

import "slices"

// Phase is a stretch of an opening. Each begins where the previous ended.
type Phase string

const (
	PhaseRadio   Phase = "radio" // until the first packet may leave: AT commands, attach, promotion
	PhaseDNS     Phase = "dns"
	PhaseTCP     Phase = "tcp"
	PhaseTLS     Phase = "tls"
	PhaseOTA     Phase = "ota"     // kind ota: request and answer
	PhaseUpgrade Phase = "upgrade" // kind channel: WebSocket request until the end of the header block
	PhaseHello   Phase = "hello"   // kind channel: hello until the server's hello
)

var phaseOrder = []Phase{PhaseRadio, PhaseDNS, PhaseTCP, PhaseTLS, PhaseOTA, PhaseUpgrade, PhaseHello}

// Phases lists every phase in the order of an opening.
func Phases() []Phase { return slices.Clone(phaseOrder) }

// PhasesOf lists the phases of one kind, in order.
func PhasesOf(k Kind) []Phase {
	if k == KindOTA {
		return slices.Clone(phaseOrder[:5])
	}
	return append(slices.Clone(phaseOrder[:4]), PhaseUpgrade, PhaseHello)
}

// Known reports whether p is one of Phases.
func (p Phase) Known() bool { return slices.Contains(phaseOrder, p) }
