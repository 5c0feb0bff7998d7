//go:build !cgo || !(amd64 || arm64) || !(linux || darwin) || checksig_goset

package safefs

import "errors"

// Snapshot is always empty here.
type Snapshot struct{}

// Size returns 0.
func (*Snapshot) Size() int64 { return 0 }

// Prober is not available here.
type Prober struct{}

// NewProber returns [errors.ErrUnsupported].
func NewProber() (*Prober, error) { return nil, errors.ErrUnsupported }

// Probe returns false.
func (*Prober) Probe(*Folder, string, *Snapshot) bool { return false }

// CloseFolder does nothing.
func (*Prober) CloseFolder() {}

// Free does nothing.
func (*Prober) Free() {}
