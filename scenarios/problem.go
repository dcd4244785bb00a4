package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// problem is one complaint about a scenario.
type problem struct {
	where place
	text  string
}

// place is where a key came from: a line of the file, or a -set.
type place struct {
	line int    // 0: the file as a whole
	set  string // "fleet.count=3", empty for the file
	nth  int    // position of the -set among the others
}

// problems collects every complaint about one file.
type problems struct {
	file string
	list []problem
}

func (p *problems) add(where place, format string, args ...any) {
	p.list = append(p.list, problem{where, fmt.Sprintf(format, args...)})
}

// err joins the complaints, one a line, in the order of the file, those about
// -set flags last; nil where there are none.
func (p *problems) err() error {
	slices.SortStableFunc(p.list, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.where.nth, b.where.nth), cmp.Compare(a.where.line, b.where.line))
	})
	var errs []error
	seen := map[string]bool{}
	for _, c := range p.list {
		text := p.prefix(c.where) + c.text
		if !seen[text] {
			errs = append(errs, errors.New(text))
		}
		seen[text] = true
	}
	return errors.Join(errs...)
}

func (p *problems) prefix(w place) string {
	switch {
	case w.set != "":
		return "-set " + w.set + ": "
	case w.line > 0:
		return fmt.Sprintf("%s:%d: ", p.file, w.line)
	}
	return p.file + ": "
}

// nearest finds the known name that was probably meant, or "".
func nearest(name string, known []string) string {
	best, least := "", 1+max(1, len(name)/3)
	for _, k := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// editDistance is Levenshtein's, a swap of neighbours counted as one.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	older, old := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range old {
		old[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(old[j]+change, old[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
		older, old = old, row
	}
	return old[len(b)]
}

// quoteAll lists names for a message: "a", "b" or "c".
func quoteAll(names []string, last string) string {
	var b strings.Builder
	for i, n := range names {
		switch {
		case i > 0 && i == len(names)-1:
			b.WriteString(" " + last + " ")
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", n)
	}
	return b.String()
}
