package report

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// gap is the space between columns.
const gap = 2

// table writes rows under the heading of the first; the first left columns are
// words, the others numbers. Columns without a heading hold intervals: they
// are shown where there is room for them. Names too long are shortened.
func (t *terminal) table(rows [][]string, left int) {
	if t.width < wideFrom {
		for c := len(rows[0]) - 1; c >= 0; c-- {
			if rows[0][c] == "" {
				rows = without(rows, c)
			}
		}
	}
	widths := columnWidths(rows)
	for c := len(widths) - 1; total(widths) > t.width && c > left+1; c-- {
		rows = without(rows, c)
		widths = columnWidths(rows)
	}
	for total(widths) > t.width {
		longest := 0
		for c := range left {
			if widths[c] > widths[longest] {
				longest = c
			}
		}
		if widths[longest] <= 4 {
			break
		}
		widths[longest]--
	}
	t.line("")
	for i, row := range rows {
		var line strings.Builder
		for c, cell := range row {
			cell = shorten(cell, widths[c])
			pad := strings.Repeat(" ", widths[c]-utf8.RuneCountInString(cell))
			if c > 0 {
				line.WriteString(strings.Repeat(" ", gap))
			}
			if c < left {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		s := plain
		if i == 0 {
			s = dim
		}
		t.line(t.paint(strings.TrimRight(line.String(), " "), s))
	}
}

func without(rows [][]string, column int) [][]string {
	less := make([][]string, len(rows))
	for i, row := range rows {
		less[i] = slices.Delete(slices.Clone(row), column, column+1)
	}
	return less
}

func columnWidths(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for c, cell := range row {
			widths[c] = max(widths[c], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func total(widths []int) int {
	sum := gap * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

func shorten(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width-1, 0)]) + "…"
}
