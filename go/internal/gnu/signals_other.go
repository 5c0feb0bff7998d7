//go:build !linux

package gnu

// plainSignals does nothing: only Linux lets a Go program ask the kernel for it.
func plainSignals() {}
