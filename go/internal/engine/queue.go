package engine

import (
	"container/heap"
	"runtime"
	"sync"

	"checksig/internal/multibuffer"
)

const (
	// mostWaiting is how many tasks wait for workers that take them fast; mostAhead how many where
	// there is time to look at them, so far ahead a large file is seen; and mostBytesAhead how many
	// bytes of memory.
	mostWaiting    = 256
	mostAhead      = 8 << 10
	mostBytesAhead = 4 << 20

	// fast is how many tasks are taken within a scoutPause where it is not worth it to look ahead.
	fast = 128

	// largeFile is the size from which files are taken before others, the largest first.
	largeFile = 1 << 20

	// perFile is how many bytes are read and hashed while a file is opened and closed, about.
	perFile = 8 << 10

	// perClaim is how many bytes of memory a claim takes, about, besides names and digests.
	perClaim = 256

	// mostWeight is what files of any size count as at most: sums of it stay small.
	mostWeight = 1 << 40
)

// queue is what is to be verified. Workers take the largest files first, and then the others as
// they came.
type queue struct {
	workers int
	drained chan struct{} // closed when nothing waits, and nothing will come

	mu      sync.Mutex
	filled  sync.Cond // there is a task, or there will be none any more
	room    sync.Cond
	large   tasks
	small   fifo
	count   int // tasks that have come
	most    int // mostWaiting or mostAhead
	came    int // count, when pace was called
	taken   int // tasks that workers had taken then
	unsized int // tasks waiting whose weight is not known
	memory  int // bytes of what is waiting
	closed  bool
	blocked bool  // somebody waits for room
	waiting int64 // bytes of load
	held    load  // by all workers
	idle    int   // workers that wait for a task
}

// load is files to be hashed.
type load struct {
	files int
	bytes int64 // to be read, and perFile
}

func (l *load) add(more load) {
	l.files += more.files
	l.bytes += more.bytes
}

// holding is a worker's load, and what of it the queue knows.
type holding struct{ now, known load }

func newQueue(workers int) *queue {
	q := &queue{workers: workers, drained: make(chan struct{}), most: mostWaiting}
	q.filled.L, q.room.L = &q.mu, &q.mu
	return q
}

func (q *queue) len() int { return len(q.large) + q.small.len }

// put waits for room, and adds t, unless the queue is closed.
func (q *queue) put(t *task) {
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

func (q *queue) isFull() bool { return q.len() >= q.most || q.memory >= mostBytesAhead }

// hasRoom reports whether there is so much room that the next tasks need not wait, either.
func (q *queue) hasRoom() bool { return q.len() <= q.most*3/4 && q.memory <= mostBytesAhead*3/4 }

// pace finds out whether workers take tasks fast, and lets more of them wait if not. It returns how
// many have come that may be looked at: none if workers are fast.
func (q *queue) pace() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	came, before := q.came, q.taken
	q.came, q.taken = q.count, q.count-q.len()
	if q.taken-before > fast {
		q.most = mostWaiting
		return 0
	}
	q.most = mostAhead
	q.wake()
	return came
}

// sight is a task to be looked at, which a worker may meanwhile be done with.
type sight struct {
	task *task
	turn int // the task is another if it has another
	base *base
	name string
}

// unseen puts those of the first came tasks into dst that still wait, and whose weight is to be
// found out.
func (q *queue) unseen(came int, dst []sight) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.small.unseen(came, dst)
}

// weigh takes note of what was seen of a task's file, if no worker has it yet.
func (q *queue) weigh(s sight, seen *multibuffer.Seen) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.has(s) {
		s.task.seen = *seen
		q.reweigh(s.task, seen.Size())
	}
}

func (q *queue) has(s sight) bool { return s.task.turn == s.turn && q.small.has(s.task) }

func (q *queue) reweigh(t *task, weight int64) {
	q.account(t, -1)
	t.weight = weight
	q.account(t, 1)
	if t.isLarge() {
		q.small.remove(t)
		heap.Push(&q.large, t)
	}
}

// close says that nothing more comes. What waits is still there to be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed && q.len() == 0 {
		close(q.drained)
	}
	q.closed = true
	q.filled.Broadcast()
	q.room.Broadcast()
}

