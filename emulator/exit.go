package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Exit codes.
const (
	exitFine        = 0
	exitUnmet       = 1   // an expectation missed or undecided, or not one device connected
	exitUsage       = 2   // wrong usage or bad input
	exitUntrusted   = 3   // the emulator was too late for its own numbers
	exitFailed      = 4   // could not be carried out
	exitInterrupted = 130 // SIGINT or SIGTERM
)

// ending is how a command ended other than well: an exit code and all that is
// to be said about it.
type ending struct {
	code int
	why  []string
}

func (e *ending) Error() string { return strings.Join(e.why, "\n") }

// add takes one more reason. Of several codes the gravest counts: 2, 130, 4,
// 3, 1.
func (e *ending) add(code int, format string, args ...any) {
	order := []int{exitFine, exitUnmet, exitUntrusted, exitFailed, exitInterrupted, exitUsage}
	if slices.Index(order, code) > slices.Index(order, e.code) {
		e.code = code
	}
	e.why = append(e.why, fmt.Sprintf(format, args...))
}

// err is e as an error, nil where nothing was added.
func (e *ending) err() error {
	if e.code == exitFine {
		return nil
	}
	return e
}

func wrongUsage(format string, args ...any) error {
	e := &ending{}
	e.add(exitUsage, format, args...)
	return e
}

// exitCode is that of an ending; any other error could not be helped.
func exitCode(err error) int {
	if e, ok := errors.AsType[*ending](err); ok {
		return e.code
	}
	return exitFailed
}
