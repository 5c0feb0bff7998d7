//go:build cgo && (linux || darwin) && !checksig_program

package threads

// int threads_probe(int count);
// int threads_is_new(void);
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// probe returns how many threads can be created at once, up to count. They have ended when it returns.
func probe(count int) int { return int(C.threads_probe(C.int(count))) }

// add has the runtime create threads until it has count that no earlier call has counted, and returns how many
// those are. A goroutine that is locked to its thread and waits needs that thread for itself.
func add(count int) int {
	var (
		added   atomic.Int64
		running sync.WaitGroup
		end     = make(chan struct{})
	)
	for int(added.Load()) < count {
		var arrived sync.WaitGroup
		for range count - int(added.Load()) {
			arrived.Add(1)
			running.Go(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				added.Add(int64(C.threads_is_new()))
				arrived.Done()
				<-end
			})
		}
		arrived.Wait()
	}
	close(end)
	running.Wait()
	return int(added.Load())
}
