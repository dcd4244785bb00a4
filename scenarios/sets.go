package scenarios

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// apply writes the -set flags into the file's values, in order, so that the
// last one wins and everything is checked together.
func (src *source) apply(sets []string) {
	for i, set := range sets {
		at := place{set: set, nth: i + 1}
		path, raw, ok := strings.Cut(set, "=")
		path, raw = strings.TrimSpace(path), strings.TrimSpace(raw)
		if !ok || path == "" {
			src.add(at, "want PATH=VALUE, such as fleet.count=100")
			continue
		}
		src.set(at, strings.Split(path, "."), raw)
	}
}

// set writes one value. fleet.KEY goes to every fleet, fleet.NAME.KEY to one.
func (src *source) set(at place, path []string, raw string) {
	if path[0] != "fleet" || len(path) == 1 {
		src.put(at, src.tree, "", path, settingValue(raw, path))
		return
	}
	fleets, ok := src.fleets()
	if !ok || len(fleets) == 0 {
		src.add(at, "there is no [[fleet]]")
		return
	}
	src.tree["fleet"] = fleets
	var names []string
	for i, f := range fleets {
		name, _ := f["name"].(string)
		names = append(names, name)
		if name == path[1] && len(path) > 2 {
			value := settingValue(raw, append([]string{"fleet"}, path[2:]...))
			src.put(at, f, element("fleet", i), path[2:], value)
			return
		}
	}
	keys := keysOf(reflect.TypeFor[fleetTable]())
	if len(path) > 2 && !slices.Contains(keys, path[1]) {
		src.add(at, "there is no fleet %q (there are %s)", path[1], quoteAll(names, "and"))
		return
	}
	for i, f := range fleets {
		src.put(at, f, element("fleet", i), path[1:], settingValue(raw, path))
	}
}

// put writes value at path under table, making the tables on the way.
func (src *source) put(at place, table map[string]any, prefix string, path []string, value any) {
	for i, key := range path {
		prefix = join(prefix, key)
		if i == len(path)-1 {
			table[key] = value
			src.moved(prefix, at)
			return
		}
		inner, ok := table[key].(map[string]any)
		if !ok {
			if _, there := table[key]; there {
				whole, _, _ := strings.Cut(at.set, "=")
				rest := "." + strings.Join(path[i+1:], ".")
				src.add(at, "%s is not a table", strings.TrimSuffix(strings.TrimSpace(whole), rest))
				return
			}
			inner = map[string]any{}
			table[key] = inner
			src.places[prefix] = at
		}
		table = inner
	}
}

// settingValue reads VALUE as TOML. Where the key is a string, anything else
// is taken as the bare word that it is, so that tls.max_version=1.2 and
// arrival.over=30s need no quotes.
func settingValue(raw string, path []string) any {
	var doc map[string]any
	_, err := toml.Decode("value = "+raw, &doc)
	value, ok := doc["value"]
	isTOML := err == nil && ok && len(doc) == 1
	if _, isString := value.(string); isTOML && (isString || !wantsString(path)) {
		return value
	}
	return raw
}

// wantsString reports whether the key at path is spelt as a string.
func wantsString(path []string) bool {
	t := reflect.TypeFor[document]()
	for _, key := range path {
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() == reflect.Map { // the key is a name
			t = t.Elem()
			continue
		}
		if t.Kind() != reflect.Struct {
			return false
		}
		index, ok := fieldsOf(t)[key]
		if !ok {
			return false
		}
		t = t.FieldByIndex(index).Type
	}
	return t.Kind() == reflect.String || t == reflect.TypeFor[time.Duration]()
}
