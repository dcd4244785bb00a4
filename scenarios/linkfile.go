package scenarios

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"xzfleet/netem"
)

// LinkFile reads a link file: one table [profile.NAME] as the bundled file
// spells them. The error lists everything that is wrong, one complaint a line.
func LinkFile(path string) (netem.Profile, error) {
	link, err := readLinkFile(path)
	return link.Profile, err
}

func readLinkFile(path string) (Link, error) {
	text, err := readRegular(path, maxFile)
	if err != nil {
		return Link{}, err
	}
	return parseLink(path, text)
}

// parseLink reads the text of a link file.
func parseLink(path, text string) (Link, error) {
	src, err := newSource(path, text)
	if err != nil {
		return Link{}, err
	}
	var doc struct {
		Links map[string]Link `toml:"profile"`
	}
	f := filler{source: src}
	f.table(position{}, src.tree, reflect.ValueOf(&doc).Elem())
	if n := len(doc.Links); n != 1 && len(src.list) == 0 {
		src.add(place{}, "found %d tables [profile.NAME], want one", n)
	}
	for _, link := range doc.Links {
		return link, src.err()
	}
	return Link{}, src.err()
}

// EncodeLink writes a link file. Each of notes stands as a comment behind the
// value of its key, such as "ge" or "rtt_floor". A table that is 0 throughout
// and has no note is left out: it is so without being said. A link that could
// not be read again is an error.
func EncodeLink(w io.Writer, name string, p netem.Profile, notes map[string]string) error {
	return Link{Profile: p}.Encode(w, name, notes)
}

// Encode is EncodeLink for a link that may name recorded rates.
func (l Link) Encode(w io.Writer, name string, notes map[string]string) error {
	v := reflect.ValueOf(l)
	keys := keysOf(v.Type())
	if !isLinkName(reflect.ValueOf(name)) {
		return fmt.Errorf("link %q: want %s", name, linkNameWanted)
	}
	if l.Opportunities != [2]*netem.Opportunities{} && l.Trace == (Trace{}) {
		return fmt.Errorf("link %q: has a recorded rate without the name of its file", name)
	}
	for _, key := range slices.Sorted(maps.Keys(notes)) {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("link %q: a note on %q, which no link has", name, key)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "[%s]\n", toml.Key{"profile", name})
	for _, key := range keys {
		value := v.FieldByIndex(fieldsOf(v.Type())[key])
		note := strings.Join(strings.Fields(notes[key]), " ")
		if value.IsZero() && note == "" {
			continue
		}
		line := key + " = " + inline(value)
		if note != "" {
			line = fmt.Sprintf("%-58s # %s", line, note)
		}
		b.WriteString(line + "\n")
	}
	if l.Trace == (Trace{}) { // else it would look for the files
		if _, err := parseLink(name, b.String()); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// inline is a value on one line of TOML.
func inline(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		var parts []string
		for _, key := range keysOf(v.Type()) {
			parts = append(parts, key+" = "+inline(v.FieldByIndex(fieldsOf(v.Type())[key])))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, inline(v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.String:
		return quoted(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// quoted is a string as TOML spells it.
func quoted(s string) string {
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(map[string]string{"s": s}); err != nil {
		return strconv.Quote(s) // no string fails
	}
	return strings.TrimSpace(strings.TrimPrefix(b.String(), "s = "))
}

// readRegular reads a file of at most limit bytes that is not a device or a
// pipe.
func readRegular(path string, limit int64) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no file", path)
	case info.Size() > limit:
		return "", fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	data, err := os.ReadFile(path)
	return string(data), err
}
