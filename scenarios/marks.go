package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// marks are what the comment behind a link profile's value says of it, in
// parts: which of its keys, how well known, and from where.
type marks []markPart

type markPart struct {
	keys   []string // of the value's table; nil: all of it, or the rest
	mark   string
	source string
}

// parseMarks reads "M SOURCE", or "KEY KEY M SOURCE; rest A REASON".
func parseMarks(comment string) (marks, error) {
	var all marks
	for text := range strings.SplitSeq(comment, "; ") {
		var part markPart
		words := strings.Fields(text)
		for len(words) > 0 && part.mark == "" {
			switch word := words[0]; word {
			case "M", "S", "A":
				part.mark = word
			case "rest":
			default:
				part.keys = append(part.keys, word)
			}
			words = words[1:]
		}
		part.source = strings.Join(words, " ")
		if part.mark == "" || part.source == "" {
			return nil, fmt.Errorf("%q: want a mark M, S or A and where it comes from", text)
		}
		all = append(all, part)
	}
	return all, nil
}

// mark gives a number its mark. key is its own within the value, such as
// "promotion.median"; the first part of it decides.
func (m marks) mark(n *Number, key string) error {
	first, _, _ := strings.Cut(key, ".")
	for _, part := range m {
		if part.keys == nil || slices.Contains(part.keys, first) {
			n.Mark, n.Source = part.mark, part.source
			return nil
		}
	}
	return errors.New(n.Key + " has no mark")
}
