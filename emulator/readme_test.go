package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeCommandsAreScripted wants each command of the README in the script
// that runs them. The server alone is run by other scripts: it does not end by
// itself.
func TestReadmeCommandsAreScripted(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("testdata", "script", "readme.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("`bin/(xzfleet [^`]+)`").FindAllStringSubmatch(string(readme), -1)
	if len(commands) < 8 {
		t.Fatalf("found only %d commands in the README", len(commands))
	}
	for _, c := range commands {
		if !strings.Contains(string(script), c[1]) && !strings.HasPrefix(c[1], "xzfleet serve") {
			t.Errorf("no script runs %q", c[1])
		}
	}
}
