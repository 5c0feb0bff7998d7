// Package hashpool hashes files: tasks in, digests out, by a bounded number of workers.
//
// A [Task] names a file below a root and the digests to compute. The [Pool] opens the file under the rules of
// package safefs, reads it once, and passes an [Outcome] to the [Handler] of the worker that did it. The pool
// knows nothing of manifests: the caller keeps what it needs in the task's payload, of a type of its own.
//
// Tasks wait in a queue (queue.go): the largest files first, then the others as they came. Where package
// multibuffer has kernels, a worker hashes many files at once on its core, each in a lane of its own
// (lanes.go); otherwise one after the other (worker.go). A large file with several algorithms is shared among
// idle CPUs (fanout.go). A prober finds out the sizes of waiting files (prober.go). While the storage is slow, many
// more files are read at once than there are workers (depth.go), unless a disk is faster without (spinning.go).
//
// With [Config.Elsewhere], other processes hash the files: the pool cuts the tasks into shards and takes their outcomes
// (elsewhere.go).
//
// The order of outcomes is that in which files are done. Callers that need another order keep one.
package hashpool

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
	"checksig/internal/threads"
)

// startAt is how many tasks wait before workers are started: waking other threads costs more than hashing a
// few small files.
const startAt = 8

// Task is a file to hash. [Pool.Task] makes one, the caller fills it, [Pool.Submit] takes it back.
type Task[P any] struct {
	Root       *safefs.Root
	Name       string              // of the file, below Root
	Algorithms []*digest.Algorithm // to compute, each once
	Size       int64               // bytes that the file should have; -1 if that is not known
	Memory     int                 // bytes that Payload takes, about
	Ask        bool                // call [Handler.Opened] before the file is read
	Payload    P

	turn   int             // its number, counted from the first that came to the queue
	place  int             // in the queue's fifo
	weight int64           // bytes of the file as far as known; -1 for unknown
	seen   safefs.Snapshot // by the prober
}

// isUnexpected reports whether the file should have another size.
func (t *Task[P]) isUnexpected(size int64) bool { return t.Size >= 0 && t.Size != size }

// Outcome is the result of a task. It is valid until [Handler.Done] returns.
type Outcome struct {
	Name   string // under which the file was opened: the task's, or one of [Handler.OtherNames]
	Size   int64  // bytes read
	Err    error  // why there are no digests; see package safefs
	Stored bool   // the digests are those that the store keeps

	State safefs.State // of the file, before and after it was read; only if there are digests

	algorithms []*digest.Algorithm
	digests    [][]byte
}

// Digest returns the digest by a, which must be one of the task's algorithms. Copy it to keep it.
func (o *Outcome) Digest(a *digest.Algorithm) []byte {
	for i, computed := range o.algorithms {
		if computed == a {
			return o.digests[i]
		}
	}
	return nil
}

// OpenFile is the file of a task, open and not yet read.
type OpenFile struct {
	file      *safefs.File
	elsewhere *elsewhereFile // instead, if it was opened elsewhere
}

// Size is its size in bytes.
func (f OpenFile) Size() int64 {
	if f.elsewhere != nil {
		return f.elsewhere.size
	}
	return f.file.Size()
}

// Is reports whether root would open the same file as name. A root may refuse a link that another one
// follows, so each is asked.
func (f OpenFile) Is(root *safefs.Root, name string) bool {
	if f.elsewhere != nil {
		return f.elsewhere.is(root, name)
	}
	tree, err := root.Acquire()
	if err != nil {
		return false
	}
	defer root.Release()
	return tree.IsSame(name, f.file)
}

