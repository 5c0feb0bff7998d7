//go:build !linux

package safefs

// Sequential does nothing here.
func (f *File) Sequential() {}

// ReadAhead does nothing: the system reads ahead by itself.
func (f *File) ReadAhead(int64, int64) {}

// IsOnSpinningDisk returns false: it is not known here.
func (t *Tree) IsOnSpinningDisk() bool { return false }
