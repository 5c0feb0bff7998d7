package hashpool

import (
	"container/heap"
	"runtime"
	"sync"

	"checksig/internal/safefs"
)

const (
	// The queue is shallow while workers take tasks fast, and deep when there is time to probe them: a
	// large file is found that many tasks ahead. maxMemory bounds the bytes that waiting tasks take.
	shallow   = 256
	deep      = 8 << 10
	maxMemory = 4 << 20

	// fast is how many tasks taken within a probePause make probing not worth it.
	fast = 128

	// largeFile is the size from which files are taken before others, the largest first.
	largeFile = 1 << 20

	// perFile is how many bytes are read and hashed in the time that opening and closing a file takes,
	// about.
	perFile = 8 << 10

	// maxWeight is what a file counts as at most: sums of it cannot overflow.
	maxWeight = 1 << 40
)

// queue holds tasks for workers, which take the largest files first, then those that were put in another order, then
// the others as they came.
type queue[P any] struct {
	workers int
	drained chan struct{} // closed when nothing waits and nothing more comes

	mu      sync.Mutex
	filled  sync.Cond // there is a task, or there will be none any more
	room    sync.Cond
	large   largest[P]
	ordered []*Task[P]
	small   fifo[P]
	closed  bool
	blocked bool // the submitter waits for room
	idle    int  // workers that wait for a task
	depth        // how many may wait
	amount       // what waits
	held    load // by all workers
}

// depth is how many tasks may wait, and how fast workers take them.
type depth struct {
	count int // tasks that have come
	most  int // shallow or deep
	came  int // count at the latest adjustDepth
	taken int // tasks that workers had taken then
}

// amount is what the tasks that wait add up to.
type amount struct {
	unsized int   // tasks whose weight is unknown
	memory  int   // bytes of memory
	waiting int64 // bytes of load
}

// load is work for a worker: files to hash.
type load struct {
	files int
	bytes int64 // to be read, and perFile for each
}

func (l *load) add(more load) {
	l.files += more.files
	l.bytes += more.bytes
}

// holding is the load of the files that a worker has now, and the part that the queue knows of.
type holding struct{ now, known load }

func newQueue[P any](workers int) *queue[P] {
	q := &queue[P]{workers: workers, drained: make(chan struct{}), depth: depth{most: shallow}}
	q.filled.L, q.room.L = &q.mu, &q.mu
	return q
}

func (q *queue[P]) len() int { return len(q.large) + len(q.ordered) + q.small.len }

// put waits for room, and adds t, unless the queue is closed.
func (q *queue[P]) put(t *Task[P]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isFull() {
		for !q.closed && !q.hasRoom() {
			q.blocked = true
			q.room.Wait()
		}
	}
	if q.closed {
		return
	}
	t.turn = q.count
	q.count++
	q.account(t, 1)
	if t.isLarge() {
		heap.Push(&q.large, t)
	} else {
		q.small.push(t)
	}
	q.filled.Signal()
}

func (q *queue[P]) isFull() bool { return q.len() >= q.most || q.memory >= maxMemory }

// hasRoom reports whether there is so much room that the next tasks need not wait either.
func (q *queue[P]) hasRoom() bool { return q.len() <= q.most*3/4 && q.memory <= maxMemory*3/4 }

// adjustDepth lets more tasks wait if workers do not take them fast. It returns how many of the tasks
// that have come may be probed: none if workers are fast.
func (q *queue[P]) adjustDepth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	came, before := q.came, q.taken
	q.came, q.taken = q.count, q.count-q.len()
	if q.taken-before > fast {
		q.most = shallow
		return 0
	}
	q.most = deep
	q.wake()
	return came
}

// waitingTask is a task to be probed, which a worker may have done by then.
type waitingTask[P any] struct {
	task *Task[P]
	turn int // the task is another one if it has another turn
	root *safefs.Root
	name string
}

// unprobed puts those of the first came tasks into dst that still wait and whose size is unknown, each
// once.
func (q *queue[P]) unprobed(came int, dst []waitingTask[P]) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.small.unprobed(came, dst)
}

// probed takes what was found out about a task's file, if no worker has it yet.
func (q *queue[P]) probed(w waitingTask[P], seen *safefs.Snapshot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.has(w) {
		w.task.seen = *seen
		q.reweigh(w.task, seen.Size())
	}
}

// unordered returns the small tasks if they can be put in order now: if none are, and there are enough.
func (q *queue[P]) unordered() []waitingTask[P] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ordered) > 0 || q.small.len < enoughToOrder {
		return nil
	}
	waiting := make([]waitingTask[P], 0, min(q.small.len, deep))
	for place := q.small.first; place < q.small.end && len(waiting) < deep; place++ {
		if t := *q.small.at(place); t != nil {
			waiting = append(waiting, waitingTask[P]{t, t.turn, t.Root, t.Name})
		}
	}
	return waiting
}

// putInOrder has those of the tasks that still wait taken next, in the order of these indices.
func (q *queue[P]) putInOrder(tasks []waitingTask[P], order []int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ordered = make([]*Task[P], 0, len(tasks))
	for _, i := range order {
		if w := tasks[i]; q.has(w) {
			q.small.remove(w.task)
			q.ordered = append(q.ordered, w.task)
		}
	}
}

func (q *queue[P]) has(w waitingTask[P]) bool { return w.task.turn == w.turn && q.small.has(w.task) }

func (q *queue[P]) reweigh(t *Task[P], weight int64) {
	q.account(t, -1)
	t.weight = weight
	q.account(t, 1)
	if t.isLarge() {
		q.small.remove(t)
		heap.Push(&q.large, t)
	}
}

