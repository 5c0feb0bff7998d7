//go:build !windows

package main

import (
	"os/signal"
	"syscall"
)

// ignoreBrokenPipe has a write to a pipe that nobody reads fail, instead of ending the program.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }
