// Package main is the C door to the engine: C types in, C types out, and nothing else.
//
// Every char * that a function here returns was allocated by the C library this one is linked
// with; the caller frees it with free.
package main

// #include <stdint.h>
// #include <stdlib.h>
import "C"

import (
	"context"
	"runtime/cgo"
	"runtime/debug"
	"time"
	"unsafe"

	"checksig/internal/engine"
	"checksig/internal/job"
)

// init has the runtime make its poller now, which it makes for the first timer or file, and without
// free descriptors ends the process. Whoever loads this library can see to it that there are some.
func init() { time.AfterFunc(time.Hour, func() {}).Stop() }

// checksig_abi returns [job.ABI]. It returns once the Go runtime is ready.
//
//export checksig_abi
func checksig_abi() C.int { return job.ABI }

// verify verifies every file that the manifests in the folder root list. It returns NULL when all
// is well, otherwise a message; see [engine.CheckSignatures].
//
//export verify
func verify(root *C.char) (message *C.char) {
	defer recovered(func(err error) { message = C.CString(err.Error()) })
	if root == nil {
		return C.CString("verify: root is NULL")
	}
	if err := engine.CheckSignatures(context.Background(), C.GoString(root)); err != nil {
		return C.CString(err.Error())
	}
	return nil
}

// checksig_start starts a job for a request of size bytes, see [job.Start], and puts it into
// *handle, to be given to checksig_free in the end. (An interrupt of the caller right behind the
// call could lose a handle that is returned, but not one that is already in its memory.)
//
//export checksig_start
func checksig_start(request *C.char, size C.size_t, handle *C.uintptr_t) {
	defer recovered(func(err error) { *handle = C.uintptr_t(cgo.NewHandle(job.Failed(err))) })
	fields := C.GoBytes(unsafe.Pointer(request), C.int(size))
	*handle = C.uintptr_t(cgo.NewHandle(job.Start(fields)))
}

// checksig_wait waits at most timeout milliseconds and returns the batch of results that are
// there by then, of *size bytes; see [job.Job.Wait].
//
//export checksig_wait
func checksig_wait(handle C.uintptr_t, timeout C.int, size *C.size_t) (batch *C.char) {
	defer recovered(func(err error) { batch = bytes(job.Failed(err).Wait(0), size) })
	jobOf(handle).WaitIn(time.Duration(timeout)*time.Millisecond, func(n int) []byte {
		*size = C.size_t(n)
		batch = (*C.char)(C.malloc(*size))
		return unsafe.Slice((*byte)(unsafe.Pointer(batch)), n)
	})
	return batch
}

// checksig_cancel makes a job end as soon as it can; see [job.Job.Cancel].
//
//export checksig_cancel
func checksig_cancel(handle C.uintptr_t) {
	defer recovered(func(error) {})
	jobOf(handle).Cancel()
}

// checksig_free cancels a job and forgets it. The handle is not to be used again.
//
//export checksig_free
func checksig_free(handle C.uintptr_t) {
	defer recovered(func(error) {})
	jobOf(handle).Cancel()
	cgo.Handle(handle).Delete()
}

func jobOf(handle C.uintptr_t) *job.Job { return cgo.Handle(handle).Value().(*job.Job) }

func bytes(b []byte, size *C.size_t) *C.char {
	*size = C.size_t(len(b))
	return (*C.char)(C.CBytes(b))
}

// recovered keeps a panic from ending the host process, and tells of it; it is to be deferred.
func recovered(tell func(error)) {
	if v := recover(); v != nil {
		tell(&engine.PanicError{Value: v, Stack: debug.Stack()})
	}
}

func main() {}