// Handler takes the outcomes of one worker, in that worker's goroutine. It may block, which slows the
// pool down.
type Handler[P any] interface {
	// Opened is called after a task's file is opened and before it is read, if Ask is set or its size
	// is not t.Size. It may shorten t.Algorithms; if none is left, the file is not read.
	Opened(t *Task[P], f OpenFile)
	// OtherNames returns names below t.Root to try, in order, where there is no file called t.Name.
	OtherNames(t *Task[P]) []string
	// Done is called with the outcome of t, unless the pool's group has ended. If it returns true, it has
	// filled t anew, and the same worker does it next.
	Done(t *Task[P], o *Outcome) (again bool)
}

// Config says how a pool works.
type Config[P any] struct {
	Workers    int           // files hashed at once; 0 for one a CPU
	Depth      int           // files read at once; 0 for as many as help
	Spinning   bool          // the files lie on a disk that claims to spin
	LeaveCache bool          // leave the system's page cache as it was
	Stored     Stored        // whether to use digests that a store keeps
	InOrder    bool          // the caller waits for outcomes in the order of tasks
	BytesRead  *atomic.Int64 // is added to as files are read
	Elsewhere  *Elsewhere    // who hashes the files; nil for the pool itself
	NewHandler func(worker int) Handler[P]
}

// Stored says whether the digests that a remote store keeps are used instead of reading.
type Stored uint8

// What can be done about digests that a store keeps.
const (
	ReadAll      Stored = iota // read every file
	PreferStored               // read only files of which the store lacks a digest
	OnlyStored                 // read no file; [ErrNotStored] for one of which the store lacks a digest
)

// ErrNotStored says that a store does not keep the digest that was asked for.
var ErrNotStored = errors.New("the store keeps no such checksum of it, and it was not read")

// workers returns how many there are. GOMAXPROCS knows a container's limit, which NumCPU does not.
func (c *Config[P]) workers() int {
	workers := c.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if c.Depth > 0 {
		workers = min(workers, c.Depth) // each of them reads
	}
	return workers
}

// Pool hashes the files of tasks. One goroutine submits.
type Pool[P any] struct {
	config   Config[P]
	group    *guard.Group
	roots    *safefs.RootCache
	queue    *queue[P]
	workers  int
	running  sync.WaitGroup
	started  bool          // used by the submitter only
	count    atomic.Int32  // workers started so far
	busy     atomic.Int32  // workers that work, or wait for a task
	stop     atomic.Uint32 // not 0 when group has ended, for C code
	unwatch  func() bool
	isDeep   atomic.Bool // the storage has proved slow
	trial    trial
	done     atomic.Int64  // files, on a disk that claims to spin
	depth    int           // files that may be read at once
	lanes    atomic.Int32  // workers that may still pass tasks on
	aside    chan *Task[P] // tasks that lane workers have passed on
	idle     atomic.Int32  // readers that wait for these
	readers  atomic.Int32  // workers that were added while others waited for the storage
	release  func()        // the threads of the workers
	planner  *planner[P]   // if files are hashed elsewhere
	finished chan struct{} // closed then when all tasks are done
	free     sync.Pool     // of *Task[P]: most of a run's garbage would be these
}

// New returns a pool that ends with group. Its files' roots are of the cache roots. The error is that of
// [multibuffer.Check].
func New[P any](group *guard.Group, roots *safefs.RootCache, config Config[P]) (*Pool[P], error) {
	if err := multibuffer.Check(); err != nil {
		return nil, err
	}
	p := &Pool[P]{config: config, group: group, roots: roots, workers: config.workers(), release: func() {}}
	if config.Elsewhere != nil {
		p.started, p.finished, p.unwatch = true, make(chan struct{}), func() bool { return true }
		p.planner = newPlanner(p)
		return p, nil
	}
	p.depth = config.depth(p.workers)
	p.aside = make(chan *Task[P], maxDeferred)
	p.isDeep.Store(roots.IsRemote())
	p.queue = newQueue[P](p.workers)
	if config.InOrder {
		p.queue.most = deep // the caller bounds how far it is ahead
	}
	p.unwatch = context.AfterFunc(group.Context(), func() {
		p.stop.Store(1)
		p.queue.close()
	})
	return p, nil
}

