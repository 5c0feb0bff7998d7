package engine

import (
	"path/filepath"
	"strings"
	"sync"

	"checksig/internal/safefs"
)

// mostIdle is how many folders are kept open that no worker is using.
const mostIdle = 16

// base is a folder that names start from.
type base struct {
	dir    string // its path, absolute
	shown  string // its path as reports say it
	within string // its name in the top folder, "." for that itself; "" if it lies elsewhere
}

// path is where the file called name is, for reports. It is not cleaned: where d is a link,
// d/../x is another file than x.
func (b *base) path(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) || b.shown == "" || b.shown == "." {
		return name
	}
	if strings.HasSuffix(b.shown, string(filepath.Separator)) {
		return b.shown + name
	}
	return b.shown + string(filepath.Separator) + name
}

// holds reports whether other lies below b.
func (b *base) holds(other *base) bool {
	rel, err := filepath.Rel(b.dir, other.dir)
	return err == nil && filepath.IsLocal(rel)
}

// bases holds the folders that names start from. Of thousands, only a few are open at once.
type bases struct {
	top     *base
	tree    *safefs.Tree // of top, held open as long as the run lasts
	outside bool         // names may lead outside

	mu    sync.Mutex
	known map[string]*base // by dir
	open  map[*base]*openBase
}

type openBase struct {
	tree  *safefs.Tree
	users int
}

func newBases(top *base, tree *safefs.Tree, outside bool) *bases {
	return &bases{
		top: top, tree: tree, outside: outside,
		known: map[string]*base{top.dir: top}, open: map[*base]*openBase{},
	}
}

// at returns the folder that lies at path from the folder called folder, in the top folder; a
// path that is absolute stands for itself.
func (b *bases) at(folder, path string) *base {
	if filepath.IsAbs(path) {
		return b.add(&base{dir: path, shown: path})
	}
	within := filepath.Join(folder, path)
	added := &base{dir: filepath.Join(b.top.dir, within), shown: filepath.Join(b.top.shown, within)}
	if filepath.IsLocal(within) {
		added.within = within
	}
	return b.add(added)
}

// add returns the folder that is known already, or takes note of folder.
func (b *bases) add(folder *base) *base {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.known[folder.dir]; known != nil {
		return known
	}
	b.known[folder.dir] = folder
	return folder
}

// use opens a folder, or finds it open; done has to be called behind each use that succeeds.
func (b *bases) use(folder *base) (*safefs.Tree, error) {
	if folder == b.top {
		return b.tree, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.open[folder]
	if o == nil {
		tree, err := b.openFolder(folder)
		if err != nil {
			return nil, err
		}
		o = &openBase{tree: tree}
		b.open[folder] = o
	}
	o.users++
	return o.tree, nil
}

func (b *bases) openFolder(folder *base) (*safefs.Tree, error) {
	if folder.within != "" {
		return b.tree.Sub(folder.within)
	}
	return safefs.OpenTree(folder.dir, b.outside)
}

func (b *bases) done(folder *base) {
	if folder == b.top {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[folder].users--
	if len(b.open) > mostIdle {
		b.closeIdle()
	}
}

// trim closes what nobody is using, where descriptors are scarce.
func (b *bases) trim() {
	if b == nil { // of a run that writes
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closeIdle()
}

func (b *bases) closeIdle() {
	for folder, o := range b.open {
		if o.users == 0 {
			o.tree.Close()
			delete(b.open, folder)
		}
	}
}

func (b *bases) close() {
	b.trim()
	b.tree.Close()
}
