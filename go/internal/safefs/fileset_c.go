//go:build cgo && (amd64 || arm64) && (linux || darwin) && !checksig_goset

package safefs

// #cgo LDFLAGS: -lpthread
// #include "fileset.h"
import "C"

import (
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// FileSetThreads says that a [FileSet] can open and read by threads.
const FileSetThreads = true

// The phases of Go and C have the same numbers, and both have the same number of files.
var _ [0]struct{} = [C.SAFEFS_DECLINED - PhaseDeclined]struct{}{}
var _ [0]struct{} = [C.SAFEFS_FILES - MaxFiles]struct{}{}

// FileSet is files, numbered from 0 to [MaxFiles]-1, that are read and hashed together by one goroutine
// at a time.
//
// It is the rules of [Tree] and [File] once more, in C: a file must be regular, beneath its folder,
// and unchanged while it is read. It declines what takes more than that to decide, symbolic links for
// example, which [Tree.Open] then decides.
//
// A set whose threads are allowed by [FileSet.SetDepth] is deep while the storage is slow: they open and read,
// many files at a time, what one goroutine hashes.
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

// SetDepth says how many threads may open and read while the storage is slow; with always, they do in any case.
func (s *FileSet) SetDepth(threads int, always bool) {
	s.c.most_threads = C.int(min(threads, MaxFiles))
	if always && threads > 0 {
		s.c.is_fixed, s.c.is_deep = 1, 1
	}
}

// WantsThreads reports whether the storage has proved slow while SetDepth allows no threads.
func (s *FileSet) WantsThreads() bool { return s.c.wants_threads != 0 }

// GoDeep has the threads open and read from now on, until the storage proves fast.
func (s *FileSet) GoDeep() {
	s.c.wants_threads = 1
	if s.c.most_threads > 0 && s.c.is_fixed == 0 {
		s.c.is_deep, s.c.cannot_peek = 1, 0
	}
}

// IsDeep reports whether threads open and read.
func (s *FileSet) IsDeep() bool { return s.c.is_deep != 0 }

// Open opens a file as idle file i, and reports whether it did. It declines anything but a regular file of the
// right size, symbolic links, what may lie outside the folder (unless its tree allows that), and names of more
// than 4,095 bytes. In a deep set, one of the next steps opens the file, and [PhaseDeclined] says if it does not.
// The folder must stay open until then.
func (s *FileSet) Open(i int, a Algorithm, o *Opening) bool {
	f := s.prepare(i, a)
	f.error = 0
	if !setName(f.name, o.Name) {
		return false
	}
	f.folder, f.expected, f.before.taken = o.Folder.c(), C.int64_t(o.Size), 0
	if o.Snapshot != nil {
		f.before = o.Snapshot.c
	}
	if s.IsDeep() {
		f.phase = C.SAFEFS_OPENING
		return true
	}
	return C.safefs_open(s.c, f) != 0
}

// Missing returns an error if Open, or a step, declined file i because there is none called name, so that [Tree.Open]
// need not be called to find the same; otherwise nil.
func (s *FileSet) Missing(i int, name string) error {
	f := &s.c.file[i]
	if err := syscall.Errno(f.error); err == syscall.ENOENT && checkName(name, f.folder.is_open != 0) == nil {
		return &fs.PathError{Op: "statat", Path: name, Err: err}
	}
	return nil
}

func (f *Folder) c() C.safefs_folder {
	c := C.safefs_folder{fd: C.int(f.fd), number: C.uint64_t(f.number)}
	if f.anywhere {
		c.is_open = 1
	}
	return c
}

// Adopt reads a file as idle file i, and reports whether it will. Then it closes the file itself.
func (s *FileSet) Adopt(i int, a Algorithm, file *File) bool {
	if C.safefs_adopt(s.prepare(i, a), C.int(file.file.Fd())) == 0 {
		return false
	}
	file.Close() // the set has a descriptor of its own
	return true
}

func (s *FileSet) prepare(i int, a Algorithm) *C.safefs_file {
	s.algorithms[i] = a
	f := &s.c.file[i]
	s.c.used = max(s.c.used, C.int(i+1))
	f.function, f.block = C.int(a.Function()), C.uint32_t(a.BlockSize())
	a.Start(state(f))
	return f
}

func state(f *C.safefs_file) *[8]uint64 { return (*[8]uint64)(unsafe.Pointer(&f.state)) }

// Left returns how many bytes of file i are still to be read, or -1 if that is not known now.
func (s *FileSet) Left(i int) int64 {
	f := &s.c.file[i]
	if f.is_away != 0 || f.phase == C.SAFEFS_OPENING {
		return -1
	}
	return int64(f.before.size - f.total)
}

// Size returns the size in bytes that file i had when it was opened.
func (s *FileSet) Size(i int) int64 { return int64(s.c.file[i].before.size) }

// Drop closes file i, which becomes idle.
func (s *FileSet) Drop(i int) { C.safefs_drop(&s.c.file[i]) }

// CloseFolder closes the subfolder that Open keeps open. Call it before closing a folder given to Open.
func (s *FileSet) CloseFolder() { C.safefs_close_parent(&s.c.lookup) }

// Step reads and hashes until a file has come to its end, 128 KiB or more are read, or stop is not 0.
// It returns the number of bytes read. Other goroutines may set stop, which must stay where it is until the set
// is freed; see [runtime.Pinner].
func (s *FileSet) Step(stop *atomic.Uint32) int64 {
	return int64(C.safefs_step(s.c, (*C.uint32_t)(unsafe.Pointer(stop))))
}

// Phase returns the phase of file i.
func (s *FileSet) Phase(i int) Phase {
	f := &s.c.file[i]
	if f.is_away != 0 {
		return PhaseOpening
	}
	return Phase(f.phase)
}

// Take returns the outcome of file i, whose phase is [PhaseDone] or a later one. The file becomes idle.
// The digest is appended to dst.
func (s *FileSet) Take(i int, dst []byte) Outcome {
	f := &s.c.file[i]
	o := Outcome{Phase: Phase(f.phase), Total: int64(f.total)}
	switch o.Phase {
	case PhaseDone:
		o.Digest = s.algorithms[i].Sum(dst, state(f))
		o.State = State{
			Size: int64(f.before.size), Modified: nanoseconds(f.before.modified), Changed: nanoseconds(f.before.changed),
			Inode: uint64(f.before.inode),
		}
	case PhaseFailed:
		o.Err = readError(syscall.Errno(f.error))
	case PhaseEnded:
		o.Err = ended(o.Total, s.Size(i))
	case PhaseGrew:
		o.Err = grew(s.Size(i))
	case PhaseDeclined:
		o.Err = syscall.Errno(f.error)
	default:
		o.Err = ErrChanged
	}
	f.phase = C.int(PhaseIdle)
	return o
}

func nanoseconds(t [2]C.int64_t) int64 { return int64(t[0])*1e9 + int64(t[1]) }

// Snapshot is what the system reported of a file before it was opened. The zero value is empty.
type Snapshot struct{ c C.safefs_snapshot }

// Size returns the file's size in bytes.
func (s *Snapshot) Size() int64 { return int64(s.c.size) }

// Prober takes snapshots of files that are to be opened later, for one goroutine at a time.
type Prober struct{ c *C.safefs_prober }

// NewProber returns a prober, to be freed with [Prober.Free]. The error is [errors.ErrUnsupported]
// where there is none.
func NewProber() (*Prober, error) {
	c := C.safefs_new_prober() // not C.malloc, which ends the process if there is no memory
	if c == nil {
		return nil, syscall.ENOMEM
	}
	return &Prober{c}, nil
}

// Probe takes a snapshot of name beneath folder, and reports whether [FileSet.Open] would open it.
func (p *Prober) Probe(folder *Folder, name string, snapshot *Snapshot) bool {
	in := folder.c()
	return setName(&p.c.name[0], name) && C.safefs_probe(p.c, &in, &snapshot.c) != 0
}

// CloseFolder closes the subfolder that Probe keeps open. Call it before closing a folder given to Probe.
func (p *Prober) CloseFolder() { C.safefs_close_parent(&p.c.lookup) }

// Free releases the prober, which must not be used afterwards.
func (p *Prober) Free() { C.safefs_free_prober(p.c) }

// setName copies name to C memory, and reports whether it fits.
func setName(memory *C.char, name string) bool {
	to := unsafe.Slice((*byte)(unsafe.Pointer(memory)), C.SAFEFS_NAME)
	if len(name) >= len(to) || strings.IndexByte(name, 0) >= 0 {
		return false
	}
	to[copy(to, name)] = 0
	return true
}
