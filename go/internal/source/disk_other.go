//go:build !linux

package source

// Rotates is false: it is not known here.
func (t *Tree) Rotates() bool { return false }