// close says that nothing more comes. What waits can still be taken.
func (q *queue[P]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed && q.len() == 0 {
		close(q.drained)
	}
	q.closed = true
	q.filled.Broadcast()
	q.room.Broadcast()
}

// take returns the next task for a worker, or nil if others should have what there is. With wait, the
// worker has nothing else to do: it takes what there is and waits for it, and nil is the end.
func (q *queue[P]) take(h *holding, wait bool) *Task[P] {
	t, woke := q.tryTake(h, wait)
	if woke {
		// Otherwise the submitter would not run until the runtime takes a processor from a worker in C
		// code, which would then have to wait for another one.
		runtime.Gosched()
	}
	return t
}

// tryTake also reports whether it has woken the submitter.
func (q *queue[P]) tryTake(h *holding, wait bool) (t *Task[P], woke bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held.add(load{h.now.files - h.known.files, h.now.bytes - h.known.bytes})
	h.known = h.now
	for wait && q.len() == 0 && !q.closed {
		q.idle++
		q.filled.Wait()
		q.idle--
	}
	if t = q.next(h.now); t == nil {
		return nil, false
	}
	if q.closed && q.len() == 0 {
		close(q.drained)
	}
	q.account(t, -1)
	q.held.add(t.load())
	h.known.add(t.load())
	return t, q.wake()
}

// wake wakes the submitter if it waits for room and there is some.
func (q *queue[P]) wake() bool {
	woke := q.blocked && q.hasRoom()
	if woke {
		q.blocked = false
		q.room.Signal()
	}
	return woke
}

// waiters returns how many tasks wait.
func (q *queue[P]) waiters() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.len()
}

// idlers returns how many workers wait for a task.
func (q *queue[P]) idlers() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.idle
}

func (q *queue[P]) next(own load) *Task[P] {
	idle := own == load{}
	switch {
	case !idle && !q.isShort(own):
		return nil
	case len(q.large) > 0:
		return heap.Pop(&q.large).(*Task[P])
	case len(q.ordered) > 0:
		t := q.ordered[0]
		q.ordered[0], q.ordered = nil, q.ordered[1:]
		return t
	case q.small.len > 0:
		return q.small.pop()
	}
	return nil
}

// isShort reports whether a worker has less than its share of all there is to hash: in bytes, or in files
// where not all sizes are known.
func (q *queue[P]) isShort(own load) bool {
	if q.unsized > 0 {
		return own.files*q.workers < q.len()+q.held.files
	}
	return own.bytes*int64(q.workers) < q.waiting+q.held.bytes
}

func (q *queue[P]) account(t *Task[P], sign int) {
	q.memory += sign * t.Memory
	if t.weight < 0 {
		q.unsized += sign
	}
	q.waiting += int64(sign) * t.load().bytes
}

// load is what a task adds to a worker's, as far as that is known.
func (t *Task[P]) load() load { return load{1, perFile + min(max(t.weight, 0), maxWeight)} }

func (t *Task[P]) isLarge() bool { return t.weight >= largeFile }

// largest is a heap: the largest file first, and of those of one size the one that came first.
type largest[P any] []*Task[P]

func (l largest[P]) Len() int      { return len(l) }
func (l largest[P]) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *largest[P]) Push(x any)   { *l = append(*l, x.(*Task[P])) }

func (l largest[P]) Less(i, j int) bool {
	return l[i].weight > l[j].weight || l[i].weight == l[j].weight && l[i].turn < l[j].turn
}

func (l *largest[P]) Pop() any {
	last := len(*l) - 1
	task := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return task
}

// fifo hands out tasks in the order in which they came.
type fifo[P any] struct {
	ring       []*Task[P] // nil for those that were removed
	first, end int        // places, of which len(ring) are in the ring
	looked     int        // the place up to which unprobed has come
	len        int        // tasks
}

func (f *fifo[P]) at(place int) **Task[P] { return &f.ring[place%len(f.ring)] }

func (f *fifo[P]) push(t *Task[P]) {
	if f.end-f.first == len(f.ring) {
		f.grow()
	}
	t.place = f.end
	*f.at(f.end) = t
	f.end++
	f.len++
}

// grow makes room, and leaves out what was removed.
func (f *fifo[P]) grow() {
	old := *f
	*f = fifo[P]{ring: make([]*Task[P], max(64, 2*old.len))}
	for place := old.first; place < old.end; place++ {
		if place == old.looked {
			f.looked = f.end
		}
		if t := *old.at(place); t != nil {
			f.push(t)
		}
	}
	if old.looked >= old.end {
		f.looked = f.end
	}
}

func (f *fifo[P]) pop() *Task[P] {
	for *f.at(f.first) == nil {
		f.first++
	}
	t := *f.at(f.first)
	f.remove(t)
	f.first++
	return t
}

func (f *fifo[P]) has(t *Task[P]) bool {
	return t.place >= f.first && t.place < f.end && *f.at(t.place) == t
}

func (f *fifo[P]) remove(t *Task[P]) {
	*f.at(t.place) = nil
	f.len--
}

// unprobed puts tasks whose turn was before came into dst that it has not put there before.
func (f *fifo[P]) unprobed(came int, dst []waitingTask[P]) (n int) {
	for f.looked = max(f.looked, f.first); f.looked < f.end && n < len(dst); f.looked++ {
		t := *f.at(f.looked)
		if t != nil && t.turn >= came {
			break
		}
		if t != nil && t.weight < 0 {
			dst[n] = waitingTask[P]{t, t.turn, t.Root, t.Name}
			n++
		}
	}
	return n
}
