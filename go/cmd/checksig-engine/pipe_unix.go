//go:build !windows

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// ignoreBrokenPipe makes a write to a pipe without a reader fail instead of ending the program.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }

// endOnSignals has stop called when a signal is to end the program, which then ends by it.
func endOnSignals(stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM)
	go func() {
		number := <-signals
		stop()
		signal.Reset(number)
		_ = syscall.Kill(os.Getpid(), number.(syscall.Signal))
	}()
}
