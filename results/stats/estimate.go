package stats

import (
	"encoding/json"
	"math"
)

// Estimate is a number with its two-sided 95 % interval, or the reason why
// there is none. Low or High is nil where that end of the interval does not
// exist: the records do not bound the number on that side.
type Estimate struct {
	Value  *float64
	Low    *float64
	High   *float64
	Reason string // why Value is nil
}

type estimateJSON struct {
	Value *float64 `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

type absentJSON struct {
	Value  *float64 `json:"value"`
	Reason string   `json:"reason"`
}

// MarshalJSON writes {value, low, high}, or {value: null, reason}.
func (e Estimate) MarshalJSON() ([]byte, error) {
	if e.Value == nil {
		return json.Marshal(absentJSON{Reason: e.Reason})
	}
	return json.Marshal(estimateJSON{e.Value, e.Low, e.High})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Estimate) UnmarshalJSON(text []byte) error {
	var both struct {
		estimateJSON
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(text, &both); err != nil {
		return err
	}
	*e = Estimate{both.Value, both.Low, both.High, both.Reason}
	return nil
}

func absent(reason string) Estimate { return Estimate{Reason: reason} }

// rounded returns the estimate with its numbers as multiples of step; that
// order of additions does not show in a file.
func (e Estimate) rounded(step float64) Estimate {
	for _, p := range []**float64{&e.Value, &e.Low, &e.High} {
		if *p != nil {
			r := roundTo(**p, step)
			*p = &r
		}
	}
	return e
}

// roundTo divides by an integer, so that 0.1 prints as 0.1.
func roundTo(x, step float64) float64 { return math.Round(x/step) / math.Round(1/step) }

const (
	stepMs   = 1e-3 // written resolution of times, ms
	stepRate = 1e-6 // written resolution of shares
)
