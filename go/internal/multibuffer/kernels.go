//go:build cgo && (amd64 || arm64)

package multibuffer

// #include "lanes.h"
// static lanes_row *lanes_first(void) { return (lanes_row *)lanes_rows; }
// static lanes_row *lanes_next(lanes_row *row) { return row + 1; }
import "C"

import (
	"encoding/binary"
	"runtime"
	"slices"
	"unsafe"
)

// present returns the features of this processor.
func present() features { return features(C.lanes_features()) }

// Kernel is one of the kernels, for tests and measurements.
type Kernel struct{ row *C.lanes_row }

// Kernels returns those of an algorithm that this processor can run, in the order of the plan.
func Kernels(a *Algorithm) []Kernel {
	var found []Kernel
	for row := C.lanes_first(); row.width > 0; row = C.lanes_next(row) {
		if int(row.function) == a.function && features(row.needs)&^present() == 0 {
			found = append(found, Kernel{row})
		}
	}
	return found
}

// Name is the kernel's instruction set and width: "avx512x16".
func (k Kernel) Name() string { return C.GoString(k.row.name) }

// Width is how many streams it takes.
func (k Kernel) Width() int { return int(k.row.width) }

// Streams are messages on their way through a kernel.
type Streams struct {
	algorithm *Algorithm
	states    []C.lanes_state
}

// NewStreams returns count streams at their beginning.
func NewStreams(a *Algorithm, count int) *Streams {
	s := &Streams{a, make([]C.lanes_state, count)}
	for i := range s.states {
		a.begin(&s.states[i])
	}
	return s
}

// Hash hashes blocks whole blocks of the streams that which lists, at most [Max], by k, or by the
// best kernels for as many if k is the zero [Kernel]. data[i] is for stream which[i].
func (s *Streams) Hash(k Kernel, which []int, data [][]byte, blocks int) {
	var pinned runtime.Pinner
	defer pinned.Unpin()
	var states [Max]*C.lanes_state
	var from [Max]*C.uint8_t
	for i, stream := range which {
		pinned.Pin(&s.states[stream])
		pinned.Pin(&data[i][0])
		states[i], from[i] = &s.states[stream], (*C.uint8_t)(&data[i][0])
	}
	count := C.int(len(which))
	if k.row != nil {
		C.lanes_hash_by(k.row, count, &states[0], &from[0], C.size_t(blocks))
		return
	}
	chosen, _ := chosen()
	C.lanes_hash(C.uint(chosen), uint32(s.algorithm.function), count, &states[0], &from[0], C.size_t(blocks))
}

// Sum returns the digest of stream i, whose padding has been hashed.
func (s *Streams) Sum(i int) []byte { return s.algorithm.sum(nil, &s.states[i]) }

// Width returns how many streams the widest kernel chosen takes, 0 where there is none.
func (a *Algorithm) Width() int {
	chosen, _ := chosen()
	if chosen == 0 {
		return 0
	}
	if best := a.best(chosen, Max); best.row != nil {
		return best.Width()
	}
	return 0
}

// best returns the kernel for count streams where there is what chosen says.
func (a *Algorithm) best(chosen features, count int) Kernel {
	return Kernel{C.lanes_best(C.uint(chosen), uint32(a.function), C.int(count))}
}

// begin puts the algorithm's initial value into s.
func (a *Algorithm) begin(s *C.lanes_state) {
	for i, word := range a.initial {
		if a.word == 4 {
			(*[8]uint32)(unsafe.Pointer(s))[i] = uint32(word)
		} else {
			(*[8]uint64)(unsafe.Pointer(s))[i] = word
		}
	}
}

// sum appends the digest to dst.
func (a *Algorithm) sum(dst []byte, s *C.lanes_state) []byte {
	digest := slices.Grow(dst, 64)
	size := len(dst) + a.Size
	for i := 0; len(digest) < size; i++ {
		switch {
		case a.word == 8:
			digest = binary.BigEndian.AppendUint64(digest, (*[8]uint64)(unsafe.Pointer(s))[i])
		case a.swapped:
			digest = binary.BigEndian.AppendUint32(digest, (*[8]uint32)(unsafe.Pointer(s))[i])
		default:
			digest = binary.LittleEndian.AppendUint32(digest, (*[8]uint32)(unsafe.Pointer(s))[i])
		}
	}
	return digest[:size]
}
