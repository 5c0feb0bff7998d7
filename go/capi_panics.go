//go:build checksig_panics

package main

import "C"

import (
	"hash"
	"runtime"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/manifest"
)

// These exports are for tests, mostly of panics. The library that is installed does not have them.

// Where checksig_panic_at causes a panic: in what every run calls there.
const (
	atNothing     = iota
	atJob         // in the goroutine of a job
	atJobNil      // there, by a nil dereference
	atWorker      // in a worker's goroutine
	atWorkerNil   // there, by a nil dereference
	atSurvey      // in the goroutine that finds out the totals
	atContradicts // in the second reading of the manifests, after the workers have ended
)

const noKernel = "an algorithm without a kernel" // so the hasher that New returns is used

var (
	format = manifest.Formats[0] // the first to look at every manifest
	detect = format.Detect
	sha256 = digest.ByName("sha256")
	hasher = sha256.New
)

// checksig_panic_at makes all runs that start after it panic there. No other run may be active.
//
//export checksig_panic_at
func checksig_panic_at(where C.int) {
	format.Detect, sha256.Name, sha256.New = detect, "sha256", hasher
	switch where {
	case atJob:
		format.Detect = func([]byte, manifest.Options) bool { panic("in a job") }
	case atJobNil:
		format.Detect = func([]byte, manifest.Options) bool { return *null == 0 }
	case atWorker:
		sha256.Name, sha256.New = noKernel, func() hash.Hash { panic("in a worker") }
	case atWorkerNil:
		sha256.Name, sha256.New = noKernel, func() hash.Hash { *null = 1; return nil }
	case atSurvey, atContradicts:
		read := false // by the run itself, which reads the manifest first
		format.Detect = func(head []byte, o manifest.Options) bool {
			if read {
				panic("in a second reading")
			}
			read = true
			return detect(head, o)
		}
	}
}

// checksig_panic panics in the call itself: by a nil dereference if byNull is not 0.
//
//export checksig_panic
func checksig_panic(byNull C.int) (message *C.char) {
	defer guard.Recover(func(err error) { message = C.CString(err.Error()) })
	if byNull != 0 {
		*null = 1
	}
	panic("in the call")
}

// checksig_goroutines returns how many goroutines there are.
//
//export checksig_goroutines
func checksig_goroutines() C.int { return C.int(runtime.NumGoroutine()) }

// checksig_processors returns how many goroutines may run at once.
//
//export checksig_processors
func checksig_processors() C.int { return C.int(runtime.GOMAXPROCS(0)) }

var null *int
