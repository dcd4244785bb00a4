// Package report shows a summary: on a terminal, as a web page, as JSON.
package report

import (
	"encoding/json"
	"io"

	"xzfleet/results/stats"
)

// JSON writes the summary as indented JSON.
func JSON(w io.Writer, s stats.Summary) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}
