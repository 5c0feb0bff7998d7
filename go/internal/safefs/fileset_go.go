//go:build cgo && (amd64 || arm64) && (!(linux || darwin) || checksig_goset)

package safefs

// #include <stddef.h>
// #include <stdint.h>
// #include <stdlib.h>
//
// enum { FILES = 128, TOGETHER = 32 };
//
// typedef struct {
// 	uint64_t state[FILES][8];
// 	uint8_t *buffer[FILES]; // NULL for none yet
// 	void *states[TOGETHER]; // of the files that are hashed together
// 	const uint8_t *data[TOGETHER];
// } go_set;
//
// static go_set *new_set(void) { return calloc(1, sizeof(go_set)); } // not C.malloc, which ends the process
//
// static void free_set(go_set *set) {
// 	for (int i = 0; i < FILES; i++)
// 		free(set->buffer[i]);
// 	free(set);
// }
//
// static int has_buffer(go_set *set, int i, size_t size) {
// 	if (set->buffer[i] == NULL)
// 		set->buffer[i] = malloc(size);
// 	return set->buffer[i] != NULL;
// }
//
// typedef void hash_function(unsigned, int, int, void *const[], const uint8_t *const[], size_t);
// typedef uint32_t pad_function(int, uint64_t, uint8_t *);
//
// static void call_hash(void *hash, unsigned features, int function, int count, go_set *set, size_t blocks) {
// 	((hash_function *)hash)(features, function, count, set->states, set->data, blocks);
// }
//
// static uint32_t call_pad(void *pad, int function, uint64_t total, uint8_t *to) {
// 	return ((pad_function *)pad)(function, total, to);
// }
import "C"

import (
	"errors"
	"io"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// FileSetThreads says that a [FileSet] can open and read by threads.
const FileSetThreads = false

const (
	setChunk = 64 << 10 // bytes read at once from a file
	setTail  = 2 * 128  // space for the padding in a buffer
	setSkew  = 192      // keeps buffers off powers of two, or they would share cache sets
	setStep  = 8 << 20  // a step returns after this many bytes even if no file has ended
)

var _ [0]struct{} = [C.FILES - MaxFiles]struct{}{}

// FileSet is files, numbered from 0 to [MaxFiles]-1, that are read and hashed together by one goroutine
// at a time. Here it reads them as [File.Read] does, one after the other, and opens none.
type FileSet struct {
	hasher Hasher
	c      *C.go_set
	used   int // files from this number on are idle
	files  [MaxFiles]setFile
}

// setFile is a file of a set. From PhaseDone on it is closed.
type setFile struct {
	phase     Phase
	file      *File
	algorithm Algorithm
	function  int
	block     int
	at, end   int   // the part of the buffer that has not been hashed yet
	err       error // if PhaseFailed
}

// NewFileSet returns a set without files, to be freed with [FileSet.Free].
func NewFileSet(h Hasher) (*FileSet, error) {
	c := C.new_set()
	if c == nil {
		return nil, syscall.ENOMEM
	}
	return &FileSet{hasher: h, c: c}, nil
}

// Free closes the files that are still open. The set must not be used afterwards.
func (s *FileSet) Free() {
	for i := range s.used {
		s.Drop(i)
	}
	C.free_set(s.c)
}

// SetDepth does nothing: there are no threads.
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

// Adopt reads a file as idle file i, and reports whether it will. Then it closes the file itself.
func (s *FileSet) Adopt(i int, a Algorithm, file *File) bool {
	if file.remote != nil || C.has_buffer(s.c, C.int(i), setChunk+setTail+setSkew) == 0 {
		return false
	}
	s.files[i] = setFile{phase: PhaseReading, file: file, algorithm: a, function: a.Function(), block: a.BlockSize()}
	s.used = max(s.used, i+1)
	a.Start(s.state(i))
	return true
}

func (s *FileSet) state(i int) *[8]uint64 { return (*[8]uint64)(unsafe.Pointer(&s.c.state[i])) }

func (s *FileSet) buffer(i int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(s.c.buffer[i])), setChunk+setTail)
}

// Left returns how many bytes of file i are still to be read.
func (s *FileSet) Left(i int) int64 { return s.files[i].file.Size() - s.files[i].file.total }

