//go:build !cgo || !(amd64 || arm64)

package safefs

import (
	"errors"
	"sync/atomic"
)

// FileSetThreads says that a [FileSet] can open and read by threads.
const FileSetThreads = false

// FileSet is not available here.
type FileSet struct{}

// NewFileSet returns [errors.ErrUnsupported].
func NewFileSet(Hasher) (*FileSet, error) { return nil, errors.ErrUnsupported }

// Free does nothing.
func (*FileSet) Free() {}

// SetDepth does nothing.
func (*FileSet) SetDepth(int, bool) {}

// WantsThreads returns false.
func (*FileSet) WantsThreads() bool { return false }

// GoDeep does nothing.
func (*FileSet) GoDeep() {}

// IsDeep returns false.
func (*FileSet) IsDeep() bool { return false }

// Open declines.
func (*FileSet) Open(int, Algorithm, *Opening) bool { return false }

// Missing returns nil: it is not known.
func (*FileSet) Missing(int, string) error { return nil }

// Adopt declines.
func (*FileSet) Adopt(int, Algorithm, *File) bool { return false }

// Left returns 0.
func (*FileSet) Left(int) int64 { return 0 }

// Size returns 0.
func (*FileSet) Size(int) int64 { return 0 }

// Drop does nothing.
func (*FileSet) Drop(int) {}

// CloseFolder does nothing.
func (*FileSet) CloseFolder() {}

// Step returns 0.
func (*FileSet) Step(*atomic.Uint32) int64 { return 0 }

// Phase returns [PhaseIdle].
func (*FileSet) Phase(int) Phase { return PhaseIdle }

// Take returns the zero value.
func (*FileSet) Take(int, []byte) Outcome { return Outcome{} }
