package hashpool

import (
	"errors"
	"hash"
	"io"
	"runtime"
	"sync"
	"time"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

// chunkSize is how many bytes are read at once. The context is looked at between two chunks.
const chunkSize = 256 << 10

// yieldAfter is well below the 10 ms of Go's monitor.
const yieldAfter = 4 * time.Millisecond

// buffers are kept for the next run: making them anew costs more than hashing a small folder.
var buffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// worker hashes one file after another.
type worker[P any] struct {
	pool    *Pool[P]
	handler Handler[P]
	buf     *[chunkSize]byte
	hashers map[*digest.Algorithm]hash.Hash // kept for the next file
	outcome Outcome
	hasTurn bool // to read, where files are read one after the other

	yielded time.Time

	meter    meter
	whenSlow func() // called when the storage proves slow; nil for nothing
}

func newWorker[P any](p *Pool[P]) *worker[P] {
	return &worker[P]{
		pool: p, handler: p.config.NewHandler(int(p.count.Add(1))),
		buf: buffers.Get().(*[chunkSize]byte), hashers: map[*digest.Algorithm]hash.Hash{}, yielded: time.Now(),
	}
}

func (w *worker[P]) free() {
	w.endTurn()
	buffers.Put(w.buf)
}

// all does tasks until there are no more, or the group has ended.
func (w *worker[P]) all() {
	for !w.pool.group.Ended() {
		t := w.nextInTurn(&holding{}, func() {})
		if t == nil {
			return
		}
		w.do(t)
		w.endTurn()
	}
}

// nextInTurn returns the next task for a worker that has none, which may read it then; nil at the end. It calls idle
// before it waits for a task.
func (w *worker[P]) nextInTurn(h *holding, idle func()) *Task[P] {
	w.beginTurn() // before the task is taken: the next one is another worker's, and comes after it
	w.pool.order()
	t := w.pool.queue.take(h, false)
	if t == nil {
		w.endTurn()
		idle()
		if t = w.pool.queue.take(h, true); t != nil {
			w.beginTurn()
		}
	}
	return t
}

// beginTurn waits until no other worker reads, where files are read one after the other.
func (w *worker[P]) beginTurn() {
	if !w.hasTurn && w.pool.trial.serial.Load() {
		w.pool.trial.turn.Lock()
		w.hasTurn = true
	}
}

func (w *worker[P]) endTurn() {
	if w.hasTurn {
		w.pool.trial.turn.Unlock()
		w.hasTurn = false
	}
}

// do does a task, again if its handler says so.
func (w *worker[P]) do(t *Task[P]) {
	for again := true; again && !w.pool.group.Ended(); {
		o := w.hashInTurn(t)
		if w.pool.group.Ended() {
			return // it is not known what became of the file
		}
		again = w.handler.Done(t, o)
	}
	w.pool.recycle(t)
}

// hashInTurn is hash, while no other worker reads where files are read one after the other.
func (w *worker[P]) hashInTurn(t *Task[P]) *Outcome {
	if !w.hasTurn {
		w.beginTurn()
		defer w.endTurn()
	}
	defer w.pool.noteDone(1)
	return w.hash(t)
}

// hash reads the task's file once and computes its digests.
func (w *worker[P]) hash(t *Task[P]) *Outcome {
	o := &w.outcome
	*o = Outcome{Name: t.Name, digests: o.digests}
	start := time.Now()
	file, name, err := w.open(t)
	waited := max(0, time.Since(start)-slowCall)
	if err != nil {
		o.Err = err
		w.noteWait(waited)
		return o
	}
	defer func() {
		w.noteWait(waited + file.Waited())
		file.Close()
		w.pool.roots.CountOpen(-1)
	}()
	o.Name = name
	if t.Ask || t.isUnexpected(file.Size()) {
		w.handler.Opened(t, OpenFile{file: file})
	}
	if len(t.Algorithms) == 0 {
		return o
	}
	if w.pool.config.Stored != ReadAll && w.useStored(t, file, o) {
		return o
	}
	hashers := w.start(t.Algorithms, file.Size())
	if o.Size, o.Err = w.feed(file, hashers); o.Err != nil {
		return o
	}
	o.algorithms, o.State = t.Algorithms, file.State()
	for i, h := range hashers {
		if i == len(o.digests) {
			o.digests = append(o.digests, nil)
		}
		o.digests[i] = h.Sum(o.digests[i][:0])
	}
	return o
}

// useStored fills o with the digests that the store keeps, and reports whether that is all there is to do.
func (w *worker[P]) useStored(t *Task[P], file *safefs.File, o *Outcome) (done bool) {
	names := make([]string, len(t.Algorithms))
	for i, a := range t.Algorithms {
		names[i] = a.Name
	}
	found, err := file.Stored(names)
	for _, a := range t.Algorithms {
		if digest := found[a.Name]; err == nil && (len(digest) == 0 || !a.Variable() && len(digest) != a.Size) {
			err = ErrNotStored
		}
	}
	switch {
	case err == nil:
		o.Stored, o.algorithms, o.State = true, t.Algorithms, file.State()
		o.digests = o.digests[:0]
		for _, name := range names {
			o.digests = append(o.digests, found[name])
		}
		return true
	case errors.Is(err, ErrNotStored) && w.pool.config.Stored == PreferStored:
		return false
	}
	o.Err = err
	return true
}

// yield lets other goroutines run from time to time; call it often. From a goroutine that runs for 10 ms without that,
// and is found in C or a system call, Go's monitor takes the processor, and then looks for more every 20 µs for a while.
// The timer interrupts and switches that this takes cost a tenth of the time in a virtual machine.
func (w *worker[P]) yield() {
	if now := time.Now(); now.Sub(w.yielded) >= yieldAfter {
		runtime.Gosched()
		w.yielded = now
	}
}

func (w *worker[P]) noteWait(waited time.Duration) {
	if !w.meter.isSlow(waited) {
		return
	}
	w.pool.isDeep.Store(true)
	if w.whenSlow != nil {
		w.whenSlow()
	}
}

// start returns a hasher for each algorithm, at the beginning of a file of that size.
func (w *worker[P]) start(algorithms []*digest.Algorithm, size int64) []hash.Hash {
	started := make([]hash.Hash, len(algorithms))
	for i, a := range algorithms {
		h := w.hashers[a]
		if h == nil {
			h = a.New()
			w.hashers[a] = h
		}
		h.Reset()
		a.Begin(h, size)
		started[i] = h
	}
	return started
}

// open opens the task's file, and returns the name it was found under.
func (w *worker[P]) open(t *Task[P]) (file *safefs.File, name string, err error) {
	p := w.pool
	err = p.roots.Retry(p.group.Context(), func() error {
		file, name, err = w.tryOpen(t)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	p.roots.CountOpen(1)
	if p.config.LeaveCache {
		file.LeaveCache()
	}
	return file, name, nil
}

// tryOpen holds nothing open when it fails, as [safefs.RootCache.Retry] demands.
func (w *worker[P]) tryOpen(t *Task[P]) (*safefs.File, string, error) {
	tree, err := t.Root.Acquire()
	if err != nil {
		return nil, "", err
	}
	defer t.Root.Release()
	file, err := tree.Open(t.Name)
	if err == nil || !safefs.IsMissing(err) {
		return file, t.Name, err
	}
	for _, name := range w.handler.OtherNames(t) {
		if file, other := tree.Open(name); other == nil || !safefs.IsMissing(other) {
			return file, name, other
		}
	}
	return nil, "", err
}

// feed reads a whole file into hashers, and returns how many bytes it had. The error is that of
// [safefs.File.CopyTo].
func (w *worker[P]) feed(file *safefs.File, hashers []hash.Hash) (int64, error) {
	p := w.pool
	if file.Size() >= fanOutSize {
		file.Sequential()
		several := len(hashers) > 1 || file.Size() >= hugeFile
		if p.trial.serial.Load() || several && p.spareCPUs() > 0 {
			return p.fanOut(file, hashers)
		}
	}
	var to io.Writer = hashers[0]
	if len(hashers) > 1 {
		writers := make([]io.Writer, len(hashers))
		for i, h := range hashers {
			writers[i] = h
		}
		to = io.MultiWriter(writers...)
	}
	return file.CopyTo(p.group.Context(), to, w.buf[:], func(n int) {
		p.config.BytesRead.Add(int64(n))
		w.yield()
	})
}
