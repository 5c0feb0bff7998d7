//go:build cgo && (amd64 || arm64) && (linux || darwin)

package lanes

// #include "group.h"
import "C"

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Group is files that are read and hashed together, by one goroutine at a time. Each has a lane of
// its own.
type Group struct{ c *C.lanes_group }

// groups are kept for the next run: making them anew costs more than verifying a small folder.
var groups sync.Pool

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
	if g, ok := groups.Get().(*Group); ok {
		g.c.features = C.uint(chosen)
		return g, nil
	}
	c := C.lanes_new(C.uint(chosen), Max)
	if c == nil {
		return nil, syscall.ENOMEM
	}
	g := &Group{c}
	runtime.AddCleanup(g, func(c *C.lanes_group) { C.lanes_free(c) }, c)
	return g, nil
}

// Free closes the files that are still open. The group is not to be used again.
func (g *Group) Free() {
	C.lanes_abandon(g.c)
	groups.Put(g)
}

// Open opens name below folder, an open descriptor, for a lane without a file, and reports whether
// it did. What is no regular file, a symbolic link, or not sure to lie below the folder, it does not
// open, nor names of more than 4,095 bytes.
func (g *Group) Open(lane int, a *Algorithm, folder uintptr, name string) bool {
	if len(name) >= len(g.c.name) || strings.IndexByte(name, 0) >= 0 {
		return false
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(&g.c.name)), len(g.c.name))
	to[copy(to, name)] = 0
	return C.lanes_open(g.c, g.start(lane, a), C.int(folder)) != 0
}

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

// Size is how many bytes a lane's file had when it was opened.
func (g *Group) Size(lane int) int64 { return int64(g.c.lane[lane].size) }

// Drop closes a lane's file, and frees the lane.
func (g *Group) Drop(lane int) { C.lanes_drop(&g.c.lane[lane]) }

// Leave is to be called before a folder given to [Group.Open] is closed.
func (g *Group) Leave() { C.lanes_leave(g.c) }

// Step reads and hashes until a file has come to its end, or some megabytes are read, or
// stop is not 0; and returns the number of bytes read. Other goroutines may set stop.
func (g *Group) Step(stop *atomic.Uint32) int64 {
	return int64(C.lanes_step(g.c, (*C.uint32_t)(unsafe.Pointer(stop))))
}

// Phase is what a lane is at.
func (g *Group) Phase(lane int) Phase { return Phase(g.c.lane[lane].phase) }

// Take returns what became of a lane's file, whose phase is [Done] or behind it, and frees the lane.
func (g *Group) Take(lane int, a *Algorithm) Outcome {
	l := &g.c.lane[lane]
	o := Outcome{Phase: Phase(l.phase), Total: int64(l.total), Size: int64(l.size)}
	switch o.Phase {
	case Done:
		o.Digest = a.sum(&l.state)
	case Failed:
		o.Err = syscall.Errno(l.error)
	}
	l.phase = C.int(Idle)
	return o
}
