//go:build !linux

package safefs

// Sequential does nothing here.
func (f *File) Sequential() {}

// IsOnSpinningDisk returns false: it is not known here.
func (t *Tree) IsOnSpinningDisk() bool { return false }