// Size returns the size in bytes that file i had when it was opened.
func (s *FileSet) Size(i int) int64 { return s.files[i].file.Size() }

// Drop closes file i, which becomes idle.
func (s *FileSet) Drop(i int) {
	if f := &s.files[i]; f.phase == PhaseReading {
		f.file.Close()
	}
	s.files[i] = setFile{}
}

// CloseFolder does nothing: no folder is open.
func (*FileSet) CloseFolder() {}

// Step reads and hashes until a file has come to its end, some megabytes are read, or stop is not 0.
// It returns the number of bytes read. Other goroutines may set stop.
func (s *FileSet) Step(stop *atomic.Uint32) (total int64) {
	for goesOn := true; goesOn && total < setStep; {
		for i := range s.used {
			if stop.Load() != 0 {
				return total
			}
			total += s.fill(i)
		}
		for function := range s.hasher.Functions {
			s.hash(function)
		}
		goesOn = false
		for i := range s.used {
			if s.files[i].phase >= PhaseDone {
				return total
			}
			goesOn = goesOn || s.files[i].phase != PhaseIdle
		}
	}
	return total
}

// fill reads into the buffer of file i if that lacks a block, and returns the number of bytes read.
func (s *FileSet) fill(i int) (read int64) {
	f := &s.files[i]
	if f.phase != PhaseReading || f.end-f.at >= f.block {
		return 0
	}
	buffer := s.buffer(i)
	f.end = copy(buffer, buffer[f.at:f.end])
	f.at = 0
	for f.phase == PhaseReading && f.end < setChunk {
		n, err := f.file.Read(buffer[f.end:setChunk])
		f.end += n
		read += int64(n)
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			to := (*C.uint8_t)(unsafe.Pointer(&buffer[f.end]))
			f.end += int(C.call_pad(s.hasher.Pad, C.int(f.function), C.uint64_t(f.file.total), to))
			f.phase = PhasePadded
		default:
			f.phase, f.err = PhaseFailed, err
		}
		f.file.Close()
	}
	return read
}

// hash hashes what the buffers of a function's files hold.
func (s *FileSet) hash(function int) {
	var files [C.TOGETHER]int
	count := 0
	for i := range s.used {
		if f := &s.files[i]; f.function != function || f.phase != PhaseReading && f.phase != PhasePadded {
			continue
		}
		files[count] = i
		if count++; count == len(files) {
			s.hashTogether(function, files[:count])
			count = 0
		}
	}
	s.hashTogether(function, files[:count])
}

// hashTogether hashes as many blocks of each file as all of them have.
func (s *FileSet) hashTogether(function int, files []int) {
	if len(files) == 0 {
		return
	}
	blocks := setChunk
	for i, number := range files {
		f := &s.files[number]
		blocks = min(blocks, (f.end-f.at)/f.block)
		s.c.states[i] = unsafe.Pointer(&s.c.state[number])
		s.c.data[i] = (*C.uint8_t)(unsafe.Add(unsafe.Pointer(s.c.buffer[number]), f.at))
	}
	if blocks == 0 {
		return
	}
	C.call_hash(s.hasher.Hash, C.unsigned(s.hasher.Features), C.int(function), C.int(len(files)), s.c, C.size_t(blocks))
	for _, number := range files {
		f := &s.files[number]
		f.at += blocks * f.block
		if f.phase == PhasePadded && f.at == f.end {
			f.phase = PhaseDone
		}
	}
}

// Phase returns the phase of file i.
func (s *FileSet) Phase(i int) Phase { return s.files[i].phase }

// Take returns the outcome of file i, whose phase is [PhaseDone] or [PhaseFailed]. The file becomes idle. The digest is
// appended to dst.
func (s *FileSet) Take(i int, dst []byte) Outcome {
	f := &s.files[i]
	o := Outcome{Phase: f.phase, Total: f.file.total, Err: f.err, Waited: f.file.Waited()}
	if f.phase == PhaseDone {
		o.Digest, o.State = f.algorithm.Sum(dst, s.state(i)), f.file.State()
	}
	*f = setFile{}
	return o
}
