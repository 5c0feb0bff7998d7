package hashpool

import (
	"runtime"
	"time"

	"checksig/internal/digest"
	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
	"checksig/internal/threads"
)

// maxDeferred is how many tasks are put aside before the files in lanes are brought to their end, to do
// those one by one.
const maxDeferred = 64

// smallFiles is how many files are opened together if they have fewer than smallLoad bytes, even if the kernels take
// only one or two: each step has a price, and their data is in the core's own cache anyway.
const (
	smallFiles = 16
	smallLoad  = 256 << 10
)

// While threads read, each worker has at least deepFiles files, and filesPerThread for each thread, so that threads
// find the next one although the worker that brings it has to wait for a CPU.
const (
	deepFiles      = 64
	filesPerThread = 4
)

// Roots are opened by others when manySlowRoots more of them took a worker slowRoot or longer than did not.
const manySlowRoots = 3

var slowRoot = time.Millisecond // a variable for tests

// laneWorker hashes many files at once on one core. Each has a lane; what no lane is for is deferred, and
// done by the worker that it is built on.
type laneWorker[P any] struct {
	*worker[P]
	set      *safefs.FileSet
	limit    int    // of files open at once
	deep     int    // the same while threads read
	width    int    // how many files the latest algorithm's kernels take
	active   int    // lanes with a file
	used     int    // lanes from this number on never had one
	release  func() // the threads that may read for it; nil before it was asked
	kernels  map[*digest.Algorithm]kernel
	own      holding
	lanes    [safefs.MaxFiles]lane[P]
	deferred []*Task[P]

	root      *safefs.Root
	folder    *safefs.Folder // that of root; nil if files there can only be opened by its tree
	slowRoots int
	pinned    runtime.Pinner // the pool's stop

	sum [digest.MaxSize]byte
}

// lane is a place for one file. It is free while task is nil.
type lane[P any] struct {
	task   *Task[P]
	folder *safefs.Folder // that the file is to be opened from; nil if it is open
}

// kernel is what computes an algorithm for several files at once.
type kernel struct {
	algorithm *multibuffer.Algorithm // nil for nothing
	width     int
}

// newLaneWorker returns a worker that uses w, or nil where files cannot be hashed together.
func newLaneWorker[P any](w *worker[P]) *laneWorker[P] {
	if w.pool.config.LeaveCache || w.pool.roots.IsRemote() {
		return nil // the set's reading leaves traces, and needs descriptors
	}
	hasher, err := multibuffer.NewHasher()
	if err != nil {
		return nil // New has reported what is wrong with the environment
	}
	set, err := safefs.NewFileSet(safefs.Hasher(hasher))
	if err != nil {
		return nil
	}
	l := &laneWorker[P]{
		worker: w, set: set, kernels: map[*digest.Algorithm]kernel{},
		limit: min(safefs.MaxFiles, max(1, safefs.OpenLimit()/4/w.pool.workers)),
	}
	l.pinned.Pin(&w.pool.stop)
	if w.pool.config.Depth > 0 && safefs.FileSetThreads {
		l.allowThreads()
	}
	return l
}

// allowThreads lets threads read for the worker, if there are enough. It is called once.
func (l *laneWorker[P]) allowThreads() {
	granted := 0
	granted, l.release = threads.Outside(l.pool.depthOfWorker())
	l.deep = max(deepFiles, filesPerThread*granted)
	l.set.SetDepth(granted, l.pool.config.Depth > 0)
	l.set.GoDeep()
}

// free closes all that is open.
func (l *laneWorker[P]) free() {
	if l.release != nil {
		defer l.release()
	}
	l.endTurn()
	l.leave()
	l.set.Free()
	for i := range l.lanes {
		l.opened(i)
	}
	l.pinned.Unpin()
	l.pool.roots.CountOpen(-l.active)
}

// all does tasks until there are no more, or the group has ended.
func (l *laneWorker[P]) all() {
	for l.fill() {
		l.pool.config.BytesRead.Add(l.set.Step(&l.pool.stop))
		l.yield()
		if l.release == nil && l.set.WantsThreads() {
			l.allowThreads()
		}
		if l.set.IsDeep() && !l.pool.isDeep.Load() {
			l.pool.isDeep.Store(true)
		}
		if l.pool.group.Ended() {
			return // it is not known what became of these files
		}
		l.collect()
	}
}

