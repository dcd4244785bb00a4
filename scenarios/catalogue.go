package scenarios

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// catalogue finds the link profiles that a scenario names: its own
// [profile.NAME] first, then those that come with the product, then link
// files.
type catalogue struct {
	file    string // of the scenario
	own     map[string]Link
	bundled *bundledLinks
	files   map[string]Link   // by name, those read so far
	paths   map[string]string // by name, where that was
}

func newCatalogue(file string, own map[string]Link) (*catalogue, error) {
	bundled, err := readBundled()
	if err != nil {
		return nil, err
	}
	return &catalogue{file, own, bundled, map[string]Link{}, map[string]string{}}, nil
}

// isLinkFile tells the path of a link file from the name of a profile.
func isLinkFile(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".toml")
}

// find looks a link up. A path in the scenario's file is relative to that
// file, one from a -set to the working directory.
func (c *catalogue) find(name string, where place) (Link, error) {
	if link, ok := c.own[name]; ok {
		return link, nil
	}
	if link, ok := c.bundled.links[name]; ok {
		return link, nil
	}
	if !isLinkFile(name) {
		return Link{}, c.unknown(name)
	}
	path := name
	if where.set == "" && !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(c.file), path)
	}
	if before, ok := c.paths[name]; ok && before != path {
		return Link{}, fmt.Errorf("%q is %s here and %s elsewhere, want one file for one name", name, path, before)
	}
	if link, ok := c.files[name]; ok {
		return link, nil
	}
	link, err := readLinkFile(path)
	if err != nil {
		return Link{}, err
	}
	c.paths[name], c.files[name] = path, link
	return link, nil
}

func (c *catalogue) unknown(name string) error {
	names := c.bundled.names
	for _, own := range slices.Sorted(maps.Keys(c.own)) {
		if !slices.Contains(names, own) {
			names = append(slices.Clip(names), own)
		}
	}
	hint := ""
	if near := nearest(name, names); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Errorf("found %s, want %s, or the path of a link file such as ./mine.toml%s", describe(name), quoteAll(names, "or"), hint)
}

// needed are the links that a scenario must carry to need no other file: its
// own and those of files; nil where there are none.
func (c *catalogue) needed() map[string]Link {
	if len(c.own)+len(c.files) == 0 {
		return nil
	}
	all := maps.Clone(c.files)
	maps.Copy(all, c.own)
	return all
}
