package safefs

import (
	"context"
	"time"
)

const (
	// The walk starts to read ahead when enoughSlow of the folders that it read were slow; slowPoints is what a
	// slow one counts, a fast one takes 1 off. It begins with firstDepth folders at once.
	enoughSlow = 8
	slowPoints = 4
	firstDepth = 4

	// maxHeld is how many bytes of names are read ahead before no more folders are, and maxWaiting how many
	// folders for each of those that are read at once.
	maxHeld    = 4 << 20
	maxWaiting = 4

	// keptDirs is how many folders stay open, so that those in them can be opened, while none are read ahead.
	keptDirs = 16

	// always is the share of readings that wait for the storage, if all do; below seldom it is not slow any more.
	always = 1024
	seldom = always / 8
)

// isSlow reports whether a folder with count entries took so long to read that the storage was waited for. It takes
// 10 µs and 0.3 µs an entry if the system has it in memory; a fast SSD takes about 100 µs.
func isSlow(took time.Duration, count int) bool {
	return took > 70*time.Microsecond+time.Duration(count)*time.Microsecond
}

// ahead reads the folders that a walk comes to next, several at once, while the storage is slow. How many is what
// was observed to help: more when the walk waits for one, none when the readers no longer wait for the storage.
//
// Folders of which sub-folders are still to be read are in a list, in the order of the walk, together with those
// that are being read. A sub-folder that is taken from one is put into the list before it; so the first of the list
// that has any is where the next one is taken.
type ahead struct {
	ctx         context.Context
	skips       func(name string) bool
	start       string
	newReaders  func(ctx context.Context, limit int) readers
	readers     readers // nil before they are needed, and where there are none
	isOff       bool
	first, last *folder // the list
	inFlight    map[*reading]bool
	depth       int // how many may be in flight; 0 while the storage is fast
	slow        int // points
	blocked     int // share of the readings that waited for the storage
	waiting     int // folders that are taken, and whose turn has not come
	held        int // bytes of their names
	dirs        int // open ones, except those in flight
	openLimit   int // of the process
}

func newAhead(ctx context.Context, skips func(string) bool, start string) ahead {
	return ahead{ctx: ctx, skips: skips, start: start, newReaders: newReaders, openLimit: OpenLimit()}
}

// folder is a folder that is visited, or whose turn comes later.
type folder struct {
	above  *folder
	name   string
	level  int // number of folders above it
	prefix int // bytes of the path that its names follow
	state  folderState
	nodes  []node // sorted if the state is isWhole
	next   int    // the first node that was not visited

	dir   *dir      // open while needed for sub-folders, unless too many are
	users int       // sub-folders that are being opened through dir
	taken int       // the first node that was not taken; at least next
	subs  int       // sub-folders that were not taken
	ahead []*folder // those that were, and whose turn has not come
	held  int

	reading *reading // while the state is isBeingRead

	isListed      bool
	before, after *folder // in the list
}

type folderState uint8

const (
	isUnread folderState = iota
	isBeingRead
	isPart // the first names are known
	isWhole
	isDropped
)

// sub returns the folder in f that n is.
func (f *folder) sub(n node) *folder {
	return &folder{above: f, name: n.name, level: f.level + 1, prefix: f.prefix + len(n.name) + 1}
}

// isTooDeep reports whether the folder is not searched.
func (f *folder) isTooDeep() bool { return f.level >= maxDepth || f.prefix > maxPath }

// path returns the path of f below the tree; start is what those of the walk begin with.
func (f *folder) path(start string) string {
	path := make([]byte, 0, f.prefix)
	var add func(*folder)
	add = func(f *folder) {
		if f.above == nil {
			path = append(path, start...)
			return
		}
		add(f.above)
		path = append(append(path, f.name...), '/')
	}
	add(f)
	if len(path) == 0 {
		return "."
	}
	return string(path[:len(path)-1])
}

// pass returns the sub-folder that is the next node of f, whose turn has come.
func (a *ahead) pass(f *folder) *folder {
	i := f.next
	f.next++
	if i >= f.taken {
		f.taken = i + 1
		f.subs--
		return f.sub(f.nodes[i])
	}
	sub := f.ahead[0]
	f.ahead = f.ahead[1:]
	a.waiting--
	a.held -= sub.held
	sub.held = 0
	return sub
}

// opened counts a folder that was opened, and closes another one if there are too many.
func (a *ahead) opened(f *folder, d *dir) {
	f.dir = d
	a.dirs++
	most := min(keptDirs, a.openLimit/16)
	if a.depth > 0 {
		most = a.mostDirs()
	}
	for g := a.last; g != nil && a.dirs > most; g = g.before {
		if g != f && g.users == 0 && g.state == isWhole {
			a.close(g)
		}
	}
}

// mostDirs is how many folders may be open and in flight.
func (a *ahead) mostDirs() int { return min(2*maxReaders, a.openLimit/8) }

func (a *ahead) close(f *folder) {
	if f.dir != nil {
		f.dir.close()
		f.dir = nil
		a.dirs--
	}
}

// closeKept closes the folders that are open only to be fast, where descriptors are scarce.
func (a *ahead) closeKept() {
	for f := a.first; f != nil; f = f.after {
		if f.users == 0 && f.state == isWhole {
			a.close(f)
		}
	}
	a.depth /= 2
}

// completed notes that all names in f are known.
func (a *ahead) completed(f *folder) {
	sortNodes(a.ctx, f.nodes)
	f.state = isWhole
	for _, n := range f.nodes {
		if n.kind.IsDir() {
			f.subs++
		}
	}
	if f.subs > 0 && !f.isListed {
		a.insert(f, a.first) // it is the current one: all others come later
	}
	a.release(f)
}

