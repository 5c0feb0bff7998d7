//go:build !linux

package gnu

// resetSIGQUIT does nothing: only on Linux can a Go program make this system call.
func resetSIGQUIT() {}