// fill gives files to lanes, and reports whether one has a file.
func (l *laneWorker[P]) fill() bool {
	for !l.pool.group.Ended() {
		if l.active == 0 {
			l.endTurn()
			l.doDeferred()
		} else if l.active >= l.most() || len(l.deferred) >= maxDeferred {
			return true
		}
		t := l.next()
		if t == nil {
			return l.active > 0
		}
		l.add(t)
	}
	return false
}

// most returns how many lanes may have a file: as many as the kernels take, more while all are small, or, where others
// read, so many that these never wait for the next one.
func (l *laneWorker[P]) most() int {
	if l.pool.trial.serial.Load() {
		return 1
	}
	if l.set.IsDeep() {
		return min(l.deep, l.limit)
	}
	most := l.width
	if l.own.now.bytes < smallLoad {
		most = max(most, smallFiles)
	}
	return min(most, l.limit)
}

// next returns a task, for which it waits only if there is nothing else to do.
func (l *laneWorker[P]) next() *Task[P] {
	if l.active == 0 {
		return l.nextInTurn(&l.own, l.leave)
	}
	return l.pool.queue.take(&l.own, false)
}

// add gives a task's file to a lane if it can, and defers it if not.
func (l *laneWorker[P]) add(t *Task[P]) {
	if len(t.Algorithms) != 1 || t.Ask {
		l.putOff(t)
		return
	}
	k := l.kernel(t.Algorithms[0])
	if k.algorithm == nil {
		l.putOff(t)
		return
	}
	if l.slowRoots >= manySlowRoots && !t.isLarge() && !t.Root.IsOpen() && l.passOn(t) {
		return // the worker would wait for its root
	}
	i, opened, err := l.openTask(k.algorithm, t)
	if err != nil {
		l.reportMissing(t, err)
		l.pool.noteDone(1)
		return
	}
	if !opened {
		l.putOff(t)
		return
	}
	if l.lanes[i].folder == nil { // it is open
		t.weight = l.set.Size(i)
		if l.active == 0 && t.weight >= hugeFile && l.pool.spareCPUs() > 0 {
			l.set.Drop(i)
			l.putOff(t) // to be read by one CPU, and hashed by another
			return
		}
	}
	l.lanes[i].task = t
	l.width = k.width
	l.active++
	l.used = max(l.used, i+1)
	l.pool.roots.CountOpen(1)
	l.own.now.add(t.load())
}

func (l *laneWorker[P]) putOff(t *Task[P]) {
	if l.passOn(t) {
		return
	}
	l.deferred = append(l.deferred, t)
	l.own.now.add(t.load())
}

func (l *laneWorker[P]) kernel(a *digest.Algorithm) kernel {
	k, known := l.kernels[a]
	if !known {
		if found := multibuffer.ByName(a.Name); found != nil && found.Width() > 0 {
			k = kernel{found, found.Width()}
		}
		l.kernels[a] = k
	}
	return k
}

// missing returns an error if the file of lane i was declined because there is none, and the task has no other names.
func (l *laneWorker[P]) missing(i int, t *Task[P]) error {
	err := l.set.Missing(i, t.Name)
	if err == nil || len(l.handler.OtherNames(t)) > 0 {
		return nil
	}
	return err
}

// reportMissing reports a task whose file is missing.
func (l *laneWorker[P]) reportMissing(t *Task[P], err error) {
	o := &l.outcome
	*o = Outcome{Name: t.Name, Err: err, digests: o.digests}
	if l.handler.Done(t, o) {
		l.putOff(t)
	} else {
		l.pool.recycle(t)
	}
}

