//go:build cgo && (amd64 || arm64)

package multibuffer

// #include "multibuffer.h"
// static mb_row *first_row(void) { return (mb_row *)mb_rows; }
// static mb_row *next_row(mb_row *row) { return row + 1; }
import "C"

import (
	"runtime"
	"unsafe"
)

// present returns the features of this CPU.
func present() features { return features(C.mb_features()) }

// NewHasher returns the kernels that may be used. The error is [ErrNone] or that of [Check].
func NewHasher() (Hasher, error) {
	enabled, err := enabled()
	if err != nil {
		return Hasher{}, err
	}
	if enabled == 0 {
		return Hasher{}, ErrNone
	}
	return Hasher{C.mb_hash, C.mb_pad, uint32(enabled), C.MB_FUNCTIONS}, nil
}

// Kernel is one kernel, for tests and measurements.
type Kernel struct{ row *C.mb_row }

// Kernels returns an algorithm's kernels that this CPU can run, in the order of the dispatch table.
func Kernels(a *Algorithm) []Kernel {
	var found []Kernel
	for row := C.first_row(); row.width > 0; row = C.next_row(row) {
		if int(row.function) == a.function && features(row.needs)&^present() == 0 {
			found = append(found, Kernel{row})
		}
	}
	return found
}

// Name returns the kernel's instruction set and width: "avx512x16".
func (k Kernel) Name() string { return C.GoString(k.row.name) }

// Width returns how many streams the kernel takes.
func (k Kernel) Width() int { return int(k.row.width) }

// Streams are messages that are being hashed, for tests and measurements.
type Streams struct {
	algorithm *Algorithm
	states    []State
}

// NewStreams returns count streams that have hashed nothing yet.
func NewStreams(a *Algorithm, count int) *Streams {
	s := &Streams{a, make([]State, count)}
	for i := range s.states {
		a.Start(&s.states[i])
	}
	return s
}

// Hash hashes whole blocks of the streams listed in which, at most [Max], by k, or by the best
// kernels if k is the zero [Kernel]. data[i] is for stream which[i].
func (s *Streams) Hash(k Kernel, which []int, data [][]byte, blocks int) {
	var pinned runtime.Pinner
	defer pinned.Unpin()
	var states [Max]unsafe.Pointer
	var from [Max]*C.uint8_t
	for i, stream := range which {
		pinned.Pin(&s.states[stream])
		pinned.Pin(&data[i][0])
		states[i], from[i] = unsafe.Pointer(&s.states[stream]), (*C.uint8_t)(&data[i][0])
	}
	count := C.int(len(which))
	if k.row != nil {
		C.mb_hash_by(k.row, count, &states[0], &from[0], C.size_t(blocks))
		return
	}
	enabled, _ := enabled()
	C.mb_hash(C.uint(enabled), C.int(s.algorithm.function), count, &states[0], &from[0], C.size_t(blocks))
}

// Sum returns the digest of stream i, whose padding has been hashed.
func (s *Streams) Sum(i int) []byte { return s.algorithm.Sum(nil, &s.states[i]) }

// Width returns how many streams the widest enabled kernel takes, or 0 if there is none.
func (a *Algorithm) Width() int {
	enabled, _ := enabled()
	if enabled == 0 {
		return 0
	}
	if best := a.best(enabled, Max); best.row != nil {
		return best.Width()
	}
	return 0
}

// best returns the kernel for count streams on a CPU with these features.
func (a *Algorithm) best(has features, count int) Kernel {
	return Kernel{C.mb_best(C.uint(has), C.int(a.function), C.int(count))}
}

// pad returns the padding that follows total bytes.
func (a *Algorithm) pad(total uint64) []byte {
	var to [2 * 128]byte
	n := C.mb_pad(C.int(a.function), C.uint64_t(total), (*C.uint8_t)(&to[0]))
	return to[:n]
}
