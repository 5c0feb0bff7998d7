package safefs

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"
)

const (
	walkBatch = 1024 // names read of a folder at once
	walkPause = 5 * time.Millisecond
	walkTries = 400 // while no more files can be open at once
)

// UnreadableFolder is what [Tree.Walk] shows of a folder whose names cannot be read.
type UnreadableFolder struct {
	fs.DirEntry
	Err error // why
}

// Walk calls visit for everything in the tree but the tree's folder itself: files, folders, links
// and what else there is, each with its name relative to the tree, joined by "/". Symbolic links
// are shown and never followed.
//
// The order is that of the bytes of the names: in a folder, a sub-folder stands where its name
// with a "/" behind it belongs, so that the files of the whole tree come sorted. What is kept in
// memory is the names in one folder and in those above it; one folder is open at a time.
//
// Where visit answers [fs.SkipDir] to a folder, that is passed by. A folder that cannot be read is
// shown once more, as an [*UnreadableFolder]: unless visit answers that with [fs.SkipDir], Walk
// ends with its error. Any other error of visit ends Walk, which returns it; [fs.SkipAll] ends it
// without an error.
func (t *Tree) Walk(ctx context.Context, visit func(name string, entry fs.DirEntry) error) error {
	return t.WalkFrom(ctx, ".", visit)
}

// WalkFrom is a [Tree.Walk] that shows only what lies in the folder called start. The names are
// relative to the tree all the same.
func (t *Tree) WalkFrom(ctx context.Context, start string, visit func(name string, entry fs.DirEntry) error) error {
	top, err := t.read(ctx, start)
	if err != nil {
		return err
	}
	prefix := start + "/"
	if start == "." {
		prefix = ""
	}
	w := walk{t, ctx, visit, []folder{{prefix, top}}}
	for len(w.folders) > 0 && err == nil {
		err = w.step()
	}
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

// walk is the state of a Walk. It is a stack and no recursion, as a tree may be of any depth.
type walk struct {
	tree    *Tree
	ctx     context.Context
	visit   func(string, fs.DirEntry) error
	folders []folder
}

// folder is what is still to be shown of a folder.
type folder struct {
	prefix string // of the names in it: "" or "a/b/"
	nodes  []node
}

// step shows what is next.
func (w *walk) step() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	last := &w.folders[len(w.folders)-1]
	if len(last.nodes) == 0 {
		w.folders = w.folders[:len(w.folders)-1]
		return nil
	}
	entry := &dirEntry{last.nodes[0], last.prefix, w.tree}
	last.nodes = last.nodes[1:]
	err := w.visit(entry.path(), entry)
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
	nodes, err := w.tree.read(w.ctx, entry.path())
	if err == nil {
		w.folders = append(w.folders, folder{entry.path() + "/", nodes})
		return nil
	}
	if w.ctx.Err() != nil {
		return err
	}
	if told := w.visit(entry.path(), &UnreadableFolder{entry, err}); told != nil {
		return told
	}
	return err
}

// read returns what lies in the folder called name, sorted.
func (t *Tree) read(ctx context.Context, name string) ([]node, error) {
	// Not Root.Open, which waits at a FIFO that has taken the folder's place.
	dir, err := t.root.OpenFile(name, openFlags, 0)
	for try := 0; IsExhausted(err) && try < walkTries && ctx.Err() == nil; try++ {
		time.Sleep(walkPause)
		dir, err = t.root.OpenFile(name, openFlags, 0)
	}
	if err != nil {
		return nil, outside(err)
	}
	dir = unrooted(dir)
	defer dir.Close()
	var nodes []node
	for ctx.Err() == nil {
		entries, err := dir.ReadDir(walkBatch)
		for _, e := range entries {
			nodes = append(nodes, node{e.Name(), e.Type()})
		}
		if errors.Is(err, io.EOF) {
			slices.SortFunc(nodes, compare)
			return nodes, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// node is what is kept of a name: there may be millions.
type node struct {
	name string
	kind fs.FileMode
}

// compare orders nodes as the names of the files are: those of a folder have "/" behind its name.
func compare(a, b node) int {
	n := min(len(a.name), len(b.name))
	if c := cmp.Compare(a.name[:n], b.name[:n]); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.after(n), b.after(n)), cmp.Compare(len(a.name), len(b.name)))
}

// after returns the byte at n, or the one that stands behind the name, or less than any.
func (d node) after(n int) int {
	switch {
	case n < len(d.name):
		return int(d.name[n])
	case d.kind.IsDir():
		return '/'
	}
	return -1
}

// dirEntry is a node where it stands; it is an [fs.DirEntry].
type dirEntry struct {
	node
	prefix string
	tree   *Tree
}

func (d *dirEntry) path() string      { return d.prefix + d.name }
func (d *dirEntry) Name() string      { return d.name }
func (d *dirEntry) IsDir() bool       { return d.kind.IsDir() }
func (d *dirEntry) Type() fs.FileMode { return d.kind }
func (d *dirEntry) String() string    { return fs.FormatDirEntry(d) }

// Info describes the thing itself, the link where it is one; see [os.Root.Lstat].
func (d *dirEntry) Info() (fs.FileInfo, error) { return d.tree.root.Lstat(d.path()) }
