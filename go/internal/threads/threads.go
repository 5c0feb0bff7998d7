// Package threads makes sure that the Go runtime has the threads that work needs before the work starts.
//
// The runtime creates a thread whenever more goroutines are in system calls or in C than it has threads for,
// keeps it for ever, and ends the whole process, which is the caller's, if the system refuses one (RLIMIT_NPROC,
// pids.max of a control group, kernel.threads-max). [Reserve] finds that out while it can still be an error: it
// has threads created in C, which may fail, and then has the runtime create as many of its own.
//
// What remains is the moment between the two, in which other programs of the user may take what was free. The
// runtime tries again for a fifth of a second then.
package threads

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

const (
	// perJob is how many goroutines of a job may be in system calls besides its workers: one that reads or
	// writes manifests, one that walks or looks at what waits, one that finds totals.
	perJob = 3

	// perProcess is how many threads the runtime uses besides these and one for each CPU: one that waits for
	// events, and some because it creates one when another is only about to be free.
	perProcess = 6

	// spare is how many threads must be left for others when some were refused.
	spare = 2

	// margin is how many threads must be left for the runtime and others by what can do without more.
	margin = 16

	// batch is how many threads are created at once for what can do without: to see whether there can be one takes
	// starting margin others, and the next one will be there.
	batch = 16

	// first is how many workers are reserved before it is known whether there is work for more, and for how
	// many CPUs there are threads until then.
	first = 8
)

// A refused thread is tried again after retryPause, retryLimit times, and for as long as other jobs go on.
const (
	retryPause = 20 * time.Millisecond
	retryLimit = 50
)

// Error says that too few threads can be created.
type Error struct{ Missing int }

func (e *Error) Error() string {
	return fmt.Sprintf("the engine needs %d more threads than can be started: raise the limit of processes"+
		" (ulimit -u, RLIMIT_NPROC, or the container's limit of pids)", e.Missing)
}

var shared struct {
	sync.Mutex
	known    int  // threads that the runtime has, at least
	reserved int  // threads that jobs may need at the same time
	outside  int  // threads that C code may create, or has created
	wide     bool // there was work for more than the first workers
}

// init has the runtime create the threads that any job needs. Who loads the library has seen to it that there can be
// so many; see limits.py of the Python package.
func init() { shared.known = add(min(runtime.GOMAXPROCS(0), first) + perProcess) }

// Reserve makes sure that the runtime has the threads for a job with so many workers, 0 for one a CPU. It returns
// how many workers the job may have, fewer where threads are scarce. More than the first eight are only reserved by
// [Extend]. Call release when the job has ended. The error is that of ctx, or an [*Error] after a second in which no
// other job went on.
func Reserve(ctx context.Context, workers int) (granted int, release func(), err error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	for try := 0; ; try++ {
		granted, missing := reserve(perJob, min(workers, first), 1, required)
		if missing == 0 {
			release := releasing(perJob + granted)
			if granted == first {
				granted = workers
			}
			return granted, release, nil
		}
		if isBusy() {
			try = 0
		}
		if try == retryLimit {
			return 0, nil, &Error{missing}
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
}

// Limit returns how many workers to ask for, where 0 is for one a CPU, if so many were granted.
func Limit(workers, granted int) int {
	if workers == 0 && granted >= runtime.GOMAXPROCS(0) {
		return 0
	}
	return granted
}

func isBusy() bool {
	shared.Lock()
	defer shared.Unlock()
	return shared.reserved > 0
}

// Extend makes sure that the runtime has the threads for all workers of a job that has reserved the first ones,
// and returns how many there may be. Call release when these have ended.
func Extend(workers int) (granted int, release func()) {
	if workers <= first {
		return workers, func() {}
	}
	shared.Lock()
	shared.wide = true
	shared.Unlock()
	more, _ := reserve(0, workers-first, 0, required) // none if even those for the CPUs are missing
	return first + more, releasing(more)
}

// Extra makes sure that the runtime has more threads for a job that has reserved its own and can do without them, and
// returns how many. Call release when what uses them has ended.
func Extra(count int) (granted int, release func()) {
	granted, _ = reserve(0, count, 0, optional)
	return granted, releasing(granted)
}

// urgency is what threads are reserved for.
type urgency struct {
	find  func(count int) int // returns how many can be created, up to count
	spare int                 // how many must be left
	batch int                 // how many are created, at least, if there can be so many
}

var (
	required = urgency{find: probe, spare: spare}
	optional = urgency{available, margin, batch}
)

// reserve reserves fixed threads and those for workers: so many, or fewer. Where it cannot for the least number of
// workers, it reserves nothing, and returns how many threads are missing.
func reserve(fixed, workers, least int, how urgency) (granted, missing int) {
	s := &shared
	s.Lock()
	defer s.Unlock()
	cpus := runtime.GOMAXPROCS(0)
	if !s.wide {
		cpus = min(cpus, first)
	}
	need := cpus + perProcess + s.reserved + fixed + workers - s.known
	if need > 0 {
		// Threads that C code may create are no threads for the runtime. Those that it has created are counted
		// twice here.
		left := how.spare + s.outside
		created := max(0, how.find(max(need, how.batch)+left)-left)
		workers -= max(0, need-created)
		if workers < least {
			return 0, least - workers
		}
		s.known += add(created)
	}
	s.reserved += fixed + workers
	return workers, 0
}

// Outside returns how many threads C code may create for itself, up to count, without taking them from the runtime.
// Call release when these have ended.
func Outside(count int) (granted int, release func()) {
	s := &shared
	s.Lock()
	defer s.Unlock()
	left := optional.spare + s.outside
	granted = max(0, min(count, optional.find(count+left)-left))
	s.outside += granted
	return granted, sync.OnceFunc(func() {
		s.Lock()
		defer s.Unlock()
		s.outside -= granted
	})
}

func releasing(threads int) func() {
	return sync.OnceFunc(func() {
		shared.Lock()
		defer shared.Unlock()
		shared.reserved -= threads
	})
}
