// Package main is the C API of the engine.
//
// The caller frees every char * that a function returns with free, of the C library that this library
// is linked with.
package main

// #include <stdint.h>
// #include <stdlib.h>
import "C"

import (
	"context"
	"runtime/cgo"
	"time"
	"unsafe"

	"checksig/internal/guard"
	"checksig/internal/job"
	engine "checksig/internal/verify" // verify is a function here
	"checksig/internal/wire"
)

// init makes the Go runtime create its network poller now. It creates it for the first timer or file
// otherwise, and ends the process if there is no free file descriptor then.
func init() { time.AfterFunc(time.Hour, func() {}).Stop() }

// checksig_abi returns [wire.ABI]. It returns once the Go runtime is ready.
//
//export checksig_abi
func checksig_abi() C.int { return wire.ABI }

// verify verifies every file that the manifests in the directory root list. It returns NULL if all of
// them are as listed, and otherwise a message; see [engine.CheckSignatures].
//
//export verify
func verify(root *C.char) (message *C.char) {
	defer guard.Recover(func(err error) { message = C.CString(err.Error()) })
	if root == nil {
		return C.CString("verify: root is NULL")
	}
	if err := engine.CheckSignatures(context.Background(), C.GoString(root)); err != nil {
		return C.CString(err.Error())
	}
	return nil
}

// checksig_start starts a job for a request of size bytes, see [job.Start], and stores its handle in
// *handle. The caller frees it with checksig_free. (A caller that is interrupted directly after the
// call could lose a handle that was returned, but not one that is already in its memory.)
//
//export checksig_start
func checksig_start(request *C.char, size C.size_t, handle *C.uintptr_t) {
	defer guard.Recover(func(err error) { *handle = C.uintptr_t(cgo.NewHandle(job.Failed(err))) })
	fields := C.GoBytes(unsafe.Pointer(request), C.int(size))
	*handle = C.uintptr_t(cgo.NewHandle(job.Start(fields)))
}

// checksig_wait waits at most timeout milliseconds and returns a batch of results, of *size bytes; see
// [job.Job.Wait].
//
//export checksig_wait
func checksig_wait(handle C.uintptr_t, timeout C.int, size *C.size_t) (batch *C.char) {
	defer guard.Recover(func(err error) { batch = copyToC(job.Failed(err).Wait(0), size) })
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
	defer guard.Recover(func(error) {})
	jobOf(handle).Cancel()
}

// checksig_free cancels a job and frees it. The handle must not be used again.
//
//export checksig_free
func checksig_free(handle C.uintptr_t) {
	defer guard.Recover(func(error) {})
	jobOf(handle).Cancel()
	cgo.Handle(handle).Delete()
}

// checksig_answer passes on the caller's answer to a query of a job: its status and size bytes of data, which are
// copied. It may be called from any thread.
//
//export checksig_answer
func checksig_answer(handle C.uintptr_t, query C.uint, status C.int, data *C.char, size C.size_t) {
	defer guard.Recover(func(error) {})
	answer := &wire.Answer{Status: wire.AnswerFailed, Data: []byte("the answer is too long")}
	if size <= wire.MaxAnswer {
		answer = wire.NewAnswer(wire.AnswerStatus(status), unsafe.Slice((*byte)(unsafe.Pointer(data)), int(size)))
	}
	jobOf(handle).Answer(uint32(query), answer)
}

func jobOf(handle C.uintptr_t) *job.Job { return cgo.Handle(handle).Value().(*job.Job) }

func copyToC(b []byte, size *C.size_t) *C.char {
	*size = C.size_t(len(b))
	return (*C.char)(C.CBytes(b))
}

func main() {}
