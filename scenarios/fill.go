package scenarios

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// filler checks a tree of TOML values against the types that it is to fill,
// and fills them as far as it is right. Values that are not in the tree keep
// what the struct held.
type filler struct {
	*source
	// fleet makes the fleet that a table's overrides are laid over; at is its
	// path.
	fleet func(at string, table map[string]any) fleetTable
}

// position is where the filler stands: the path with indices, which has a
// line, and the same without, which has rules and is shown.
type position struct{ path, key string }

func (at position) child(key string) position {
	return position{join(at.path, key), join(at.key, key)}
}

// table fills a struct from a table.
func (f *filler) table(at position, table map[string]any, dst reflect.Value) {
	fields := fieldsOf(dst.Type())
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if index, ok := fields[key]; ok {
			f.value(at.child(key), table[key], dst.FieldByIndex(index))
		} else {
			f.unknown(at, key, keysOf(dst.Type()))
		}
	}
}

func (f *filler) unknown(at position, key string, known []string) {
	here := at.child(key)
	where := f.whereIs(here.path)
	if other := otherTable(here.key); other != "" {
		f.add(where, "%s: unknown key; %s has it", here.key, other)
		return
	}
	if near := nearest(key, known); near != "" {
		f.add(where, "%s: unknown key; did you mean %q?", here.key, near)
		return
	}
	f.add(where, "%s: unknown key; there are %s", here.key, strings.Join(known, ", "))
}

// value fills one field.
func (f *filler) value(at position, v any, dst reflect.Value) {
	switch table, isTable := v.(map[string]any); {
	case dst.Kind() == reflect.Slice && dst.Type().Elem().Kind() == reflect.Struct:
		f.tables(at, v, dst)
	case dst.Type() == reflect.TypeFor[map[string]Link]() && isTable:
		f.links(at, table, dst)
	case dst.Kind() == reflect.Struct && isTable:
		f.table(at, table, dst)
	default:
		made, ok := convert(v, dst.Type())
		r := ruleFor(at.key, dst.Type())
		switch {
		case ok && r.ok(made):
			dst.Set(made)
		case ok && r.above != nil && r.above(made):
			f.wrong(at, v, rule{want: r.ceiling})
		default:
			f.wrong(at, v, r)
		}
	}
}

func (f *filler) wrong(at position, v any, r rule) {
	where := f.whereIs(at.path)
	if s, ok := v.(string); ok && slices.Contains(r.later, s) {
		f.add(where, "%s: %q is not there yet: %s", at.key, s, r.want)
		return
	}
	f.add(where, "%s: found %s, want %s", at.key, describe(v), r.want)
}

// tables fills an array of tables; fleets each over what their profiles say.
func (f *filler) tables(at position, v any, dst reflect.Value) {
	list, ok := tables(v)
	if !ok {
		f.wrong(at, v, ruleFor(at.key, dst.Type()))
		return
	}
	made := reflect.MakeSlice(dst.Type(), len(list), len(list))
	for i, table := range list {
		one := position{element(at.path, i), at.key}
		if fleet, ok := made.Index(i).Addr().Interface().(*fleetTable); ok {
			*fleet = f.fleet(one.path, table)
		}
		f.table(one, table, made.Index(i))
	}
	dst.Set(made)
}

// links fills link profiles, each from nothing, and reads what they have
// recorded.
func (f *filler) links(at position, all map[string]any, dst reflect.Value) {
	links := map[string]Link{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		here := position{join(at.path, name), at.key}
		table, ok := all[name].(map[string]any)
		switch {
		case !ok:
			f.add(f.whereIs(here.path), "%s.%s: found %s, want a table: [profile.NAME]", at.key, name, describe(all[name]))
			continue
		case !isLinkName(reflect.ValueOf(name)):
			f.add(f.whereIs(here.path), "%s: found %q, want %s", at.key, name, linkNameWanted)
			continue
		}
		var link Link
		f.table(here, table, reflect.ValueOf(&link).Elem())
		for _, c := range slices.Concat(checkLink(&link.Profile), link.loadTraces(filepath.Dir(f.file))) {
			f.add(f.whereIs(join(here.path, c.keys[0])), "%s.%s", at.key, c.text)
		}
		links[name] = link
	}
	dst.Set(reflect.ValueOf(links))
}

// convert makes a value of type t from a TOML value; false where the types do
// not fit.
func convert(v any, t reflect.Type) (reflect.Value, bool) {
	made := reflect.New(t).Elem()
	switch v := v.(type) {
	case string:
		if t == reflect.TypeFor[time.Duration]() {
			d, err := time.ParseDuration(v)
			made.SetInt(int64(d))
			return made, err == nil
		}
		if t.Kind() != reflect.String {
			return made, false
		}
		made.SetString(v)
	case bool:
		if t.Kind() != reflect.Bool {
			return made, false
		}
		made.SetBool(v)
	case int64:
		return convertInt(v, made)
	case float64:
		if t.Kind() != reflect.Float64 {
			return made, false
		}
		made.SetFloat(v)
		return made, !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return convertList(v, made)
	default:
		return made, false
	}
	return made, true
}

func convertInt(v int64, made reflect.Value) (reflect.Value, bool) {
	switch {
	case made.Type() == reflect.TypeFor[time.Duration]():
		return made, false // a number alone has no unit
	case made.CanInt() && !made.OverflowInt(v):
		made.SetInt(v)
	case made.CanUint() && v >= 0 && !made.OverflowUint(uint64(v)):
		made.SetUint(uint64(v))
	case made.CanFloat():
		made.SetFloat(float64(v))
	default:
		return made, false
	}
	return made, true
}

func convertList(v []any, made reflect.Value) (reflect.Value, bool) {
	if made.Kind() != reflect.Slice {
		return made, false
	}
	list := reflect.MakeSlice(made.Type(), len(v), len(v))
	for i, e := range v {
		one, ok := convert(e, made.Type().Elem())
		if !ok {
			return made, false
		}
		list.Index(i).Set(one)
	}
	return list, true
}

// describe shows a TOML value and its type for a message.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) > 60 {
			v = v[:60] + "…"
		}
		return fmt.Sprintf("%q (string)", v)
	case int64:
		return fmt.Sprintf("%d (whole number)", v)
	case float64:
		return fmt.Sprintf("%v (number)", v)
	case bool:
		return fmt.Sprintf("%t (boolean)", v)
	case time.Time:
		return "a date or time"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "an array of tables"
	case []any:
		if text := fmt.Sprintf("%#v", v); len(text) <= 60 {
			return strings.NewReplacer("[]interface {}{", "[", "}", "]").Replace(text) + " (list)"
		}
	}
	return "a list"
}

// fieldsOf maps the TOML keys of a struct to its fields.
func fieldsOf(t reflect.Type) map[string][]int {
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if name != "" && name != "-" {
			fields[name] = f.Index
		}
	}
	return fields
}

// keysOf lists the TOML keys of a struct in its own order.
func keysOf(t reflect.Type) []string {
	fields := fieldsOf(t)
	return slices.SortedFunc(maps.Keys(fields), func(a, b string) int {
		return slices.Compare(fields[a], fields[b])
	})
}
