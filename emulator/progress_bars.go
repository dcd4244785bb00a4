package main

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars is a reading drawn on a terminal: what has a limit as a bar, what has
// none as a number.
type bars struct {
	container *mpb.Progress
	latest    atomic.Pointer[reading]
	all       []*mpb.Bar
	values    []func(reading) int
}

func newBars(out *os.File, m *meter) *bars {
	b := &bars{container: mpb.New(mpb.WithConsoleWriter(&repainted{out: out}), mpb.WithAutoRefresh(), mpb.WithRefreshRate(drawEvery))}
	first := m.read(m.started)
	b.latest.Store(&first)
	limited := mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]")
	for _, row := range []struct {
		name  string
		style mpb.BarFillerBuilder
		value func(reading) int
		tail  func(reading) string
	}{
		{"arrived", limited, func(r reading) int { return r.Arrived }, func(r reading) string {
			return fmt.Sprintf("%d/%d  %.0f/s", r.Arrived, r.devices, r.rate)
		}},
		{"connected", limited, func(r reading) int { return r.Connected }, func(r reading) string {
			return fmt.Sprintf("%d/%d", r.Connected, r.devices)
		}},
		{"finished", limited, func(r reading) int { return r.Finished }, func(r reading) string {
			return fmt.Sprintf("%d/%d  at most %s left", r.Finished, r.devices, clock(r.left))
		}},
		{"talking now", mpb.NopStyle(), func(r reading) int { return r.Talking }, nil},
		{"failed", mpb.NopStyle(), func(r reading) int { return r.Failed }, nil},
	} {
		if row.tail == nil {
			row.tail = func(r reading) string { return fmt.Sprint(row.value(r)) }
		}
		text := decor.Any(func(decor.Statistics) string { return " " + row.tail(*b.latest.Load()) }, decor.WC{W: 30, C: decor.DindentRight})
		bar := b.container.New(0, row.style, mpb.BarFillerTrim(),
			mpb.PrependDecorators(decor.Name(row.name, decor.WC{W: 12, C: decor.DindentRight})), mpb.AppendDecorators(text))
		bar.SetTotal(int64(m.devices), false) // a bar made without a total never ends by itself
		b.all, b.values = append(b.all, bar), append(b.values, row.value)
	}
	return b
}

func (b *bars) draw(r reading) {
	b.latest.Store(&r)
	for i, bar := range b.all {
		bar.SetCurrent(int64(b.values[i](r)))
	}
}

// clear takes the bars off the terminal.
func (b *bars) clear() {
	for _, bar := range b.all {
		bar.Abort(true)
	}
	b.container.Wait()
}
