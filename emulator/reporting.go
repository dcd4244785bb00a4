package main

import (
	"errors"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"

	"xzfleet/results"
	"xzfleet/results/report"
	"xzfleet/results/stats"
)

// reporting says in which forms a summary is given out.
type reporting struct {
	json    bool     // on standard output instead of the report for people
	pages   []string // files of HTML; empty names are passed over
	summary string   // file of the JSON; may be empty
}

// deliver prints first and writes files after, each whatever became of the
// others.
func (r reporting) deliver(out io.Writer, s stats.Summary, run results.Run) error {
	errs := []error{r.print(out, s)}
	if r.summary != "" {
		errs = append(errs, writeFile(r.summary, func(w io.Writer) error { return report.JSON(w, s) }))
	}
	for _, page := range r.pages {
		if page != "" {
			errs = append(errs, writeFile(page, func(w io.Writer) error { return report.HTML(w, s, run) }))
		}
	}
	return errors.Join(errs...)
}

func (r reporting) print(out io.Writer, s stats.Summary) error {
	if r.json {
		return report.JSON(out, s)
	}
	width, colour := screen(out)
	return report.Terminal(out, s, width, colour)
}

// screen is how many columns out has and whether it shows colours
// (https://no-color.org).
func screen(out io.Writer) (width int, colour bool) {
	const fallback = 100
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w, os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		}
	}
	if w, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && w > 0 {
		return w, false
	}
	return fallback, false
}