// take returns the next task for a worker, or nil if others shall have what there is. A worker with
// nothing to do takes what there is, and may wait for it; nil is then the end.
func (q *queue) take(h *holding, wait bool) *task {
	t, woke := q.tryTake(h, wait)
	if woke {
		// Else the one who puts would run only when the runtime has taken a processor from a worker
		// who is in C code; who comes back then to find it gone.
		runtime.Gosched()
	}
	return t
}

// tryTake also reports whether somebody who waited for room is awake now.
func (q *queue) tryTake(h *holding, wait bool) (t *task, woke bool) {
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

// wake wakes the one who waits for room if there is some.
func (q *queue) wake() bool {
	woke := q.blocked && q.hasRoom()
	if woke {
		q.blocked = false
		q.room.Signal()
	}
	return woke
}

// idlers is how many workers wait for a task.
func (q *queue) idlers() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.idle
}

func (q *queue) next(own load) *task {
	idle := own == load{}
	switch {
	case !idle && !q.isShort(own):
		return nil
	case len(q.large) > 0:
		return heap.Pop(&q.large).(*task)
	case q.small.len > 0:
		return q.small.pop()
	}
	return nil
}

// isShort reports whether a worker has less to hash than its share of all there is: in bytes, or in
// files where not all sizes are known.
func (q *queue) isShort(own load) bool {
	if q.unsized > 0 {
		return own.files*q.workers < q.len()+q.held.files
	}
	return own.bytes*int64(q.workers) < q.waiting+q.held.bytes
}

func (q *queue) account(t *task, sign int) {
	q.memory += sign * (t.claims()*perClaim + t.claim.size() + t.bytes)
	if t.weight < 0 {
		q.unsized += sign
	}
	q.waiting += int64(sign) * t.load().bytes
}

// load is what a task adds to a worker's, as far as that is known.
func (t *task) load() load { return load{1, perFile + min(max(t.weight, 0), mostWeight)} }

func (t *task) isLarge() bool { return t.weight >= largeFile }

// tasks is a heap whose first is the largest, and of those of one size the one that came first.
type tasks []*task

func (t tasks) Len() int      { return len(t) }
func (t tasks) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *tasks) Push(x any)   { *t = append(*t, x.(*task)) }

func (t tasks) Less(i, j int) bool {
	return t[i].weight > t[j].weight || t[i].weight == t[j].weight && t[i].turn < t[j].turn
}

func (t *tasks) Pop() any {
	last := len(*t) - 1
	task := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return task
}

// fifo hands out tasks in the order in which they came.
type fifo struct {
	ring       []*task // nil for those that were removed
	first, end int     // places, of which there are len(ring) in the ring
	looked     int     // the place up to which unseen has come
	len        int     // tasks
}

func (f *fifo) at(place int) **task { return &f.ring[place%len(f.ring)] }

func (f *fifo) push(t *task) {
	if f.end-f.first == len(f.ring) {
		f.grow()
	}
	t.place = f.end
	*f.at(f.end) = t
	f.end++
	f.len++
}

// grow makes room, and leaves out what was removed.
func (f *fifo) grow() {
	old := *f
	*f = fifo{ring: make([]*task, max(64, 2*old.len))}
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

func (f *fifo) pop() *task {
	for *f.at(f.first) == nil {
		f.first++
	}
	t := *f.at(f.first)
	f.remove(t)
	f.first++
	return t
}

func (f *fifo) has(t *task) bool {
	return t.place >= f.first && t.place < f.end && *f.at(t.place) == t
}

func (f *fifo) remove(t *task) {
	*f.at(t.place) = nil
	f.len--
}

// unseen puts tasks whose turn was before came into dst that it did not put there before.
func (f *fifo) unseen(came int, dst []sight) (n int) {
	for f.looked = max(f.looked, f.first); f.looked < f.end && n < len(dst); f.looked++ {
		t := *f.at(f.looked)
		if t != nil && t.turn >= came {
			break
		}
		if t != nil && t.weight < 0 && t.refused == nil {
			dst[n] = sight{t, t.turn, t.base, t.name}
			n++
		}
	}
	return n
}