// release closes f once no more folders are opened through it.
func (a *ahead) release(f *folder) {
	if f.state == isWhole && f.subs > 0 || f.state == isPart {
		return
	}
	a.remove(f)
	if f.users == 0 && f.state != isBeingRead {
		a.close(f)
	}
}

// drop forgets f and what was read ahead in it.
func (a *ahead) drop(f *folder) {
	for _, sub := range f.ahead {
		a.waiting--
		a.drop(sub)
	}
	a.held -= f.held
	f.held, f.ahead, f.nodes = 0, nil, nil
	f.state = isDropped
	a.release(f)
}

// observe takes how long a folder took to read in its turn.
func (a *ahead) observe(took time.Duration, count int) {
	if !isSlow(took, count) {
		a.slow = max(a.slow-1, 0)
		return
	}
	if a.slow += slowPoints; a.slow >= enoughSlow && a.depth == 0 {
		a.begin()
	}
}

// begin starts to read ahead.
func (a *ahead) begin() {
	if a.readers == nil && !a.isOff {
		if limit := min(maxReaders, a.openLimit/16); limit > 1 {
			a.readers = a.newReaders(a.ctx, limit)
		}
		a.isOff = a.readers == nil
		a.inFlight = map[*reading]bool{}
	}
	if a.readers != nil {
		a.depth, a.blocked = min(firstDepth, a.readers.limit()), always
	}
}

// await waits until sub is not being read any more, and has other folders read. The error is that of the context.
func (a *ahead) await(sub *folder) error {
	a.fetch()
	if sub.state == isBeingRead && len(a.inFlight) >= a.depth && a.depth > 0 {
		a.depth = min(2*a.depth, a.readers.limit())
	}
	a.fill()
	for sub.state == isBeingRead {
		// Meanwhile the others go on: there are more of them again once a part has ended.
		if !a.readers.await(sub.reading, max(1, len(a.inFlight)/4)) {
			return a.ctx.Err()
		}
		a.fetch()
		a.fill()
	}
	return nil
}

// fetch takes all folders that were read ahead.
func (a *ahead) fetch() {
	for len(a.inFlight) > 0 {
		r := a.readers.fetch()
		if r == nil {
			return
		}
		a.fetched(r)
	}
}

// fill has the next folders read.
func (a *ahead) fill() {
	started := false
	defer func() {
		if started {
			a.readers.begin()
		}
	}()
	for len(a.inFlight) < a.depth && a.waiting < maxWaiting*a.depth && a.held < maxHeld &&
		a.dirs+len(a.inFlight) < a.mostDirs() {
		sub := a.take()
		if sub == nil {
			return
		}
		if sub.isTooDeep() || a.skips != nil && a.skips(sub.path(a.start)) {
			a.release(sub.above)
			continue
		}
		r := &reading{parent: sub.above.dir, name: sub.name, into: sub}
		if !a.readers.start(r) {
			a.release(sub.above)
			a.depth = 0
			return
		}
		started = true
		a.inFlight[r] = true
		sub.state, sub.reading = isBeingRead, r
		sub.above.users++
		a.insert(sub, sub.above)
		a.release(sub.above)
	}
}

// take returns the next folder that can be read ahead, or nil.
func (a *ahead) take() *folder {
	for f := a.first; f != nil; f = f.after {
		if f.state != isWhole || f.dir == nil || f.subs == 0 {
			continue
		}
		for !f.nodes[f.taken].kind.IsDir() {
			f.taken++
		}
		sub := f.sub(f.nodes[f.taken])
		f.taken++
		f.subs--
		f.ahead = append(f.ahead, sub)
		a.waiting++
		return sub
	}
	return nil
}

// fetched takes a folder that was read ahead. One that could not be read is read again in its turn, which shows why.
func (a *ahead) fetched(r *reading) {
	delete(a.inFlight, r)
	f := r.into
	f.reading = nil
	f.above.users--
	a.release(f.above)
	a.adjust(r.isBlocked)
	switch {
	case f.state == isDropped || r.err != nil:
		if r.dir != nil {
			r.dir.close()
		}
		if f.state != isDropped {
			f.state = isUnread
			a.remove(f)
		}
		if IsExhausted(r.err) {
			a.closeKept()
		}
		return
	}
	f.state, f.dir, f.nodes = isPart, r.dir, r.nodes
	a.dirs++
	for _, n := range f.nodes {
		f.held += nodeSize + len(n.name)
	}
	a.held += f.held
	if r.isWhole {
		a.completed(f)
	}
}

// adjust stops reading ahead when the storage is fast.
func (a *ahead) adjust(isBlocked bool) {
	a.blocked -= a.blocked / 32
	if isBlocked {
		a.blocked += always / 32
	}
	if a.blocked < seldom {
		a.depth, a.slow = 0, 0
	}
}

// free ends the readers. What they read was dropped.
func (a *ahead) free() {
	if a.readers == nil {
		return
	}
	var parents []*dir
	for r := range a.inFlight {
		if f := r.into.above; f.dir != nil {
			parents = append(parents, f.dir)
			f.dir = nil
		}
	}
	a.readers.free(parents)
}

// insert puts f into the list before next, or as the only one.
func (a *ahead) insert(f, next *folder) {
	f.isListed, f.after = true, next
	if next == nil {
		f.before, a.last = a.last, f
	} else {
		f.before, next.before = next.before, f
	}
	if f.before == nil {
		a.first = f
	} else {
		f.before.after = f
	}
}

func (a *ahead) remove(f *folder) {
	if !f.isListed {
		return
	}
	if f.before == nil {
		a.first = f.after
	} else {
		f.before.after = f.after
	}
	if f.after == nil {
		a.last = f.before
	} else {
		f.after.before = f.before
	}
	f.isListed, f.before, f.after = false, nil, nil
}
