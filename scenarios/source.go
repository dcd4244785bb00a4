package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// source is a scenario file taken apart: its values, and where each came from.
type source struct {
	problems
	tree   map[string]any
	places map[string]place // by path, e.g. "fleet[1].tls.sni"
}

// newSource parses text. A file that is not TOML has one complaint, the
// parser's.
func newSource(file, text string) (*source, error) {
	text = strings.TrimPrefix(text, "\ufeff") // byte order mark
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%s: is not UTF-8", file)
	}
	src := &source{problems: problems{file: file}, tree: map[string]any{}, places: map[string]place{}}
	if _, err := toml.Decode(text, &src.tree); err != nil {
		if syntax, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, fmt.Errorf("%s:%d: %s", file, syntax.Position.Line, syntax.Message)
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for path, line := range keyLines(text) {
		src.places[path] = place{line: line}
	}
	return src, nil
}

// whereIs finds the place of a path, or of the nearest table around it.
func (src *source) whereIs(path string) place {
	for path != "" {
		if p, ok := src.places[path]; ok {
			return p
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return place{}
}

// moved says that everything at and under a path now comes from p.
func (src *source) moved(path string, p place) {
	for old := range src.places {
		if rest, ok := strings.CutPrefix(old, path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			delete(src.places, old)
		}
	}
	src.places[path] = p
}

// fleets are the tables of [[fleet]], whichever way they were written; false
// where the key holds something else.
func (src *source) fleets() ([]map[string]any, bool) {
	v, ok := src.tree["fleet"]
	if !ok {
		return nil, true
	}
	return tables(v)
}

// tables takes an array of tables, [[x]] or x = [{...}].
func tables(v any) ([]map[string]any, bool) {
	switch v := v.(type) {
	case []map[string]any:
		return v, true
	case []any:
		list := make([]map[string]any, len(v))
		for i, e := range v {
			t, ok := e.(map[string]any)
			if !ok {
				return nil, false
			}
			list[i] = t
		}
		return list, true
	}
	return nil, false
}
