package engine

import (
	"os"

	"checksig/internal/digest"
	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

// apartMax is how many entries are put aside before the files in lanes are brought to their end, to
// verify those by themselves.
const apartMax = 64

// bundle is files that one worker has open at once, to be hashed together.
type bundle struct {
	run    *run
	group  *multibuffer.Group
	limit  int // of files open at once
	wide   int // how many files the latest algorithm's kernels take
	active int // lanes with a file
	kinds  map[*digest.Algorithm]kind

	base   *base
	folder *os.File // that of base; nil if files there are to be opened by its tree alone
}

// batch verifies entries for one worker.
type batch struct {
	*bundle
	alone *verifier
	own   holding
	lanes [multibuffer.Max]lane
	// apart are entries that no lane is for, or whose file can perhaps be opened when others are closed.
	apart []*task

	number int // from 1

	// Of the file at hand, here for each not to make them anew:
	result Result
	digest [digest.MaxSize]byte
}

// lane is a file of a [multibuffer.Group].
type lane struct {
	*task
	algorithm *multibuffer.Algorithm
}

// kind is what the kernels know of an algorithm.
type kind struct {
	algorithm *multibuffer.Algorithm // nil for nothing
	width     int
}

// newBundle returns a bundle, or nil where files cannot be hashed together.
func newBundle(r *run) *bundle {
	if r.request.LeaveCache {
		return nil // for the kernels' reading leaves traces
	}
	group, err := multibuffer.New()
	if err != nil {
		return nil // what is wrong with it, multibuffer.Check has told
	}
	limit := min(multibuffer.Max, max(1, safefs.OpenLimit()/4/r.workers()))
	return &bundle{run: r, group: group, limit: limit, kinds: map[*digest.Algorithm]kind{}}
}

// newBatch returns a batch, or nil where files cannot be hashed together.
func newBatch(v *verifier) *batch {
	b := newBundle(v.run)
	if b == nil {
		return nil
	}
	return &batch{bundle: b, alone: v, number: int(v.run.batches.Add(1))}
}

// all verifies entries until there are no more, or the run has ended.
func (b *batch) all() {
	for b.fill() {
		b.run.progress.Bytes.Add(b.group.Step(&b.run.stop))
		if b.run.ctx.Err() != nil {
			break // what became of these entries is not known
		}
		b.collect()
	}
}

// free closes all that is open.
func (b *bundle) free() {
	b.leave()
	b.group.Free()
	b.run.open.Add(int64(-b.active))
}

// fill gives files to the lanes, and reports whether one has a file.
func (b *batch) fill() bool {
	for b.run.ctx.Err() == nil {
		if b.active == 0 {
			b.verifyApart()
		} else if b.active >= min(b.wide, b.limit) || len(b.apart) >= apartMax {
			return true
		}
		t := b.next()
		if t == nil {
			return b.active > 0
		}
		b.add(t)
	}
	return false
}

// next returns a task, for which it waits only if there is nothing else to do.
func (b *batch) next() *task {
	t := b.run.queue.take(&b.own, false)
	if t == nil && b.active == 0 {
		b.leave()
		t = b.run.queue.take(&b.own, true)
	}
	return t
}

// add gives a file to a lane if it can, and puts it aside if not.
func (b *batch) add(t *task) {
	k := b.kind(t.entry.Algorithm)
	if k.algorithm == nil || len(t.more) > 0 || b.run.refuses(&t.claim) != nil {
		b.putApart(t)
		return
	}
	free, opened := b.openTask(k.algorithm, t)
	if !opened {
		b.putApart(t)
		return
	}
	t.weight = b.group.Size(free)
	// Where the size is not as listed, there is nothing to read, only to tell.
	if t.entry.HasSize && t.entry.Size != t.weight || b.isForOne(t.weight) {
		b.group.Drop(free)
		b.putApart(t)
		return
	}
	b.lanes[free] = lane{t, k.algorithm}
	b.took(k)
	b.own.now.add(t.load())
}

// isForOne reports whether a file of that size is not to be read while others are: a disk that
// rotates would seek between them.
func (b *bundle) isForOne(size int64) bool { return b.run.rotates && size >= worthSharing }

// took takes note of a lane that has a file, whose algorithm is k.
func (b *bundle) took(k kind) {
	b.wide = k.width
	b.active++
	b.run.open.Add(1)
}

// gave takes note of a lane whose file has come to its end.
func (b *bundle) gave() {
	b.active--
	b.run.open.Add(-1)
}

func (b *batch) putApart(t *task) {
	b.apart = append(b.apart, t)
	b.own.now.add(t.load())
}

func (b *bundle) kind(a *digest.Algorithm) kind {
	k, known := b.kinds[a]
	if !known {
		k.algorithm = multibuffer.ByName(a.Name)
		if k.algorithm != nil {
			k.width = k.algorithm.Width()
		}
		if k.width == 0 {
			k.algorithm = nil
		}
		b.kinds[a] = k
	}
	return k
}

// openTask opens a task's file for a lane, and reports whether it could.
func (b *batch) openTask(a *multibuffer.Algorithm, t *task) (lane int, opened bool) {
	tree, err := b.run.bases.use(t.base)
	if err != nil {
		return 0, false
	}
	defer b.run.bases.done(t.base)
	return b.open(a, t.base, tree, t.name, &t.seen)
}

// open opens a file below base, whose tree is given, for a lane that is free, and reports whether it
// could.
func (b *bundle) open(a *multibuffer.Algorithm, base *base, tree *safefs.Tree, name string, seen *multibuffer.Seen) (lane int, opened bool) {
	for b.group.Phase(lane) != multibuffer.Idle {
		lane++
	}
	b.enter(base, tree)
	if b.folder != nil && b.group.Open(lane, a, b.folder.Fd(), name, seen) {
		return lane, true
	}
	// A link, a folder of an odd kind, or nothing to be opened: the tree knows.
	file, err := tree.Open(name)
	if err != nil {
		if safefs.IsExhausted(err) {
			b.limit = max(1, b.active/2)
		}
		return lane, false
	}
	defer file.Close()
	return lane, b.group.Adopt(lane, a, file.Fd())
}

// enter opens the folder that names start from, and closes another.
func (b *bundle) enter(base *base, tree *safefs.Tree) {
	if b.base != base {
		b.leave()
		b.base, b.folder = base, tree.Folder()
	}
}

// leave closes the folder, where others may be short of descriptors.
func (b *bundle) leave() {
	b.group.Leave()
	if b.folder != nil {
		b.folder.Close()
	}
	b.base, b.folder = nil, nil
}

// collect tells what became of the files that came to their end.
func (b *batch) collect() {
	b.own.now = load{}
	for _, t := range b.apart {
		b.own.now.add(t.load())
	}
	for i := range b.lanes {
		switch phase := b.group.Phase(i); {
		case phase == multibuffer.Idle:
			continue
		case phase < multibuffer.Done:
			l := b.lanes[i].load()
			l.bytes = min(l.bytes, perFile+b.group.Left(i))
			b.own.now.add(l)
			continue
		}
		l := b.lanes[i]
		outcome := b.group.Take(i, l.algorithm, b.digest[:0])
		b.gave()
		b.lanes[i].task = nil
		if outcome.Phase == multibuffer.Stale {
			b.putApart(l.task)
			continue
		}
		b.run.done(&l.claim, b.became(&l.claim, outcome))
		b.run.spent.put(l.task)
	}
}

// became is what became of c. The result is there until the next call.
func (b *batch) became(c *claim, o multibuffer.Outcome) *Result {
	r := &b.result
	if o.Phase == multibuffer.Done {
		c.compare(r, o.Digest, c.name)
	} else {
		r = c.failed(whyNot(o))
	}
	r.Size, r.Worker = o.Total, b.number
	return r
}

// whyNot returns the error that package source has for the same.
func whyNot(o multibuffer.Outcome) error {
	switch o.Phase {
	case multibuffer.Ended:
		return safefs.Ended(o.Total, o.Size)
	case multibuffer.Grew:
		return safefs.Grew(o.Size)
	case multibuffer.Changed:
		return safefs.ErrChanged
	}
	return safefs.Unread(o.Err)
}

// verifyApart verifies one after the other what was put aside.
func (b *batch) verifyApart() {
	if len(b.apart) > 0 {
		b.leave()
	}
	for _, t := range b.apart {
		if b.run.ctx.Err() != nil {
			return
		}
		b.alone.verify(t)
	}
	b.apart, b.own.now = b.apart[:0], load{}
}
