//go:build cgo && (amd64 || arm64) && (linux || darwin)

package multibuffer

// #include "group.h"
import "C"

import (
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Group is files that are read and hashed together, by one goroutine at a time. Each has a lane of
// its own.
type Group struct{ c *C.lanes_group }

// spare holds groups for the next run: making them anew costs more than verifying a small folder.
// They are few, as nobody but this package knows of their memory, 2 MB each; a run that has use for
// more takes longer than their making.
var spare = make(chan *Group, 2)

// New returns a group in which no lane has a file; see [Group.Free]. The error is [ErrNone] where
// there are no kernels, or of [Check].
func New() (*Group, error) {
	chosen, err := chosen()
	if err != nil {
		return nil, err
	}
	if chosen == 0 {
		return nil, ErrNone
	}
	select {
	case g := <-spare:
		return g, nil
	default:
	}
	c := C.lanes_new(C.uint(chosen), Max)
	if c == nil {
		return nil, syscall.ENOMEM
	}
	return &Group{c}, nil
}

// Free closes the files that are still open. The group is not to be used again.
func (g *Group) Free() {
	C.lanes_abandon(g.c)
	select {
	case spare <- g:
	default:
		C.lanes_free(g.c)
	}
}

// Open opens name below folder, an open descriptor, for a lane without a file, and reports whether
// it did. What is no regular file, a symbolic link, or not sure to lie below the folder, it does not
// open, nor names of more than 4,095 bytes. What was seen of the file a moment ago need not be found
// out again.
func (g *Group) Open(lane int, a *Algorithm, folder uintptr, name string, seen *Seen) bool {
	return setName(&g.c.place, name) && C.lanes_open(g.c, g.start(lane, a), C.int(folder), &seen.c) != 0
}

// setName tells whether there is room for name.
func setName(place *C.lanes_place, name string) bool {
	to := unsafe.Slice((*byte)(unsafe.Pointer(&place.name)), len(place.name))
	if len(name) >= len(to) || strings.IndexByte(name, 0) >= 0 {
		return false
	}
	to[copy(to, name)] = 0
	return true
}

// Seen is what a file is seen to be by its name; the zero value knows nothing.
type Seen struct{ c C.lanes_seen }

// Size is in bytes.
func (s *Seen) Size() int64 { return int64(s.c.size) }

// Scout looks at files before they are opened.
type Scout struct{ c *C.lanes_place }

// NewScout returns one, for one goroutine at a time; see [Scout.Free]. The error is that of [New].
func NewScout() (*Scout, error) {
	if chosen, err := chosen(); err != nil || chosen == 0 {
		return nil, errors.Join(err, ErrNone)
	}
	c := C.lanes_new_place()
	if c == nil {
		return nil, syscall.ENOMEM
	}
	return &Scout{c}, nil
}

// Look looks at name below folder, an open descriptor, and reports whether it is what [Group.Open]
// would open.
func (s *Scout) Look(folder uintptr, name string, seen *Seen) bool {
	return setName(s.c, name) && C.lanes_look(s.c, C.int(folder), &seen.c) != 0
}

// Leave is to be called before a folder given to [Scout.Look] is closed.
func (s *Scout) Leave() { C.lanes_leave(s.c) }

// Free closes what is open.
func (s *Scout) Free() { C.lanes_free_place(s.c) }

// Adopt has a lane without a file read an open one, which the caller may close, and reports
// whether it will; what is no regular file it will not.
func (g *Group) Adopt(lane int, a *Algorithm, file uintptr) bool {
	return C.lanes_adopt(g.start(lane, a), C.int(file)) != 0
}

func (g *Group) start(lane int, a *Algorithm) *C.lanes_lane {
	l := &g.c.lane[lane]
	l.function = C.int(a.function)
	a.begin(&l.state)
	return l
}

// Left is how many bytes of a lane's file are still to be read.
func (g *Group) Left(lane int) int64 {
	l := &g.c.lane[lane]
	return int64(l.seen.size - l.total)
}

// Size is how many bytes a lane's file had when it was opened.
func (g *Group) Size(lane int) int64 { return int64(g.c.lane[lane].seen.size) }

// Drop closes a lane's file, and frees the lane.
func (g *Group) Drop(lane int) { C.lanes_drop(&g.c.lane[lane]) }

// Leave is to be called before a folder given to [Group.Open] is closed.
func (g *Group) Leave() { C.lanes_leave(&g.c.place) }

// Step reads and hashes until a file has come to its end, or some megabytes are read, or
// stop is not 0; and returns the number of bytes read. Other goroutines may set stop.
func (g *Group) Step(stop *atomic.Uint32) int64 {
	return int64(C.lanes_step(g.c, (*C.uint32_t)(unsafe.Pointer(stop))))
}

// Phase is what a lane is at.
func (g *Group) Phase(lane int) Phase { return Phase(g.c.lane[lane].phase) }

// Take returns what became of a lane's file, whose phase is [Done] or behind it, and frees the lane.
// The digest is appended to dst.
func (g *Group) Take(lane int, a *Algorithm, dst []byte) Outcome {
	l := &g.c.lane[lane]
	o := Outcome{Phase: Phase(l.phase), Total: int64(l.total), Size: int64(l.seen.size)}
	switch o.Phase {
	case Done:
		o.Digest = a.sum(dst, &l.state)
	case Failed:
		o.Err = syscall.Errno(l.error)
	}
	l.phase = C.int(Idle)
	return o
}
