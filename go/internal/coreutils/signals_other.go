//go:build !linux

package coreutils

// plainSignals does nothing: only Linux lets a Go program ask the kernel for it.
func plainSignals() {}
