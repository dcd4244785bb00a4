package scenarios

import (
	_ "embed"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"xzfleet/netem"
)

//go:embed links/profiles.toml
var linkText string

// noLink is the built-in link: no delay, no loss, no limit, radio connected.
const noLink = "none"

// Link is a link profile as a table [profile.NAME] spells it: in the bundled
// file, in a link file and in a scenario of its own. What the table does not
// say is that of "none".
type Link struct {
	netem.Profile
	// Trace, where given, takes the place of rate_kbps.
	Trace Trace `toml:"opportunities,omitempty"`
}

// bundledLinks is the file of bundled profiles as it was read.
type bundledLinks struct {
	*source
	links map[string]Link // "none" among them
	names []string        // in the order of the file, "none" first
}

// readBundled reads the bundled file, once, as strictly as any other.
var readBundled = sync.OnceValues(func() (*bundledLinks, error) {
	src, err := newSource("profiles.toml", linkText)
	if err != nil {
		return nil, err
	}
	b := &bundledLinks{source: src, links: map[string]Link{}}
	f := filler{source: src}
	f.value(position{"profile", "profile"}, src.tree["profile"], reflect.ValueOf(&b.links).Elem())
	for name := range b.links {
		b.names = append(b.names, name)
	}
	slices.SortFunc(b.names, func(a, c string) int {
		return src.whereIs(join("profile", a)).line - src.whereIs(join("profile", c)).line
	})
	b.links[noLink] = Link{}
	b.names = slices.Insert(b.names, 0, noLink)
	return b, src.err()
})

// Links lists the link profiles by name, the built-in "none" first.
func Links() ([]string, error) {
	b, err := readBundled()
	if err != nil {
		return nil, err
	}
	return slices.Clone(b.names), nil
}

// LinkNamed finds a link profile that comes with the product.
func LinkNamed(name string) (netem.Profile, error) {
	b, err := readBundled()
	if err != nil {
		return netem.Profile{}, err
	}
	link, err := b.find(name)
	return link.Profile, err
}

func (b *bundledLinks) find(name string) (Link, error) {
	if link, ok := b.links[name]; ok {
		return link, nil
	}
	return Link{}, fmt.Errorf("unknown link profile %q (there are %s)", name, quoteAll(b.names, "and"))
}

// LinkSource is the text of a bundled link profile as a table of TOML, every
// value with its mark and source, and below it where the sources are found.
func LinkSource(name string) (string, error) {
	b, err := readBundled()
	if err != nil {
		return "", err
	}
	if _, err := b.find(name); err != nil {
		return "", err
	}
	if name == noLink {
		return "# " + noLink + " is built in: no delay, no loss, no limit, radio connected. Every number is 0.\n", nil
	}
	head, tables, _ := strings.Cut(linkText, "\n\n")
	_, table, _ := strings.Cut("\n\n"+tables, "\n\n[profile."+name+"]\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var text strings.Builder
	fmt.Fprintf(&text, "[profile.%s]\n%s\n\n", name, strings.TrimSuffix(table, "\n"))
	text.WriteString("# M = measured, or derived from a public source; S = standard or specification; A = assumed. Sources:\n")
	for _, line := range strings.Split(head, "\n") {
		fields := strings.Fields(line)
		if len(fields) > 2 && strings.HasPrefix(fields[2], "https://") && strings.Contains(table, fields[1]) {
			text.WriteString(line + "\n")
		}
	}
	return text.String(), nil
}

// Number is one value of a link profile.
type Number struct {
	Key    string `json:"key"` // "rrc.promotion.median", with its unit where the file says it
	Value  any    `json:"value"`
	Mark   string `json:"mark"` // "M", "S" or "A", as the file's head explains
	Source string `json:"source"`
}

// LinkNumbers lists every number of a bundled link profile in the order of
// the file; "none" has none.
func LinkNumbers(name string) ([]Number, error) {
	b, err := readBundled()
	if err != nil {
		return nil, err
	}
	if _, err := b.find(name); err != nil {
		return nil, err
	}
	all, _ := b.tree["profile"].(map[string]any)
	table, _ := all[name].(map[string]any)
	lines := strings.Split(linkText, "\n")
	numbers := []Number{}
	for _, key := range keysOf(reflect.TypeFor[Link]()) {
		value, ok := table[key]
		if !ok {
			continue
		}
		line := lines[b.whereIs(join(join("profile", name), key)).line-1]
		_, comment, _ := strings.Cut(line, " # ")
		marks, err := parseMarks(comment)
		if err != nil {
			return nil, fmt.Errorf("profiles.toml: [profile.%s] %s: %w", name, key, err)
		}
		t := reflect.TypeFor[Link]()
		for _, n := range leaves(key, value, t.FieldByIndex(fieldsOf(t)[key]).Type) {
			if err := marks.mark(&n, strings.TrimPrefix(n.Key, key+".")); err != nil {
				return nil, fmt.Errorf("profiles.toml: [profile.%s] %s: %w", name, key, err)
			}
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// leaves lists the values in a tree of TOML, tables in the order of their
// struct.
func leaves(key string, value any, t reflect.Type) []Number {
	table, ok := value.(map[string]any)
	if !ok {
		return []Number{{Key: key, Value: value}}
	}
	var all []Number
	for _, inner := range keysOf(t) {
		if v, ok := table[inner]; ok {
			all = append(all, leaves(key+"."+inner, v, t.FieldByIndex(fieldsOf(t)[inner]).Type)...)
		}
	}
	return all
}
