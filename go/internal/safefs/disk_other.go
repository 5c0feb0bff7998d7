//go:build !linux

package safefs

// Sequential does nothing here.
func (f *File) Sequential() {}

// Rotates is false: it is not known here.
func (t *Tree) Rotates() bool { return false }
