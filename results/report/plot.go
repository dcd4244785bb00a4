package report

import (
	"fmt"
	"math"
	"strings"

	"xzfleet/results/stats"
)

// plotSteps bounds the points of one curve: a step is drawn when it is so far
// from the last one drawn, in parts of either axis. A curve that rises to the
// right has at most twice as many.
const plotSteps = 150

// plotUnits is the width and height of the drawing; the page stretches it.
const plotUnits = 1000.0

// plot is the share connected over time, on a logarithmic axis of time.
type plot struct {
	FromMs, ToMs float64
	Ticks        []tick
	Curves       []curve
}

// tick is a labelled place on the axis of time, in percent from the left.
type tick struct {
	At    float64
	Label string
	Minor bool // left out on narrow screens
}

// curve is one group's line.
type curve struct {
	Profile, Link string
	Colour, Dash  int    // style numbers: by link, by profile
	Path          string // SVG
}

// newPlot is nil where nothing ever connected.
func newPlot(curves []stats.Curve) *plot {
	p := &plot{FromMs: math.Inf(1)}
	for _, c := range curves {
		for _, at := range c.Points {
			p.FromMs = min(p.FromMs, max(at.Ms, 1))
			p.ToMs = max(p.ToMs, at.Ms)
		}
	}
	if p.ToMs == 0 {
		return nil
	}
	p.FromMs /= 1.1
	p.ToMs = max(p.ToMs*1.1, p.FromMs*2)
	p.Ticks = p.ticks()
	links, profiles := names{}, names{}
	for _, c := range curves {
		p.Curves = append(p.Curves, curve{
			Profile: c.Profile, Link: c.Link,
			Colour: links.number(c.Link) % 8, Dash: profiles.number(c.Profile) % 4,
			Path: p.path(c.Points),
		})
	}
	return p
}

// names numbers names in the order in which they are asked for.
type names map[string]int

func (n names) number(name string) int {
	i, known := n[name]
	if !known {
		i = len(n)
		n[name] = i
	}
	return i
}

// x is where a time lies, 0 … plotUnits.
func (p *plot) x(ms float64) float64 {
	at := math.Log(max(ms, p.FromMs)/p.FromMs) / math.Log(p.ToMs/p.FromMs)
	return plotUnits * min(at, 1)
}

// path draws the steps of a curve, thinned.
func (p *plot) path(points []stats.Point) string {
	var d strings.Builder
	lastX, lastY := 0.0, plotUnits
	for i, at := range points {
		x, y := p.x(at.Ms), plotUnits*(1-at.Share)
		far := x-lastX >= plotUnits/plotSteps || lastY-y >= plotUnits/plotSteps
		switch {
		case i == 0:
			fmt.Fprintf(&d, "M%.1f %gV%.1f", x, plotUnits, y)
		case far || i == len(points)-1:
			fmt.Fprintf(&d, "H%.1fV%.1f", x, y)
		default:
			continue
		}
		lastX, lastY = x, y
	}
	if len(points) > 0 {
		fmt.Fprintf(&d, "H%g", plotUnits)
	}
	return d.String()
}

// ticks are 1, 2 and 5 times the powers of ten.
func (p *plot) ticks() []tick {
	var ticks []tick
	for decade := math.Pow(10, math.Floor(math.Log10(p.FromMs))); decade <= p.ToMs; decade *= 10 {
		for _, m := range []float64{1, 2, 5} {
			ms := m * decade
			if ms < p.FromMs || ms > p.ToMs {
				continue
			}
			label := fmt.Sprintf("%g"+nbsp+"ms", ms)
			if ms >= 1000 {
				label = fmt.Sprintf("%g"+nbsp+"s", ms/1000)
			}
			ticks = append(ticks, tick{At: p.x(ms) / plotUnits * 100, Label: label, Minor: m != 1})
		}
	}
	if len(ticks) <= 5 {
		for i := range ticks {
			ticks[i].Minor = false
		}
	}
	return ticks
}
