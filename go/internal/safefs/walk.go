package safefs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

const (
	// maxDepth and maxPath bound how deep folders are searched: opening one may take a lookup for each
	// folder above it, and no line of a manifest can be longer.
	maxDepth = 1000
	maxPath  = 64 << 10

	// longFolder is how many names take so long to sort that the context is looked at meanwhile.
	longFolder = 100_000

	// nodeSize is how many bytes a node takes besides its name.
	nodeSize = 24
)

var errTooDeep = fmt.Errorf("lies too deep: more than %d folders, or a path of more than %d bytes", maxDepth, maxPath)

// UnreadableFolder is how [Tree.Walk] reports a folder whose names cannot be read.
type UnreadableFolder struct {
	fs.DirEntry
	Err error // why
}

// Visit is called for an entry, with its name relative to the tree, joined by "/".
type Visit func(name string, entry fs.DirEntry) error

// Walk calls visit for everything in the tree except its top folder: files, folders, links and others.
// Symbolic links are reported, not followed.
//
// The order is bytewise by name. A folder is sorted as if its name ended in "/", so the files of the
// whole tree come sorted. Memory holds the names of the current folder and of those above it, not their
// paths. Where the storage lets it wait, the folders that come next are read at the same time; see
// ahead.go. Few folders are open at once.
//
// If visit returns [fs.SkipDir] for a folder, Walk skips it. A folder that cannot be read is visited
// again, as an [*UnreadableFolder]: unless visit then returns [fs.SkipDir], Walk ends with its error.
// Any other error of visit ends Walk, which returns it; [fs.SkipAll] ends it without an error.
func (t *Tree) Walk(ctx context.Context, visit Visit) error {
	return t.WalkFrom(ctx, ".", nil, visit)
}

// WalkFrom is [Tree.Walk] of the folder called start alone. Names are still relative to the tree. A folder for
// which skips returns true is read after visit was called for it, if at all; nil stands for no such folder.
func (t *Tree) WalkFrom(ctx context.Context, start string, skips func(name string) bool, visit Visit) error {
	if t.source != nil {
		return t.walkSource(ctx, start, skips, visit)
	}
	w := newWalk(ctx, t, start, skips, visit)
	defer w.close()
	return w.all(start)
}

// List returns what is in the folder called name, sorted as by [Tree.Walk].
func (t *Tree) List(ctx context.Context, name string) ([]fs.DirEntry, error) {
	if t.source != nil {
		infos, err := t.listSource(name)
		entries := make([]fs.DirEntry, len(infos))
		for i, info := range infos {
			entries[i] = info
		}
		return entries, err
	}
	d, err := t.openDirRetrying(ctx, name)
	if err != nil {
		return nil, err
	}
	defer d.close()
	nodes, _, err := d.read(ctx, nil, 0)
	if err != nil {
		return nil, err
	}
	sortNodes(ctx, nodes)
	entries := make([]fs.DirEntry, len(nodes))
	prefix := prefixOf(name)
	for i, n := range nodes {
		entries[i] = &dirEntry{n, prefix + n.name, t}
	}
	return entries, ctx.Err()
}

// prefixOf returns what the names in the folder called name begin with.
func prefixOf(name string) string {
	if name == "." {
		return ""
	}
	return name + "/"
}

// openDirRetrying is openDir, called again while there is no descriptor.
func (t *Tree) openDirRetrying(ctx context.Context, name string) (*dir, error) {
	d, err := t.openDir(name)
	for try := 0; IsExhausted(err) && try < retryLimit && t.cache.mayWait() && ctx.Err() == nil; try++ {
		time.Sleep(retryPause)
		d, err = t.openDir(name)
	}
	return d, explain(err)
}

// walk is the state of a Walk. It uses a stack, not recursion, because a tree may have any depth.
type walk struct {
	tree    *Tree
	ctx     context.Context
	visit   Visit
	folders []*folder // the current one and those above it
	path    []byte    // of the current folder, with "/" at its end; those above it are its beginnings
	ahead   ahead
}

func newWalk(ctx context.Context, t *Tree, start string, skips func(string) bool, visit Visit) *walk {
	w := &walk{tree: t, ctx: ctx, visit: visit, path: []byte(prefixOf(start))}
	w.ahead = newAhead(ctx, skips, prefixOf(start))
	return w
}

func (w *walk) all(start string) error {
	top := &folder{prefix: len(w.path)}
	w.folders = append(w.folders, top)
	d, err := w.tree.openDirRetrying(w.ctx, start)
	if err != nil {
		return err
	}
	w.ahead.opened(top, d)
	if err := w.read(top); err != nil {
		return err
	}
	for len(w.folders) > 0 && err == nil {
		err = w.step()
	}
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

// close closes what is open, also after a panic of visit.
func (w *walk) close() {
	for _, f := range w.folders {
		w.ahead.drop(f)
	}
	w.ahead.free()
}

// step visits the next entry.
func (w *walk) step() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	last := w.folders[len(w.folders)-1]
	if last.next == len(last.nodes) {
		w.folders = w.folders[:len(w.folders)-1]
		w.ahead.drop(last)
		return nil
	}
	n := last.nodes[last.next]
	w.path = append(w.path[:last.prefix], n.name...)
	entry := &dirEntry{n, string(w.path), w.tree}
	if !n.kind.IsDir() {
		last.next++
		return w.visit(entry.path, entry)
	}
	sub := w.ahead.pass(last)
	err := w.visit(entry.path, entry)
	if err == nil {
		err = w.enter(sub, entry)
	} else {
		w.ahead.drop(sub)
	}
	w.ahead.release(last)
	if errors.Is(err, fs.SkipDir) {
		return nil
	}
	return err
}

// enter makes the folder of entry the current one.
func (w *walk) enter(sub *folder, entry *dirEntry) error {
	err := errTooDeep
	if !sub.isTooDeep() {
		err = w.load(sub, entry)
	}
	if err == nil {
		w.path = append(w.path, '/')
		w.folders = append(w.folders, sub)
		return nil
	}
	w.ahead.drop(sub)
	if w.ctx.Err() != nil {
		return err
	}
	if stop := w.visit(entry.path, &UnreadableFolder{entry, err}); stop != nil {
		return stop
	}
	return err
}

// load reads the names in a folder, unless that was done ahead.
func (w *walk) load(sub *folder, entry *dirEntry) error {
	if err := w.ahead.await(sub); err != nil {
		return err
	}
	switch sub.state {
	case isWhole:
		return nil
	case isPart:
		return w.read(sub)
	}
	began := time.Now()
	d, err := w.open(sub.above, entry)
	if err != nil {
		return err
	}
	w.ahead.opened(sub, d)
	err = w.read(sub)
	w.ahead.observe(time.Since(began), len(sub.nodes))
	return err
}

// open opens the folder of entry through the one above it.
func (w *walk) open(above *folder, entry *dirEntry) (*dir, error) {
	if above.dir == nil && above.subs > 0 {
		if d, err := w.tree.openDir(above.path(w.ahead.start)); err == nil {
			w.ahead.opened(above, d)
		}
	}
	if above.dir != nil {
		d, err := above.dir.sub(entry.name)
		if !IsExhausted(err) {
			return d, err
		}
		w.ahead.closeKept()
		if above.users == 0 {
			w.ahead.close(above)
		}
	}
	return w.tree.openDirRetrying(w.ctx, entry.path)
}

// read reads the names in f that are not known.
func (w *walk) read(f *folder) error {
	nodes, _, err := f.dir.read(w.ctx, f.nodes, 0)
	if err != nil {
		return err
	}
	f.nodes = nodes
	w.ahead.completed(f)
	return w.ctx.Err()
}

// node is an entry of a folder. There may be millions, so it is small.
type node struct {
	name string
	kind fs.FileMode
}

// sortNodes sorts the entries of a folder. The order means nothing once ctx has ended.
func sortNodes(ctx context.Context, nodes []node) { slices.SortFunc(nodes, comparing(ctx, len(nodes))) }

// comparing returns [compare]; for many nodes one that ends soon after ctx, with an order that means nothing.
func comparing(ctx context.Context, count int) func(a, b node) int {
	if count < longFolder {
		return compare
	}
	compared, ended := 0, false
	return func(a, b node) int {
		if compared++; compared%longFolder == 0 {
			ended = ctx.Err() != nil
		}
		if ended {
			return 0
		}
		return compare(a, b)
	}
}

// compare orders nodes by name; the name of a folder counts as ending in "/".
func compare(a, b node) int {
	n := min(len(a.name), len(b.name))
	if c := cmp.Compare(a.name[:n], b.name[:n]); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.after(n), b.after(n)), cmp.Compare(len(a.name), len(b.name)))
}

// after returns the byte at n; at the end of the name, "/" for a folder, else less than any byte.
func (d node) after(n int) int {
	switch {
	case n < len(d.name):
		return int(d.name[n])
	case d.kind.IsDir():
		return '/'
	}
	return -1
}

// dirEntry is a node and its folder, as an [fs.DirEntry].
type dirEntry struct {
	node
	path string
	tree *Tree
}

func (d *dirEntry) Name() string      { return d.name }
func (d *dirEntry) IsDir() bool       { return d.kind.IsDir() }
func (d *dirEntry) Type() fs.FileMode { return d.kind }
func (d *dirEntry) String() string    { return fs.FormatDirEntry(d) }

// Info describes the entry without following a link; see [os.Root.Lstat].
func (d *dirEntry) Info() (fs.FileInfo, error) { return d.tree.root.Lstat(d.path) }
