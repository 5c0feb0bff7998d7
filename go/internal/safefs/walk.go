package safefs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"
)

const (
	// walkBatch is how many names are read from a folder at once.
	walkBatch = 1024

	// maxDepth and maxPath bound how deep folders are searched: opening one takes a system call for each
	// folder above it, and no line of a manifest can be longer.
	maxDepth = 1000
	maxPath  = 64 << 10

	// longFolder is how many names take so long to sort that the context is looked at meanwhile.
	longFolder = 100_000
)

var errTooDeep = fmt.Errorf("lies too deep: more than %d folders, or a path of more than %d bytes", maxDepth, maxPath)

// UnreadableFolder is how [Tree.Walk] reports a folder whose names cannot be read.
type UnreadableFolder struct {
	fs.DirEntry
	Err error // why
}

// Walk calls visit for everything in the tree except its top folder: files, folders, links and others,
// each with its name relative to the tree, joined by "/". Symbolic links are reported, not followed.
//
// The order is bytewise by name. A folder is sorted as if its name ended in "/", so the files of the
// whole tree come sorted. Memory holds the names of the current folder and of those above it, not their
// paths; one folder is open at a time.
//
// If visit returns [fs.SkipDir] for a folder, Walk skips it. A folder that cannot be read is visited
// again, as an [*UnreadableFolder]: unless visit then returns [fs.SkipDir], Walk ends with its error.
// Any other error of visit ends Walk, which returns it; [fs.SkipAll] ends it without an error.
func (t *Tree) Walk(ctx context.Context, visit func(name string, entry fs.DirEntry) error) error {
	return t.WalkFrom(ctx, ".", visit)
}

// WalkFrom is [Tree.Walk] of the folder called start alone. Names are still relative to the tree.
func (t *Tree) WalkFrom(ctx context.Context, start string, visit func(name string, entry fs.DirEntry) error) error {
	top, err := t.read(ctx, start)
	if err != nil {
		return err
	}
	prefix := start + "/"
	if start == "." {
		prefix = ""
	}
	w := walk{t, ctx, visit, []folder{{len(prefix), top}}, []byte(prefix)}
	for len(w.folders) > 0 && err == nil {
		err = w.step()
	}
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

// List returns what is in the folder called name, sorted as by [Tree.Walk].
func (t *Tree) List(ctx context.Context, name string) ([]fs.DirEntry, error) {
	nodes, err := t.read(ctx, name)
	entries := make([]fs.DirEntry, len(nodes))
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	for i, n := range nodes {
		entries[i] = &dirEntry{n, prefix, t}
	}
	return entries, err
}

// walk is the state of a Walk. It uses a stack, not recursion, because a tree may have any depth.
type walk struct {
	tree    *Tree
	ctx     context.Context
	visit   func(string, fs.DirEntry) error
	folders []folder
	path    []byte // of the current folder, with "/" at its end; those above it are its beginnings
}

// folder is the part of a folder that has not been visited yet.
type folder struct {
	prefix int // bytes of path that its names follow
	nodes  []node
}

// step visits the next entry.
func (w *walk) step() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	last := &w.folders[len(w.folders)-1]
	if len(last.nodes) == 0 {
		w.folders = w.folders[:len(w.folders)-1]
		return nil
	}
	w.path = append(w.path[:last.prefix], last.nodes[0].name...)
	entry := &dirEntry{last.nodes[0], string(w.path), w.tree}
	last.nodes = last.nodes[1:]
	err := w.visit(entry.path, entry)
	if !entry.IsDir() {
		return err
	}
	if err == nil {
		err = w.enter(entry)
	}
	if errors.Is(err, fs.SkipDir) {
		return nil
	}
	return err
}

func (w *walk) enter(entry *dirEntry) error {
	var nodes []node
	err := errTooDeep
	if len(w.folders) < maxDepth && len(entry.path) < maxPath {
		nodes, err = w.tree.read(w.ctx, entry.path)
	}
	if err == nil {
		w.path = append(w.path, '/')
		w.folders = append(w.folders, folder{len(w.path), nodes})
		return nil
	}
	if w.ctx.Err() != nil {
		return err
	}
	if stop := w.visit(entry.path, &UnreadableFolder{entry, err}); stop != nil {
		return stop
	}
	return err
}

// read returns the entries of the folder called name, sorted.
func (t *Tree) read(ctx context.Context, name string) ([]node, error) {
	// Not Root.Open, which would wait if a FIFO had replaced the folder.
	dir, err := t.root.OpenFile(name, openFlags, 0)
	for try := 0; IsExhausted(err) && try < retryLimit && t.cache.mayWait() && ctx.Err() == nil; try++ {
		time.Sleep(retryPause)
		dir, err = t.root.OpenFile(name, openFlags, 0)
	}
	if err != nil {
		return nil, explain(mapOutside(err))
	}
	dir = reopenFolder(dir)
	defer dir.Close()
	var nodes []node
	for ctx.Err() == nil {
		entries, err := dir.ReadDir(walkBatch)
		for _, e := range entries {
			nodes = append(nodes, node{e.Name(), e.Type()})
		}
		if errors.Is(err, io.EOF) {
			slices.SortFunc(nodes, comparing(ctx, len(nodes)))
			return nodes, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// node is an entry of a folder. There may be millions, so it is small.
type node struct {
	name string
	kind fs.FileMode
}

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
