package scenarios

import (
	"reflect"
	"slices"
	"strings"

	"xzfleet/server/voice"
)

// LoadServer reads the settings of the bundled server: the [server] table of
// a scenario, bundled or from a file, with each of sets (server.KEY=VALUE)
// laid over it. Without a name it starts from the defaults. Of the other
// tables only the names are looked at. The error lists everything that is
// wrong, one complaint a line, as Load does.
func LoadServer(name string, sets []string) (voice.Config, error) {
	file, text := "server", ""
	if name != "" {
		var err error
		if file, text, err = find(name); err != nil {
			return voice.Config{}, err
		}
	}
	src, err := newSource(file, text)
	if err != nil {
		return voice.Config{}, err
	}
	src.applyServer(sets)
	for _, key := range keysOf(reflect.TypeFor[document]()) {
		if key != "server" {
			delete(src.tree, key)
		}
	}
	doc := document{Scenario: defaults("server")}
	f := filler{source: src}
	f.table(position{}, src.tree, reflect.ValueOf(&doc).Elem())
	src.checkServer(doc.Server)
	return doc.Server, src.err()
}

// applyServer is apply for those -set flags that are about the server; any
// other is a mistake where there is nothing else.
func (src *source) applyServer(sets []string) {
	for i, set := range sets {
		path, _, _ := strings.Cut(set, "=")
		if !strings.HasPrefix(strings.TrimSpace(path), "server.") {
			src.add(place{set: set, nth: i + 1}, "want server.KEY=VALUE, such as server.tls.max_version=1.2")
		}
	}
	if !slices.ContainsFunc(src.list, func(p problem) bool { return p.where.set != "" }) {
		src.apply(sets)
	}
}

// checkServer complains about settings of the server that do not go together.
func (src *source) checkServer(c voice.Config) {
	for _, err := range each(c.Validate()) {
		key, _, _ := strings.Cut(err.Error(), ":")
		src.add(src.whereIs("server."+key), "server.%v", err)
	}
}
