package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// What a run leaves in its folder beside the records.
const (
	runFile     = "run.toml"
	serverLog   = "server.log"
	summaryFile = "summary.json"
	htmlFile    = "report.html"
)

// checkFolder refuses a folder for output that holds something.
func checkFolder(dir string) error {
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty", dir)
	}
	return nil
}

// checkWritable finds out before a run whether a file could be written after
// it, and leaves what is in it.
func checkWritable(name string) error {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// makeFolder makes the folder for output: dir, or a new one under runs.
func makeFolder(dir, scenario string, now time.Time) (string, error) {
	if dir != "" {
		return dir, os.MkdirAll(dir, 0o755)
	}
	if err := os.MkdirAll("runs", 0o755); err != nil {
		return "", err
	}
	first := filepath.Join("runs", now.Format("20060102-150405")+"-"+scenario)
	for n, dir := 2, first; ; n++ {
		err := os.Mkdir(dir, 0o755)
		if !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
		dir = fmt.Sprintf("%s-%d", first, n)
	}
}

// keepScenario writes what runs, fully resolved and without secrets.
func (j *job) keepScenario() error {
	text, err := j.scenario.Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(j.dir, runFile), text, 0o644)
}

// writeFile writes a file by what prints it.
func writeFile(name string, print func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return print(f)
}
