package main

import (
	"fmt"
	"syscall"
)

// filesPerDevice is at worst: a connection that closes and the next.
// filesBeside is everything else.
const (
	filesPerDevice = 2
	filesBeside    = 100
)

// ensureOpenFiles raises the soft limit of open files where so many devices
// need it. The server of the run is another process with a limit of its own,
// which the Go runtime raises by itself (package os, since Go 1.19).
func ensureOpenFiles(devices int) error {
	need := uint64(filesPerDevice*devices + filesBeside)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if need <= limit.Cur {
		return nil
	}
	if need > limit.Max {
		return fmt.Errorf("%d devices need %d open files and the limit is %d: raise it (as root) with: ulimit -n %[2]d", devices, need, limit.Max)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files to %d: %w", limit.Max, err)
	}
	return nil
}
