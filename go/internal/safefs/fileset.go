package safefs

import (
	"time"
	"unsafe"
)

// MaxFiles is the most files that a [FileSet] holds.
const MaxFiles = 128

// Hasher is the C functions that a [FileSet] hashes with, as specified in fileset.h. They are called
// through pointers because C symbols are not linked across Go packages.
type Hasher struct {
	Hash, Pad unsafe.Pointer // C functions
	Features  uint32         // the first argument of Hash
	Functions int            // how many functions there are; they are numbered from 0
}

// Algorithm is a digest algorithm that a [Hasher] computes.
type Algorithm interface {
	Function() int  // number of the algorithm's function
	BlockSize() int // in bytes
	Start(state *[8]uint64)
	Sum(dst []byte, state *[8]uint64) []byte // appends the digest to dst
}

// Phase is the state of one file of a [FileSet]. From PhaseDone on the file is closed and the state is
// final.
type Phase uint8

// The phases, numbered as in fileset.h.
const (
	PhaseIdle     Phase = iota // no file
	PhaseOpening               // not open yet
	PhaseReading               // open
	PhasePadded                // read to its end; the last blocks are still to be hashed
	PhaseDone                  // the digest is known
	PhaseFailed                // could not be read
	PhaseChanged               // changed after the opening
	PhaseEnded                 // ended before its size
	PhaseGrew                  // continued beyond its size
	PhaseStale                 // differs from its snapshot, or could not be read; to be opened again by [Tree.Open]
	PhaseDeclined              // could not be opened here; to be opened by [Tree.Open]
)

// Outcome is the result of reading and hashing one file of a [FileSet].
type Outcome struct {
	Phase  Phase         // PhaseDone or a later one
	Digest []byte        // if PhaseDone
	Total  int64         // bytes read
	Err    error         // the error that [File.Read] returns in this case; nil only if PhaseDone
	State  State         // before and after the reading; only if PhaseDone
	Waited time.Duration // as [File.Waited]; only where [FileSetThreads] is false
}

// Opening is a file to be opened for a [FileSet].
type Opening struct {
	Folder   *Folder
	Name     string
	Snapshot *Snapshot // nil for none; a fresh one saves a system call
	Size     int64     // bytes that the file should have, or -1
}