// Task returns a task to fill, with an empty payload.
func (p *Pool[P]) Task() *Task[P] {
	if t, ok := p.free.Get().(*Task[P]); ok {
		return t
	}
	return &Task[P]{}
}

// recycle takes a task that is done. It does not write turn and place: the prober may be comparing them,
// with the queue locked, to detect that the task is no longer the one it saw.
func (p *Pool[P]) recycle(t *Task[P]) {
	var none P
	t.Root, t.Name, t.Algorithms, t.Size, t.Memory, t.Ask, t.Payload = nil, "", t.Algorithms[:0], 0, 0, false, none
	t.weight, t.seen = 0, safefs.Snapshot{}
	p.free.Put(t)
}

// Submit adds a task, and waits while too many wait for workers. Nothing happens to it once the group
// has ended.
func (p *Pool[P]) Submit(t *Task[P]) {
	if p.planner != nil {
		p.planner.submit(t)
		return
	}
	if !p.started && (p.config.InOrder || p.queue.len() == startAt) {
		p.start(p.workers)
		if !p.config.InOrder { // else a large file must not be taken before its turn
			p.group.Go(&p.running, p.probe)
		}
	}
	t.weight = t.Size
	p.queue.put(t)
}

// Flush has all tasks done that were submitted, before the next one is. A caller that waits for the outcome of a task
// calls it, as the pool may wait for more of them.
func (p *Pool[P]) Flush() {
	if p.planner != nil {
		p.planner.flush()
	}
}

// Started reports whether there are workers in other goroutines.
func (p *Pool[P]) Started() bool { return p.started }

// Finish waits until all tasks are done, or the group has ended. Nothing may be submitted after it. Few
// tasks are done by few workers, one of which is the caller's goroutine.
func (p *Pool[P]) Finish() {
	if p.planner != nil {
		p.group.Run(p.planner.finish)
		close(p.finished)
		p.running.Wait()
		return
	}
	p.queue.close()
	if !p.started && p.queue.len() > 0 {
		p.lanes.Add(1)
		p.start(min(p.workers, p.queue.len()) - 1)
		p.busy.Add(1)
		p.group.Run(p.work)
	}
	p.running.Wait()
	p.release()
	p.unwatch()
}

func (p *Pool[P]) start(workers int) {
	p.started = true
	workers, p.release = threads.Extend(workers)
	p.busy.Add(int32(workers))
	p.lanes.Add(int32(workers))
	for range workers {
		p.group.Go(&p.running, p.work)
	}
}

// work is a worker.
func (p *Pool[P]) work() {
	defer p.busy.Add(-1)
	defer p.passesOnNoMore()
	p.hashAll(safefs.MaxFiles)
}

// hashAll does tasks until there are no more, so many at once if there are kernels.
func (p *Pool[P]) hashAll(lanes int) {
	w := newWorker(p)
	defer w.free()
	w.whenSlow = func() { p.addWorker() }
	l := newLaneWorker(w)
	if l != nil {
		defer l.free()
		l.limit = min(l.limit, lanes)
	}
	if l != nil && safefs.FileSetThreads {
		w.whenSlow = l.set.GoDeep
	} else {
		for (p.config.Depth > 0 || p.roots.IsRemote()) && p.addWorker() {
			continue
		}
	}
	if l != nil {
		l.all()
	} else {
		w.all()
	}
}

// spareCPUs returns how many CPUs have nothing to do, and will not when the tasks that wait are taken.
func (p *Pool[P]) spareCPUs() int { return p.idleCPUs() - p.queue.waiters() }

// idleCPUs returns how many CPUs no worker has something to do for.
func (p *Pool[P]) idleCPUs() int {
	cpus := p.config.Workers
	if cpus == 0 {
		cpus = runtime.GOMAXPROCS(0)
	}
	return cpus - int(p.busy.Load()) + p.queue.idlers()
}
