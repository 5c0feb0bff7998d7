package engine

import (
	"os"

	"checksig/internal/digest"
	"checksig/internal/lanes"
	"checksig/internal/source"
)

// apartMax is how many entries are put aside before the files in lanes are brought to their end, to
// verify those by themselves.
const apartMax = 64

// batch verifies entries for one worker: several files are open at once, and hashed together.
type batch struct {
	run    *run
	alone  *verifier
	group  *lanes.Group
	limit  int // of files open at once
	wide   int // how many files the latest algorithm's kernels take
	active int // lanes with a file
	own    holding
	lanes  [lanes.Max]lane
	// apart are entries that no lane is for, or whose file can perhaps be opened when others are closed.
	apart []*task
	kinds map[*digest.Algorithm]kind

	base   *base
	folder *os.File // that of base; nil if files there are to be opened by its tree alone
}

// lane is a file of a [lanes.Group].
type lane struct {
	*task
	algorithm *lanes.Algorithm
}

// kind is what the kernels know of an algorithm.
type kind struct {
	algorithm *lanes.Algorithm // nil for nothing
	width     int
}

// newBatch returns a batch, or nil where files cannot be hashed together.
func newBatch(v *verifier) *batch {
	if v.run.request.LeaveCache {
		return nil // for the kernels' reading leaves traces
	}
	group, err := lanes.New()
	if err != nil {
		return nil // what is wrong with it, prepare has told
	}
	limit := min(lanes.Max, max(1, source.OpenLimit()/4/v.run.workers()))
	return &batch{run: v.run, alone: v, group: group, limit: limit, kinds: map[*digest.Algorithm]kind{}}
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
func (b *batch) free() {
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
	free := 0
	for b.group.Phase(free) != lanes.Idle {
		free++
	}
	if !b.open(free, k.algorithm, t) {
		b.putApart(t)
		return
	}
	t.weight = b.group.Size(free)
	// Where the size is not as listed, there is nothing to read, only to tell. A disk that rotates
	// would seek between large files.
	if t.entry.HasSize && t.entry.Size != t.weight || b.run.rotates && t.weight >= worthSharing {
		b.group.Drop(free)
		b.putApart(t)
		return
	}
	b.lanes[free] = lane{t, k.algorithm}
	b.wide = k.width
	b.active++
	b.run.open.Add(1)
	b.own.now.add(t.load())
}

func (b *batch) putApart(t *task) {
	b.apart = append(b.apart, t)
	b.own.now.add(t.load())
}

func (b *batch) kind(a *digest.Algorithm) kind {
	k, known := b.kinds[a]
	if !known {
		k.algorithm = lanes.ByName(a.Name)
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

// open opens a task's file for a lane, and reports whether it could.
func (b *batch) open(free int, a *lanes.Algorithm, t *task) bool {
	tree, err := b.run.bases.use(t.base)
	if err != nil {
		return false
	}
	defer b.run.bases.done(t.base)
	b.enter(t.base, tree)
	if b.folder != nil && b.group.Open(free, a, b.folder.Fd(), t.name, &t.seen) {
		return true
	}
	// A link, a folder of an odd kind, or nothing to be opened: the tree knows.
	file, err := tree.Open(t.name)
	if err != nil {
		if source.IsExhausted(err) {
			b.limit = max(1, b.active/2)
		}
		return false
	}
	defer file.Close()
	return b.group.Adopt(free, a, file.Fd())
}

// enter opens the folder that names start from, and closes another.
func (b *batch) enter(base *base, tree *source.Tree) {
	if b.base != base {
		b.leave()
		b.base, b.folder = base, tree.Folder()
	}
}

// leave closes the folder, where others may be short of descriptors.
func (b *batch) leave() {
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
		case phase == lanes.Idle:
			continue
		case phase < lanes.Done:
			l := b.lanes[i].load()
			l.bytes = min(l.bytes, perFile+b.group.Left(i))
			b.own.now.add(l)
			continue
		}
		l := b.lanes[i]
		outcome := b.group.Take(i, l.algorithm)
		b.active--
		b.run.open.Add(-1)
		b.lanes[i].task = nil
		if outcome.Phase == lanes.Stale {
			b.putApart(l.task)
			continue
		}
		b.run.done(&l.claim, l.outcome(outcome))
	}
}

func (l lane) outcome(o lanes.Outcome) *Result {
	var r *Result
	if o.Phase == lanes.Done {
		r = l.compared(o.Digest, l.name)
	} else {
		r = l.failed(whyNot(o))
	}
	r.Size = o.Total
	return r
}

// whyNot returns the error that package source has for the same.
func whyNot(o lanes.Outcome) error {
	switch o.Phase {
	case lanes.Ended:
		return source.Ended(o.Total, o.Size)
	case lanes.Grew:
		return source.Grew(o.Size)
	case lanes.Changed:
		return source.ErrChanged
	}
	return source.Unread(o.Err)
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
