//go:build !windows

package main

import (
	"os/signal"
	"syscall"
)

// ignoreBrokenPipe makes a write to a pipe without a reader fail instead of ending the program.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }
