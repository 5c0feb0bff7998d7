package safefs

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostRoots is how many roots are open before those that nobody uses are closed, with two descriptors each, and
	// one in rootDescriptors of all descriptors is how many at most.
	mostRoots       = 256
	rootDescriptors = 16

	// Where no more files can be open, or another program holds a lease on one, the opening is tried
	// again, at most so often: beyond that only files of our own are waited for.
	retryPause = 5 * time.Millisecond
	retryLimit = 400

	// waitLimit bounds how often a run waits with no file of its own open, in all: ten seconds.
	waitLimit = 2000
)

// Root is a folder that names start from. It is opened when it is first used; a [RootCache] makes it,
// one for each folder, so that two names have the same root only if the pointers are equal.
type Root struct {
	Dir     string // its path, absolute
	Display string // its path as reports show it

	cache   *RootCache
	name    string     // below the top root, "." for that itself; "" if it lies elsewhere
	opening sync.Mutex // held while it is being opened
	tree    *Tree      // nil while it is closed
	users   int        // of tree
	used    int        // at which use of all roots it was used last

	resolveOnce sync.Once
	resolved    string // Dir without symbolic links; "" if it has none
}

// Path returns the path of the file called name, for reports. It is not cleaned: where d is a link,
// d/../x is another file than x.
func (r *Root) Path(name string) string {
	if r.cache == nil || r.cache.source == nil {
		name = filepath.FromSlash(name)
	}
	if filepath.IsAbs(name) || r.Display == "" || r.Display == "." {
		return name
	}
	if strings.HasSuffix(r.Display, string(filepath.Separator)) {
		return r.Display + name
	}
	return r.Display + string(filepath.Separator) + name
}

// Inside returns name relative to the folder if it is an absolute path of something below it, by its text;
// other names are returned as they are. What the rest of the path leads to is for [Tree.Open] to check.
func (r *Root) Inside(name string) string {
	if !filepath.IsAbs(name) || r.cache != nil && r.cache.source != nil { // an absolute name is never one of a store
		return name
	}
	if rest, is := below(r.Dir, name); is {
		return rest
	}
	r.resolveOnce.Do(func() { r.resolved, _ = filepath.EvalSymlinks(r.Dir) })
	if rest, is := below(r.resolved, name); is {
		return rest
	}
	return name
}

// below returns the rest of path after the folder dir; is reports whether path begins with it.
func below(dir, path string) (rest string, is bool) {
	rest, is = strings.CutPrefix(path, dir)
	if !is || dir == "" || rest == "" || !os.IsPathSeparator(rest[0]) && !os.IsPathSeparator(dir[len(dir)-1]) {
		return "", false
	}
	for rest != "" && os.IsPathSeparator(rest[0]) {
		rest = rest[1:]
	}
	return rest, rest != ""
}

// Below returns the folder's path from the top root, "." for that itself; it is absolute if the folder lies elsewhere.
func (r *Root) Below() string {
	if r.name != "" {
		return r.name
	}
	return r.Dir
}

// Contains reports whether other is r or lies below it.
func (r *Root) Contains(other *Root) bool {
	rel, err := filepath.Rel(r.Dir, other.Dir)
	return err == nil && filepath.IsLocal(rel)
}

// Acquire returns the open folder. Call [Root.Release] after each Acquire that succeeds.
func (r *Root) Acquire() (*Tree, error) {
	if r.isTop() { // open as long as the cache: no lock
		return r.tree, nil
	}
	if tree := r.use(nil); tree != nil {
		return tree, nil
	}
	r.opening.Lock() // not all roots: several are opened at once
	defer r.opening.Unlock()
	if tree := r.use(nil); tree != nil {
		return tree, nil
	}
	opened, err := r.open()
	if err != nil {
		return nil, err
	}
	if tree := r.use(opened); tree != nil {
		return tree, nil
	}
	opened.Close()
	return nil, os.ErrClosed
}

// use counts a user of the folder, which may have been opened just now. It returns nil if it is not open, or if the
// cache was closed meanwhile.
func (r *Root) use(opened *Tree) *Tree {
	c := r.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if opened != nil && !c.closed {
		r.tree, opened.cache = opened, c
		c.open[r] = true
	}
	if r.tree != nil {
		c.uses++
		r.used = c.uses
		r.users++
	}
	return r.tree
}

// AcquireRetrying is [Root.Acquire], called again as [RootCache.Retry] says.
func (r *Root) AcquireRetrying(ctx context.Context) (tree *Tree, err error) {
	err = r.cache.Retry(ctx, func() error {
		tree, err = r.Acquire()
		return err
	})
	return tree, err
}

// IsOpen reports whether the folder is open now.
func (r *Root) IsOpen() bool {
	if r.isTop() {
		return true
	}
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	return r.tree != nil
}

func (r *Root) isTop() bool { return r == r.cache.top }

func (r *Root) open() (*Tree, error) {
	if r.cache.source != nil {
		return &Tree{dir: r.Dir, source: r.cache.source}, nil
	}
	if r.name != "" {
		return r.cache.top.tree.Sub(r.name)
	}
	return OpenTree(r.Dir, r.cache.followOutside)
}

// Release says that what [Root.Acquire] returned is no longer used.
func (r *Root) Release() {
	if r.isTop() {
		return
	}
	c := r.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	r.users--
	switch {
	case c.closed:
		c.closeIdle(0)
	case len(c.open) > c.most:
		c.closeIdle(c.most / 2)
	}
}

// Prepare opens the folder before it is needed, and what [FileSet.Open] needs of it.
func (r *Root) Prepare() {
	tree, err := r.Acquire()
	if err != nil {
		return // it is met again
	}
	defer r.Release()
	if FileSetThreads {
		if folder := tree.Folder(); folder != nil {
			folder.Release()
		}
	}
}

// RootCache holds the roots of a run. Of thousands, only a few are open at once.
type RootCache struct {
	top           *Root
	followOutside bool
	source        Source // that has the folders; nil for the file system
	most          int    // roots, before those that nobody uses are closed
	openFiles     atomic.Int64
	scarce        sync.Mutex // held while trying again for a descriptor

	waiting  sync.Mutex
	waits    int       // pauses so far in which nothing could be opened
	lastWait time.Time // several goroutines wait at once

	mu     sync.Mutex
	closed bool
	uses   int
	known  map[string]*Root // by Dir
	open   map[*Root]bool
}

// NewRootCache opens the folder dir, absolute, as the top root, shown as display; it stays open until
// [RootCache.Close]. With followOutside, names may lead out of their roots.
func NewRootCache(dir, display string, followOutside bool) (*RootCache, error) {
	tree, err := OpenTree(dir, followOutside)
	if err != nil {
		return nil, err
	}
	c := &RootCache{
		followOutside: followOutside, known: map[string]*Root{}, open: map[*Root]bool{},
		most: min(mostRoots, OpenLimit()/rootDescriptors),
	}
	tree.cache = c
	c.top = &Root{Dir: dir, Display: display, cache: c, name: ".", tree: tree}
	c.known[dir] = c.top
	return c, nil
}

// Top returns the top root.
func (c *RootCache) Top() *Root { return c.top }

// At returns the root at path, taken from the folder called folder below the top root; an absolute path
// stands for itself.
func (c *RootCache) At(folder, path string) *Root {
	if filepath.IsAbs(path) {
		return c.Add(path, path)
	}
	name := filepath.Join(folder, path)
	r := &Root{Dir: filepath.Join(c.top.Dir, name), Display: c.Shown(name), cache: c}
	if filepath.IsLocal(name) {
		r.name = name
	}
	return c.add(r)
}

// Add returns the root of the folder dir, absolute, shown as display.
func (c *RootCache) Add(dir, display string) *Root {
	return c.add(&Root{Dir: dir, Display: display, cache: c})
}

func (c *RootCache) add(r *Root) *Root {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[r.Dir]; known != nil {
		return known
	}
	c.known[r.Dir] = r
	return r
}

// Trim closes the roots that nobody uses, and what else is only kept for later, where descriptors are scarce.
func (c *RootCache) Trim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeIdle(0)
	for r := range c.open {
		r.tree.trim()
	}
	c.top.tree.trim()
}

// closeIdle closes roots that nobody uses, until so many are open; those first that were used last the longest time ago.
func (c *RootCache) closeIdle(most int) {
	var idle []*Root
	for r := range c.open {
		if r.users == 0 {
			idle = append(idle, r)
		}
	}
	slices.SortFunc(idle, func(a, b *Root) int { return a.used - b.used })
	for _, r := range idle[:min(len(idle), max(len(c.open)-most, 0))] {
		r.tree.Close()
		r.tree = nil
		delete(c.open, r)
	}
}

// Close closes all roots, the top one too. Those that are used are closed when they are released, and no more are
// opened.
func (c *RootCache) Close() {
	c.mu.Lock()
	c.closed = true
	c.closeIdle(0)
	c.mu.Unlock()
	c.top.tree.Close()
}

// CountOpen adds n to the number of files that are open in this run; see [RootCache.Retry].
func (c *RootCache) CountOpen(n int) { c.openFiles.Add(int64(n)) }

// Retry calls open, and again while what keeps it from succeeding may pass: no free descriptor (see
// [IsExhausted]), or a lease of another program (see [IsHeld]). open must hold nothing open when it
// fails. It gives up after two seconds, unless files of this run are open that will be closed; when all of
// the run has waited for ten; or when ctx ends.
func (c *RootCache) Retry(ctx context.Context, open func() error) error {
	for try := 0; ; try++ {
		err := open()
		if IsExhausted(err) {
			c.Trim()
			err = c.alone(open)
		}
		exhausted := IsExhausted(err)
		waits := try < retryLimit || exhausted && c.openFiles.Load() > 0
		if exhausted && c.openFiles.Load() == 0 {
			waits = waits && c.mayWait()
		}
		if !(exhausted || IsHeld(err)) || !waits || ctx.Err() != nil {
			return explain(err)
		}
		c.Trim()
		time.Sleep(retryPause)
	}
}

// mayWait counts a pause in which nothing can be opened, and reports whether the run may wait that long.
func (c *RootCache) mayWait() bool {
	if c == nil {
		return true
	}
	c.waiting.Lock()
	defer c.waiting.Unlock()
	if now := time.Now(); now.Sub(c.lastWait) >= retryPause {
		c.lastWait = now
		c.waits++
	}
	return c.waits <= waitLimit
}

// alone has one goroutine at a time try again: two that each hold what the other lacks would both fail.
func (c *RootCache) alone(open func() error) error {
	c.scarce.Lock()
	defer c.scarce.Unlock()
	return open()
}

// FollowsOutside reports whether names may lead out of their roots.
func (c *RootCache) FollowsOutside() bool { return c.followOutside }

// OpenFiles returns how many files of this run are open.
func (c *RootCache) OpenFiles() int { return int(c.openFiles.Load()) }