// openTask opens a task's file for a free lane, and reports whether it could. The error means that there is no such
// file; what else may be wrong is found by the tree.
func (l *laneWorker[P]) openTask(a *multibuffer.Algorithm, t *Task[P]) (i int, opened bool, missing error) {
	var opening time.Time
	if l.root != t.Root && !t.Root.IsOpen() {
		opening = time.Now()
	}
	tree, err := t.Root.Acquire()
	if err != nil {
		return 0, false, nil
	}
	defer t.Root.Release()
	if !opening.IsZero() {
		l.noteRoot(time.Since(opening))
	}
	for l.set.Phase(i) != safefs.PhaseIdle {
		i++
	}
	if l.root != t.Root {
		l.leave()
		l.root, l.folder = t.Root, tree.Folder()
	}
	// Where the size is not as expected, the handler decides.
	if l.folder != nil && l.set.Open(i, a, &safefs.Opening{Folder: l.folder, Name: t.Name, Snapshot: &t.seen, Size: t.Size}) {
		if l.set.Phase(i) == safefs.PhaseOpening {
			l.folder.Use()
			l.lanes[i].folder = l.folder
		}
		return i, true, nil
	}
	if l.folder != nil {
		if missing = l.missing(i, t); missing != nil {
			return i, false, missing
		}
	}
	// A link, or a folder of an odd kind: the tree knows.
	start := time.Now()
	file, err := tree.Open(t.Name)
	if err != nil {
		if safefs.IsExhausted(err) {
			l.limit = max(1, l.active/2)
		}
		return i, false, nil
	}
	if !safefs.FileSetThreads {
		l.noteWait(max(0, time.Since(start)-slowCall))
	}
	if t.isUnexpected(file.Size()) || !l.set.Adopt(i, a, file) {
		file.Close()
		return i, false, nil
	}
	return i, true, nil
}

// passOn has others do a task if the storage is slow, and reports whether they will.
func (l *laneWorker[P]) passOn(t *Task[P]) bool {
	return l.set.IsDeep() && !l.pool.trial.serial.Load() && l.pool.passOn(t)
}

// noteRoot notes how long it took to open a root.
func (l *laneWorker[P]) noteRoot(took time.Duration) {
	if took >= slowRoot {
		l.slowRoots++
	} else {
		l.slowRoots = max(0, l.slowRoots-1)
	}
}

// leave ends the use of the folder, where others may be short of descriptors.
func (l *laneWorker[P]) leave() {
	l.set.CloseFolder()
	if l.folder != nil {
		l.folder.Release()
	}
	l.root, l.folder = nil, nil
}

// collect reports the files that came to their end.
func (l *laneWorker[P]) collect() {
	l.own.now = load{}
	before := l.active
	for _, t := range l.deferred {
		l.own.now.add(t.load())
	}
	for i := range l.used {
		switch phase := l.set.Phase(i); {
		case phase == safefs.PhaseIdle:
			continue
		case phase < safefs.PhaseDone:
			left := l.lanes[i].task.load()
			if bytes := l.set.Left(i); bytes >= 0 {
				left.bytes = min(left.bytes, perFile+bytes)
			}
			l.own.now.add(left)
			continue
		}
		t := l.lanes[i].task
		var missing error
		if l.set.Phase(i) == safefs.PhaseDeclined {
			missing = l.missing(i, t)
		}
		result := l.set.Take(i, l.sum[:0])
		if !safefs.FileSetThreads {
			l.noteWait(result.Waited)
		}
		l.opened(i)
		l.lanes[i].task = nil
		l.active--
		l.pool.roots.CountOpen(-1)
		if missing != nil {
			l.reportMissing(t, missing)
			continue
		}
		if result.Phase == safefs.PhaseStale || result.Phase == safefs.PhaseDeclined {
			if safefs.IsExhausted(result.Err) {
				l.limit = max(1, l.active/2)
			}
			l.putOff(t)
			continue
		}
		o := &l.outcome
		*o = Outcome{Name: t.Name, Size: result.Total, digests: o.digests}
		if result.Phase == safefs.PhaseDone {
			o.algorithms, o.State = t.Algorithms, result.State
			o.digests = append(o.digests[:0], result.Digest)
		} else {
			o.Err = result.Err
		}
		if l.handler.Done(t, o) {
			l.putOff(t)
		} else {
			l.pool.recycle(t)
		}
	}
	l.pool.noteDone(before - l.active)
}

// opened says that the file in lane i needs its folder no longer.
func (l *laneWorker[P]) opened(i int) {
	if f := l.lanes[i].folder; f != nil {
		f.Release()
		l.lanes[i].folder = nil
	}
}

// doDeferred does what was put off, one after the other.
func (l *laneWorker[P]) doDeferred() {
	if len(l.deferred) > 0 {
		l.leave()
	}
	for _, t := range l.deferred {
		if l.pool.group.Ended() {
			return
		}
		l.do(t)
	}
	l.deferred, l.own.now = l.deferred[:0], load{}
}
