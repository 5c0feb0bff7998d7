package engine

import (
	"path/filepath"
	"sync"

	"checksig/internal/manifest"
	"checksig/internal/multibuffer"
)

// What several manifests list of one file is joined when no more than so many entries lie between,
// or so many bytes of their names and digests.
const (
	windowEntries = 64 << 10
	windowBytes   = 8 << 20
)

// A task has at most so many entries, and so many bytes of names that differ.
const (
	mostClaims = 256
	mostBytes  = 64 << 10
)

// claim is one entry, and the file that its name stands for.
type claim struct {
	manifest *Manifest
	base     *base
	entry    manifest.Entry
	name     string // of the file, from base
	slashed  string // its name if the backslashes in the first one are separators, or ""
	refused  error  // why no file is to be looked for
}

// key is equal for claims about one file, unless a link leads to it. A name with ".." is equal to
// itself only, as behind a link it means something else than it says.
func (c *claim) key() string {
	key := filepath.Join(c.base.dir, c.name)
	switch {
	case hasDots(c.name):
		key = c.base.dir + "\x00" + c.name
	case filepath.IsAbs(c.name):
		key = filepath.Clean(c.name)
	}
	if c.slashed != "" {
		key += "\x00" + c.slashed
	}
	return key
}

func (c *claim) size() int {
	return len(c.entry.Name) + len(c.name) + len(c.slashed) + len(c.entry.Digest)
}

// follows reports whether c is about the file that the one before it is about.
func (c *claim) follows(before *claim) bool {
	return c.name == before.name && c.base == before.base && c.slashed == before.slashed
}

// task is a file on its way to a worker, with all that is claimed of it.
type task struct {
	claim
	more  []claim
	bytes int // of the names and digests in more

	turn   int              // which task it is that came to the queue
	place  int              // in its fifo
	weight int64            // the file's bytes as far as known; -1 for not
	seen   multibuffer.Seen // before it is opened
}

// spent are tasks that are done with, to be used again: most of a run's garbage would be these.
type spent struct{ pool sync.Pool }

// task is one for c.
func (s *spent) task(c claim) *task {
	t, _ := s.pool.Get().(*task)
	if t == nil {
		t = &task{}
	}
	t.claim = c
	return t
}

// put takes a task that nobody looks at any more. Its turn and its place are left to the queue.
func (s *spent) put(t *task) {
	t.claim, t.more, t.bytes, t.seen = claim{}, nil, 0, multibuffer.Seen{}
	s.pool.Put(t)
}

func (t *task) claims() int { return 1 + len(t.more) }

func (t *task) isFull() bool { return t.claims() == mostClaims || t.bytes > mostBytes }

// add adds a claim about the same file, and returns how many bytes that takes.
func (t *task) add(c claim) int {
	size := len(c.entry.Digest)
	if c.entry.Name == t.entry.Name && c.name == t.name {
		c.entry.Name, c.name, c.slashed = t.entry.Name, t.name, t.slashed // kept once
	} else {
		size += c.size()
	}
	t.more = append(t.more, c)
	t.bytes += size
	return size
}

// window joins the claims about one file into one task. Claims that follow one another are always
// joined; with wide, others as well while they are in the window.
type window struct {
	wide  bool
	emit  func(*task)
	spent *spent

	last    *task // not in pending, if not wide
	pending map[string]*task
	queue   []waiting // in the order in which they came
	entries int
	bytes   int
}

type waiting struct {
	key  string
	task *task
}

func (w *window) add(c claim) {
	if w.wide {
		w.join(c)
		return
	}
	if w.last != nil {
		if c.follows(&w.last.claim) && !w.last.isFull() {
			w.last.add(c)
			return
		}
		w.emit(w.last)
	}
	w.last = w.spent.task(c)
}

func (w *window) join(c claim) {
	if w.pending == nil {
		w.pending = map[string]*task{}
	}
	key := c.key()
	t := w.pending[key]
	if t != nil && !t.isFull() {
		w.bytes += t.add(c)
	} else { // an older task of that key may still be in the queue
		t = w.spent.task(c)
		w.pending[key] = t
		w.queue = append(w.queue, waiting{key, t})
		w.bytes += c.size()
	}
	w.entries++
	for w.entries > windowEntries || w.bytes > windowBytes {
		w.shift()
	}
}

// shift emits the task that has waited longest.
func (w *window) shift() {
	first := w.queue[0]
	w.queue[0] = waiting{} // for the garbage collector
	w.queue = w.queue[1:]
	if w.pending[first.key] == first.task {
		delete(w.pending, first.key)
	}
	w.entries -= first.task.claims()
	w.bytes -= first.task.claim.size() + first.task.bytes
	w.emit(first.task)
}

// flush emits all that is left.
func (w *window) flush() {
	for len(w.queue) > 0 {
		w.shift()
	}
	if w.last != nil {
		w.emit(w.last)
		w.last = nil
	}
}
