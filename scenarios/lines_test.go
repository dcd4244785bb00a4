package scenarios

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestKeyLines(t *testing.T) {
	const text = `a = 1 # [x]
"b.c" . d = """
q = 1
\""""""
'e' = [ # ]
  { x = 1 }, { x = 2,
  y.z = '''
]''' },
  [ 3 ],
]
[f]
g = { h = 1979-05-27 07:32:00, i = "}" }
[[f.j]]
k = '\'
[[f.j]]
	k = 1
[f.j.l]
m = -inf
`
	want := map[string]int{
		"a": 1, `"b.c"`: 2, `"b.c".d`: 2, "e": 5, "e[0]": 6, "e[0].x": 6, "e[1]": 6, "e[1].x": 6,
		"e[1].y": 7, "e[1].y.z": 7, "e[2]": 9, "e[2][0]": 9, "f": 11, "f.g": 12, "f.g.h": 12, "f.g.i": 12,
		"f.j": 13, "f.j[0]": 13, "f.j[0].k": 14, "f.j[1]": 15, "f.j[1].k": 16, "f.j[1].l": 17, "f.j[1].l.m": 18,
	}
	for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n")} {
		if _, err := toml.Decode(text, new(map[string]any)); err != nil {
			t.Fatal(err)
		}
		got := keyLines(text)
		for _, path := range slices.Sorted(maps.Keys(want)) {
			if got[path] != want[path] {
				t.Errorf("%s: line %d, want %d", path, got[path], want[path])
			}
			delete(got, path)
		}
		if len(got) > 0 {
			t.Errorf("beyond that: %v", got)
		}
	}
}

// FuzzKeyLines holds the scanner against the parser: every key that the
// parser finds has a line, and no other has.
func FuzzKeyLines(f *testing.F) {
	addFiles(f)
	f.Add("\xff\xfe")
	f.Add("a = \"\"\"\"\"\"\"\"\nb.'c d'.\"\\u0065\" = [{x={y=[[],{z=0}]}}]\n[[a.b]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		keyLines(text) // must end on anything
		src, err := newSource("fuzz.toml", text)
		if err != nil {
			return
		}
		got, lines := src.places, 1+strings.Count(text, "\n")
		want := map[string]bool{}
		pathsOf("", src.tree, want)
		for path := range want {
			if line := got[path].line; line < 1 || line > lines {
				t.Errorf("%s has line %d in\n%s", path, line, text)
			}
		}
		for path := range got {
			if !want[path] {
				t.Errorf("there is no %s in\n%s", path, text)
			}
		}
	})
}

// pathsOf lists every path in a tree.
func pathsOf(path string, v any, all map[string]bool) {
	if path != "" {
		all[path] = true
	}
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			pathsOf(join(path, key), inner, all)
		}
	case []map[string]any:
		for i, inner := range v {
			pathsOf(element(path, i), inner, all)
		}
	case []any:
		for i, inner := range v {
			pathsOf(element(path, i), inner, all)
		}
	}
}

// addFiles seeds a corpus with every scenario at hand, good and bad.
func addFiles(f *testing.F) {
	for _, pattern := range []string{"*.toml", "testdata/bad/*.toml", "testdata/links/*.toml", "links/*.toml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
}
