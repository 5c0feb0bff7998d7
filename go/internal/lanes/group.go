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

// OpenAt has a lane without a file open name below the folder, an open descriptor that is to
// stay so until then, and tells whether it will: names with a NUL byte or of more than 4,095 bytes it
// will not.
func (g *Group) OpenAt(lane int, a *Algorithm, folder int, name string) bool {
	l := &g.c.lane[lane]
	if len(name) >= len(l.name) || strings.IndexByte(name, 0) >= 0 {
		return false
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(&l.name)), len(l.name))
	to[copy(to, name)] = 0
	g.start(l, a)
	l.folder, l.phase = C.int(folder), C.int(opening)
	return true
}

// Adopt has a lane without a file read from an open one, which the caller may close.
func (g *Group) Adopt(lane int, a *Algorithm, file uintptr) {
	l := &g.c.lane[lane]
	g.start(l, a)
	C.lanes_adopt(l, C.int(file))
}

func (g *Group) start(l *C.lanes_lane, a *Algorithm) {
	l.function = C.int(a.function)
	a.begin(&l.state)
}

// Step opens, reads and hashes until a file has come to its end, or some megabytes are read, or
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
