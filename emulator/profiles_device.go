package main

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"xzfleet/emulator/device"
)

// field is one number of a device profile.
type field struct {
	table, key string // "tls", "min_version"; table is empty at the top
	value      reflect.Value
	settable   bool // by a scenario, in [fleet.TABLE]
}

// fieldsOf takes a device profile apart, in the order of its structs. What a
// scenario may override carries its name there.
func fieldsOf(p device.Profile) []field {
	var all []field
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		name := snake(v.Type().Field(i).Name)
		if inner := v.Field(i); inner.Kind() == reflect.Struct {
			for k := range inner.NumField() {
				f := field{table: name, key: snake(inner.Type().Field(k).Name), value: inner.Field(k)}
				if tag := inner.Type().Field(k).Tag.Get("toml"); tag != "" && tag != "-" {
					f.key, _, _ = strings.Cut(tag, ",")
					f.settable = true
				}
				all = append(all, f)
			}
		} else if name != "name" && name != "assumed" {
			all = append(all, field{key: name, value: v.Field(i)})
		}
	}
	return all
}

// snake spells a field's name as TOML does: "SynRTO" is "syn_rto".
func snake(name string) string {
	var b strings.Builder
	letters := []rune(strings.ReplaceAll(name, "MHz", "Mhz"))
	for i, r := range letters {
		startsWord := i > 0 && unicode.IsUpper(r) &&
			(unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if startsWord {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func (f field) path() string {
	if f.table == "" {
		return f.key
	}
	return f.table + "." + f.key
}

// assumed reports whether no public source states a field: the profile names
// it, or its table.
func (f field) assumed(p device.Profile) bool {
	return slices.Contains(p.Assumed, f.path()) || slices.Contains(p.Assumed, f.table)
}

// plain is a field's value for TOML and JSON; durations are strings.
func (f field) plain() any {
	if d, ok := f.value.Interface().(time.Duration); ok {
		return d.String()
	}
	return f.value.Interface()
}

// text is a field's value as TOML spells it.
func (f field) text() string {
	switch v := f.plain().(type) {
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = fmt.Sprintf("%q", s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case string:
		return fmt.Sprintf("%q", v)
	default:
		if f.value.Kind() == reflect.String {
			return fmt.Sprintf("%q", f.value.String())
		}
		return fmt.Sprintf("%v", v)
	}
}

// deviceTree is a device profile for JSON.
func deviceTree(p device.Profile) map[string]any {
	tree := map[string]any{"name": p.Name, "assumed": append([]string{}, p.Assumed...)}
	for _, f := range fieldsOf(p) {
		if f.table == "" {
			tree[f.key] = f.plain()
			continue
		}
		table, ok := tree[f.table].(map[string]any)
		if !ok {
			table = map[string]any{}
			tree[f.table] = table
		}
		table[f.key] = f.plain()
	}
	return tree
}

// printDevice prints every number of a device profile: what a scenario can
// override as it can be pasted behind [[fleet]], the rest as comments.
func printDevice(out io.Writer, p device.Profile) error {
	var can, cannot strings.Builder
	table := ""
	for _, f := range fieldsOf(p) {
		note := ""
		if f.assumed(p) {
			note = "   # assumed"
		}
		switch {
		case f.table == "modem" && p.Modem.Baud == 0 && f.key != "ping":
			// there is none; what a ping does is the firmware's
		case f.table == "timeouts" && f.value.IsZero():
			fmt.Fprintf(&cannot, "#   %s: the device has none\n", f.path())
		case !f.settable || f.table == "modem" && p.Modem.Baud == 0:
			fmt.Fprintf(&cannot, "#   %s = %s%s\n", f.path(), f.text(), note)
		default:
			if f.table != table {
				table = f.table
				fmt.Fprintf(&can, "\n[fleet.%s]\n", table)
			}
			fmt.Fprintf(&can, "%s = %s%s\n", f.key, f.text(), note)
		}
	}
	about := append([]string{transportOf(p), "firmware " + p.Firmware}, notesOn(p)...)
	_, err := fmt.Fprintf(out, `# %s: %s.
# Assumed, as no public source states it: %s.
# What a scenario can override, to paste behind [[fleet]]; an empty list is the one of the device's stack:
device = %q
%s
# What it cannot:
%s`, p.Name, strings.Join(about, ", "), cmp.Or(strings.Join(p.Assumed, ", "), "nothing"), p.Name, can.String(), cannot.String())
	return err
}
