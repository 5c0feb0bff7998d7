//go:build cgo && linux

package safefs

// #include "readers.h"
import "C"

import (
	"context"
	"io/fs"
	"sync"
	"syscall"
	"unsafe"

	"checksig/internal/threads"
)

var _ [0]struct{} = [C.SAFEFS_READERS - maxReaders]struct{}{}
var _ [0]struct{} = [C.SAFEFS_ENTRIES - maxAhead]struct{}{}

// cReaders are readers of threads in C. These may be refused without harm, start in a moment, and end with the walk.
// Each goroutine in a system call holds up others until the runtime notices that it waits: on two CPUs, 64 of them
// take twice as long to read 10,000 cold folders.
type cReaders struct {
	c       *C.safefs_readers
	most    int
	started [maxReaders]*reading
	unused  []int // numbers of readings
	mu      sync.Mutex
	isFree  bool
	unwatch func() bool
	release func() // the threads
}

// newReaders returns nil if there cannot be any.
func newReaders(ctx context.Context, limit int) readers {
	limit, release := threads.Outside(limit)
	if limit == 0 {
		return nil
	}
	c := C.safefs_new_readers(C.int(limit))
	if c == nil {
		release()
		return nil
	}
	r := &cReaders{c: c, most: limit, release: release}
	for i := range limit {
		r.unused = append(r.unused, i)
	}
	r.unwatch = context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.isFree {
			C.safefs_wake(r.c)
		}
	})
	return r
}

func (c *cReaders) limit() int { return c.most }

func (c *cReaders) start(r *reading) bool {
	number := c.unused[len(c.unused)-1]
	name := unsafe.Pointer(unsafe.StringData(r.name))
	if C.safefs_start_reading(c.c, C.int(number), C.int(r.parent.fd), (*C.char)(name), C.size_t(len(r.name))) == 0 {
		return false
	}
	c.unused = c.unused[:len(c.unused)-1]
	c.started[number], r.number = r, number
	return true
}

func (c *cReaders) begin() { C.safefs_begin_readings(c.c) }

func (c *cReaders) await(r *reading, others int) bool {
	return C.safefs_await_reading(c.c, C.int(r.number), C.int(others)) != 0
}

func (c *cReaders) fetch() *reading {
	number := int(C.safefs_fetch_reading(c.c))
	if number < 0 {
		return nil
	}
	r, from := c.started[number], C.safefs_reading_at(c.c, C.int(number))
	c.started[number] = nil
	c.unused = append(c.unused, number)
	r.isWhole, r.isBlocked = from.is_whole != 0, from.is_blocked != 0
	if from.error != 0 {
		r.err = &fs.PathError{Op: "openat", Path: r.name, Err: syscall.Errno(from.error)}
		return r
	}
	r.dir = &dir{int(from.fd)}
	r.nodes, r.err = r.dir.parse(nil, unsafe.Slice((*byte)(unsafe.Pointer(from.entries)), int(from.length)))
	return r
}

func (c *cReaders) free(parents []*dir) {
	c.unwatch()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isFree = true
	fds := make([]C.int, 0, len(parents)+1)
	for _, d := range parents {
		fds = append(fds, C.int(d.fd))
	}
	C.safefs_free_readers(c.c, unsafe.SliceData(fds[:cap(fds)]), C.int(len(parents)))
	c.release()
}
