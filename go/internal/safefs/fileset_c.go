//go:build cgo && (amd64 || arm64) && (linux || darwin)

package safefs

// #include "fileset.h"
import "C"

import (
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// The phases of Go and C have the same numbers, and both have the same number of files.
var _ [0]struct{} = [C.SAFEFS_STALE - PhaseStale]struct{}{}
var _ [0]struct{} = [C.SAFEFS_FILES - MaxFiles]struct{}{}

// FileSet is files, numbered from 0 to [MaxFiles]-1, that are read and hashed together by one goroutine
// at a time.
//
// It is the rules of [Tree] and [File] once more, in C: a file must be regular, beneath its folder,
// and unchanged while it is read. It declines what takes more than that to decide, symbolic links for
// example, which [Tree.Open] then decides.
type FileSet struct {
	c          *C.safefs_set
	algorithms [MaxFiles]Algorithm
}

// freeSets holds file sets for reuse: a new one costs more than verifying a small folder. It is
// limited because each keeps 2 MB of memory; whoever needs more sets runs longer than it takes to
// make them.
var freeSets = make(chan *FileSet, 2)

// NewFileSet returns a set without files, to be freed with [FileSet.Free]. The error is
// [errors.ErrUnsupported] where there is no such reader.
func NewFileSet(h Hasher) (*FileSet, error) {
	var s *FileSet
	select {
	case s = <-freeSets:
	default:
		c := C.safefs_new_set()
		if c == nil {
			return nil, syscall.ENOMEM
		}
		s = &FileSet{c: c}
	}
	s.c.hasher = C.safefs_hasher{(*[0]byte)(h.Hash), (*[0]byte)(h.Pad), C.uint(h.Features), C.int(h.Functions)}
	return s, nil
}

// Free closes the files that are still open. The set must not be used afterwards.
func (s *FileSet) Free() {
	C.safefs_drop_all(s.c)
	select {
	case freeSets <- s:
	default:
		C.safefs_free_set(s.c)
	}
}

// Open opens name beneath folder, an open descriptor, as idle file i, and reports whether it did. It
// declines anything but a regular file, symbolic links, what may lie outside the folder, and names of
// more than 4,095 bytes. A fresh snapshot saves a system call; the zero value is none.
func (s *FileSet) Open(i int, a Algorithm, folder uintptr, name string, snapshot *Snapshot) bool {
	return setName(&s.c.lookup, name) && C.safefs_open(s.c, s.prepare(i, a), C.int(folder), &snapshot.c) != 0
}

// Adopt reads an open regular file, which the caller may close, as idle file i. It reports whether it
// will.
func (s *FileSet) Adopt(i int, a Algorithm, fd uintptr) bool {
	return C.safefs_adopt(s.prepare(i, a), C.int(fd)) != 0
}

func (s *FileSet) prepare(i int, a Algorithm) *C.safefs_file {
	s.algorithms[i] = a
	f := &s.c.file[i]
	f.function, f.block = C.int(a.Function()), C.uint32_t(a.BlockSize())
	a.Start(state(f))
	return f
}

func state(f *C.safefs_file) *[8]uint64 { return (*[8]uint64)(unsafe.Pointer(&f.state)) }

// Left returns how many bytes of file i are still to be read.
func (s *FileSet) Left(i int) int64 { return int64(s.c.file[i].before.size - s.c.file[i].total) }

// Size returns the size in bytes that file i had when it was opened.
func (s *FileSet) Size(i int) int64 { return int64(s.c.file[i].before.size) }

// Drop closes file i, which becomes idle.
func (s *FileSet) Drop(i int) { C.safefs_drop(&s.c.file[i]) }

// CloseFolder closes the subfolder that Open keeps open. Call it before closing a folder given to Open.
func (s *FileSet) CloseFolder() { C.safefs_close_parent(&s.c.lookup) }

// Step reads and hashes until a file has come to its end, some megabytes are read, or stop is not 0.
// It returns the number of bytes read. Other goroutines may set stop.
func (s *FileSet) Step(stop *atomic.Uint32) int64 {
	return int64(C.safefs_step(s.c, (*C.uint32_t)(unsafe.Pointer(stop))))
}

// Phase returns the phase of file i.
func (s *FileSet) Phase(i int) Phase { return Phase(s.c.file[i].phase) }

// Take returns the outcome of file i, whose phase is [PhaseDone] or a later one. The file becomes idle.
// The digest is appended to dst.
func (s *FileSet) Take(i int, dst []byte) Outcome {
	f := &s.c.file[i]
	o := Outcome{Phase: Phase(f.phase), Total: int64(f.total)}
	switch o.Phase {
	case PhaseDone:
		o.Digest = s.algorithms[i].Sum(dst, state(f))
	case PhaseFailed:
		o.Err = readError(syscall.Errno(f.error))
	case PhaseEnded:
		o.Err = ended(o.Total, s.Size(i))
	case PhaseGrew:
		o.Err = grew(s.Size(i))
	default:
		o.Err = ErrChanged
	}
	f.phase = C.int(PhaseIdle)
	return o
}

// Snapshot is what the system reported of a file before it was opened. The zero value is empty.
type Snapshot struct{ c C.safefs_snapshot }

// Size returns the file's size in bytes.
func (s *Snapshot) Size() int64 { return int64(s.c.size) }

// Prober takes snapshots of files that are to be opened later, for one goroutine at a time.
type Prober struct{ c *C.safefs_lookup }

// NewProber returns a prober, to be freed with [Prober.Free]. The error is [errors.ErrUnsupported]
// where there is none.
func NewProber() (*Prober, error) {
	c := C.safefs_new_lookup()
	if c == nil {
		return nil, syscall.ENOMEM
	}
	return &Prober{c}, nil
}

// Probe takes a snapshot of name beneath folder, an open descriptor, and reports whether
// [FileSet.Open] would open it.
func (p *Prober) Probe(folder uintptr, name string, snapshot *Snapshot) bool {
	return setName(p.c, name) && C.safefs_probe(p.c, C.int(folder), &snapshot.c) != 0
}

// CloseFolder closes the subfolder that Probe keeps open. Call it before closing a folder given to Probe.
func (p *Prober) CloseFolder() { C.safefs_close_parent(p.c) }

// Free releases the prober, which must not be used afterwards.
func (p *Prober) Free() { C.safefs_free_lookup(p.c) }

// setName copies name to a lookup, and reports whether it fits.
func setName(lookup *C.safefs_lookup, name string) bool {
	to := unsafe.Slice((*byte)(unsafe.Pointer(&lookup.name)), len(lookup.name))
	if len(name) >= len(to) || strings.IndexByte(name, 0) >= 0 {
		return false
	}
	to[copy(to, name)] = 0
	return true
}
