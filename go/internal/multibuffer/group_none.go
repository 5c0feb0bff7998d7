//go:build !cgo || !(amd64 || arm64) || !(linux || darwin)

package multibuffer

import "sync/atomic"

// Group cannot be had here.
type Group struct{}

// New returns an error: that of [Check], or [ErrNone].
func New() (*Group, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	return nil, ErrNone
}

// Free does nothing.
func (*Group) Free() {}

// Open refuses.
func (*Group) Open(int, *Algorithm, uintptr, string, *Seen) bool { return false }

// Adopt refuses.
func (*Group) Adopt(int, *Algorithm, uintptr) bool { return false }

// Left is 0.
func (*Group) Left(int) int64 { return 0 }

// Size is 0.
func (*Group) Size(int) int64 { return 0 }

// Drop does nothing.
func (*Group) Drop(int) {}

// Leave does nothing.
func (*Group) Leave() {}

// Step does nothing.
func (*Group) Step(*atomic.Uint32) int64 { return 0 }

// Phase says that the lane is free.
func (*Group) Phase(int) Phase { return Idle }

// Take returns nothing.
func (*Group) Take(int, *Algorithm, []byte) Outcome { return Outcome{} }

// Seen knows nothing.
type Seen struct{}

// Size is 0.
func (*Seen) Size() int64 { return 0 }

// Scout cannot be had here.
type Scout struct{}

// NewScout returns the error of [New].
func NewScout() (*Scout, error) {
	_, err := New()
	return nil, err
}

// Look sees nothing.
func (*Scout) Look(uintptr, string, *Seen) bool { return false }

// Leave does nothing.
func (*Scout) Leave() {}

// Free does nothing.
func (*Scout) Free() {}
