package scenarios

import (
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// keyLines finds the line of every key of a TOML text, by path: "usage.turns",
// "fleet[1].tls.sni". The parser knows no line for a key that is merely
// unknown, and for arrays of tables only that of the last element. The text
// has been through the parser, so this only has to tell keys from values; on
// any other text it gives up early.
func keyLines(text string) map[string]int {
	sc := keyScanner{text: text, line: 1, lines: map[string]int{}, arrays: map[string]int{}}
	table := ""
	for {
		sc.skipBlank()
		if sc.at >= len(sc.text) {
			return sc.lines
		}
		before := sc.at
		if sc.peek() == '[' {
			table = sc.header()
		} else {
			sc.keyValue(table)
		}
		if sc.at == before {
			return sc.lines
		}
	}
}

type keyScanner struct {
	text   string
	at     int
	line   int
	lines  map[string]int // path -> first line
	arrays map[string]int // path of an array of tables -> elements so far
}

func (sc *keyScanner) peek() byte {
	if sc.at < len(sc.text) {
		return sc.text[sc.at]
	}
	return 0
}

// advance moves on by n bytes and counts lines.
func (sc *keyScanner) advance(n int) {
	n = min(n, len(sc.text)-sc.at)
	sc.line += strings.Count(sc.text[sc.at:sc.at+n], "\n")
	sc.at += n
}

// skip moves over every byte in set.
func (sc *keyScanner) skip(set string) {
	rest := sc.text[sc.at:]
	sc.advance(len(rest) - len(strings.TrimLeft(rest, set)))
}

// until moves to the next byte in set or to the end.
func (sc *keyScanner) until(set string) {
	n := strings.IndexAny(sc.text[sc.at:], set)
	if n < 0 {
		n = len(sc.text) - sc.at
	}
	sc.advance(n)
}

// skipBlank moves over white space, newlines, commas and comments.
func (sc *keyScanner) skipBlank() {
	for {
		sc.skip(" \t\r\n,")
		if sc.peek() != '#' {
			return
		}
		sc.until("\n")
	}
}

// note keeps the first line of a path.
func (sc *keyScanner) note(path string) {
	if _, ok := sc.lines[path]; !ok {
		sc.lines[path] = sc.line
	}
}

// header reads [a.b] or [[a.b]] and returns the path of the table it opens.
func (sc *keyScanner) header() string {
	brackets := 1
	if strings.HasPrefix(sc.text[sc.at:], "[[") {
		brackets = 2
	}
	sc.advance(brackets)
	key := sc.key()
	path := ""
	for i, part := range key {
		path = join(path, part)
		if i == len(key)-1 && brackets == 2 {
			sc.arrays[path]++
		}
		if n := sc.arrays[path]; n > 0 {
			sc.note(path)
			path = element(path, n-1)
		}
		sc.note(path)
	}
	sc.skip(" \t")
	sc.advance(brackets)
	return path
}

// keyValue reads key = value inside table.
func (sc *keyScanner) keyValue(table string) {
	path := table
	for _, part := range sc.key() {
		path = join(path, part)
		sc.note(path)
	}
	sc.skip(" \t")
	if sc.peek() != '=' {
		sc.at = len(sc.text)
		return
	}
	sc.advance(1)
	sc.skip(" \t")
	sc.value(path)
}

// key reads the parts of a dotted key.
func (sc *keyScanner) key() toml.Key {
	var key toml.Key
	for {
		sc.skip(" \t")
		start := sc.at
		if c := sc.peek(); c == '"' || c == '\'' {
			sc.quoted()
			key = append(key, unquoteKey(sc.text[start:sc.at]))
		} else {
			sc.until(" \t\r\n.=]#")
			key = append(key, sc.text[start:sc.at])
		}
		sc.skip(" \t")
		if sc.peek() != '.' {
			return key
		}
		sc.advance(1)
	}
}

// unquoteKey lets the parser itself undo the quotes.
func unquoteKey(quoted string) string {
	var doc map[string]any
	if _, err := toml.Decode(quoted+" = 0", &doc); err == nil {
		for key := range doc {
			return key
		}
	}
	return quoted
}

// value moves over one value, noting the keys inside.
func (sc *keyScanner) value(path string) {
	switch sc.peek() {
	case '"', '\'':
		sc.quoted()
	case '[':
		sc.advance(1)
		for i := 0; ; i++ {
			sc.skipBlank()
			if c := sc.peek(); c == ']' || c == 0 {
				sc.advance(1)
				return
			}
			sc.note(element(path, i))
			before := sc.at
			sc.value(element(path, i))
			if sc.at == before {
				sc.at = len(sc.text)
			}
		}
	case '{':
		sc.advance(1)
		for {
			sc.skipBlank()
			if c := sc.peek(); c == '}' || c == 0 {
				sc.advance(1)
				return
			}
			sc.keyValue(path)
		}
	default:
		sc.until(",]}#\n")
	}
}

// quoted moves over a string of any of the four kinds.
func (sc *keyScanner) quoted() {
	quote := sc.text[sc.at : sc.at+1]
	triple := strings.Repeat(quote, 3)
	end := quote
	if strings.HasPrefix(sc.text[sc.at:], triple) {
		end = triple
	}
	sc.advance(len(end))
	for sc.at < len(sc.text) && !strings.HasPrefix(sc.text[sc.at:], end) {
		if quote == `"` && sc.peek() == '\\' {
			sc.advance(1)
		}
		sc.advance(1)
	}
	sc.advance(len(end))
	// """a""""" ends in two quotes that belong to the string.
	for range 2 {
		if end == triple && strings.HasPrefix(sc.text[sc.at:], quote) {
			sc.advance(1)
		}
	}
}

// join appends a key to a path, quoted where it is not a bare word.
func join(path, key string) string {
	if path == "" {
		return toml.Key{key}.String()
	}
	return path + "." + toml.Key{key}.String()
}

// element names the ith element of an array.
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
