//go:build !linux

package safefs

import (
	"context"
	"errors"
	"io"
	"os"
)

// dir is an open folder, by its name in the tree.
type dir struct {
	tree *Tree
	name string
	file *os.File
}

// openDir opens the folder called name.
func (t *Tree) openDir(name string) (*dir, error) {
	// Not Root.Open, which would wait if a FIFO had replaced the folder.
	f, err := t.root.OpenFile(name, openFlags, 0)
	if err != nil {
		return nil, mapOutside(err)
	}
	return &dir{t, name, reopenFolder(f)}, nil
}

// sub opens the folder called name in d.
func (d *dir) sub(name string) (*dir, error) {
	if d.name != "." {
		name = d.name + "/" + name
	}
	return d.tree.openDir(name)
}

func (d *dir) close() { d.file.Close() }

// walkBatch is how many names are read from a folder at once.
const walkBatch = 1024

// read appends the next entries to nodes, all of them if limit is 0, else until they take limit bytes. It reports
// whether there are no more.
func (d *dir) read(ctx context.Context, nodes []node, limit int) (_ []node, whole bool, err error) {
	for total := 0; limit == 0 || total < limit; {
		if err := ctx.Err(); err != nil {
			return nodes, false, err
		}
		entries, err := d.file.ReadDir(walkBatch)
		for _, e := range entries {
			nodes = append(nodes, node{e.Name(), e.Type()})
			total += nodeSize + len(e.Name())
		}
		if errors.Is(err, io.EOF) {
			return nodes, true, nil
		}
		if err != nil {
			return nodes, false, err
		}
	}
	return nodes, false, nil
}

// Inodes finds none: they are asked for only where a disk is known to spin, which no other system than Linux tells.
func (t *Tree) Inodes(context.Context, string, int, func([]byte, uint64) bool) error { return nil }
