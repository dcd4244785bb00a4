package scenarios

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed *.toml
var bundled embed.FS

// Names lists the bundled scenarios.
func Names() []string {
	var names []string
	files, err := bundled.ReadDir(".")
	if err != nil {
		return nil
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), path.Ext(f.Name())))
	}
	return names
}

// Source is the text of a bundled scenario, comments and all, to edit.
func Source(name string) (string, error) {
	text, err := bundled.ReadFile(name + ".toml")
	if err != nil {
		return "", unknownScenario(name)
	}
	return string(text), nil
}

// Note is the question that a bundled scenario answers.
func Note(name string) (string, error) {
	s, err := Load(name, nil)
	if err != nil {
		return "", fmt.Errorf("scenario %s: %w", name, err)
	}
	return s.Note, nil
}
