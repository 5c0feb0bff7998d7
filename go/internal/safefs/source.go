package safefs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Source is a store of files that is not mounted: an object store, a server or an archive. Its paths are absolute,
// joined by "/", and never contain ".", ".." or an empty component. It may be used from any goroutine, and returns
// at once when the job that it belongs to ends.
//
// The rules of this package hold for it in this form: a name stays below its root by its text, as there are no links
// that the engine follows; an object is what the store says is a file; and it is unchanged if every byte came from the
// version that was described when it was opened.
type Source interface {
	// Shown returns the path of a file for reports, such as "s3://bucket/file".
	Shown(path string) string
	// Stat describes what is at path. The error of nothing is [IsMissing].
	Stat(path string) (SourceInfo, error)
	// List describes all that is directly in the folder at path. Their names are the last components.
	List(path string) ([]SourceInfo, error)
	// Begin asks for size bytes from offset of the file that [Source.Stat] described. If too much is under way, it
	// waits if mayWait is set, and returns nil otherwise. The result must be called: it waits for the bytes, which
	// are never fewer without an error, and returns them with what frees them. The error is [ErrChanged] if the store
	// has another version.
	Begin(file *SourceInfo, offset int64, size int, mayWait bool) func() (data []byte, release func(), err error)
	// Confirm returns [ErrChanged] unless the store still has the version that was described.
	Confirm(file *SourceInfo) error
	// Stored returns the digests of the whole file that the store keeps, those algorithms that it has of the ones named.
	Stored(file *SourceInfo, algorithms []string) (map[string][]byte, error)
}

// SourceInfo describes a file or folder of a [Source].
type SourceInfo struct {
	Path     string      // in the source; of [Source.List], only the last component
	Kind     fs.FileMode // 0 for a file, [fs.ModeDir], or [fs.ModeIrregular] for anything else
	Bytes    int64
	Modified time.Time // the zero time if the store has none
	Version  string    // tells versions of the file apart; only the source knows how
	Content  []byte    // all bytes of this version, if the source has them already
}

const (
	// sourcePiece is how many bytes of a file of a source are asked for at once.
	sourcePiece = 8 << 20

	// sourceAhead is how many pieces of one file are asked for before they are needed.
	sourceAhead = 15

	// sourceFoldersAhead is how many folders of a source are listed before they are needed.
	sourceFoldersAhead = 16
)

// sourceInfo is a SourceInfo as an [fs.FileInfo] and an [fs.DirEntry].
type sourceInfo struct{ SourceInfo }

func (i *sourceInfo) Name() string               { return path.Base(i.Path) }
func (i *sourceInfo) Size() int64                { return i.Bytes }
func (i *sourceInfo) Mode() fs.FileMode          { return i.Kind }
func (i *sourceInfo) ModTime() time.Time         { return i.Modified }
func (i *sourceInfo) IsDir() bool                { return i.Kind.IsDir() }
func (i *sourceInfo) Sys() any                   { return nil }
func (i *sourceInfo) Type() fs.FileMode          { return i.Kind }
func (i *sourceInfo) Info() (fs.FileInfo, error) { return i, nil }

// StatPath describes what the path in source leads to. A nil source is the file system.
func StatPath(source Source, name string) (fs.FileInfo, error) {
	if source == nil {
		return os.Stat(name)
	}
	info, err := source.Stat(filepath.ToSlash(name))
	return &sourceInfo{info}, err
}

// NewSourceRootCache is [NewRootCache] for a folder of a source, which is not opened: files below it are.
func NewSourceRootCache(source Source, dir string) *RootCache {
	c := &RootCache{known: map[string]*Root{}, open: map[*Root]bool{}, source: source, most: mostRoots}
	tree := &Tree{dir: dir, source: source, cache: c}
	c.top = &Root{Dir: dir, Display: source.Shown(filepath.ToSlash(dir)), cache: c, name: ".", tree: tree}
	c.known[dir] = c.top
	return c
}

// IsRemote reports whether the roots are folders of a [Source].
func (c *RootCache) IsRemote() bool { return c.source != nil }

// Shown returns the path of what is called so below the top root, for reports.
func (c *RootCache) Shown(names ...string) string {
	if c.source == nil {
		return filepath.Join(append([]string{c.top.Display}, names...)...)
	}
	return c.source.Shown(filepath.ToSlash(filepath.Join(append([]string{c.top.Dir}, names...)...)))
}

// sourcePath returns the path in the source of what is called name in the tree. A store has no rule for what "..", an
// empty component or a leading slash would lead to, so they are refused; "." is left out, as in every file system.
func (t *Tree) sourcePath(name string) (string, error) {
	at := filepath.ToSlash(t.dir)
	if name == "." {
		return at, nil
	}
	if strings.HasPrefix(name, "/") {
		return "", ErrOutside
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "..":
			return "", ErrOutside
		case part == "" || strings.Contains(part, "\x00"):
			return "", ErrName
		case part != ".":
			at = strings.TrimSuffix(at, "/") + "/" + part
		}
	}
	return at, nil
}

func (t *Tree) statSource(name string) (*sourceInfo, error) {
	at, err := t.sourcePath(name)
	if err != nil {
		return nil, err
	}
	info, err := t.source.Stat(at)
	if err != nil {
		return nil, err
	}
	info.Path = at
	return &sourceInfo{info}, nil
}

// followSource is [Tree.Follow] for a source.
func (t *Tree) followSource(name string) (fs.FileInfo, error) {
	info, err := t.statSource(name)
	if err != nil {
		return nil, err
	}
	return info, nil
}

// openSource is [Tree.Open] for a source.
func (t *Tree) openSource(name string) (*File, error) {
	info, err := t.statSource(name)
	if err != nil {
		return nil, err
	}
	if err := requireRegular(info, nil); err != nil {
		return nil, err
	}
	return &File{
		before: fileState{size: info.Bytes, modified: info.Modified},
		remote: &sourceFile{source: t.source, info: info.SourceInfo},
	}, nil
}

// Stored returns the digests of the whole file that its store keeps, as far as it has those algorithms. A file of the
// file system has none.
func (f *File) Stored(algorithms []string) (map[string][]byte, error) {
	if f.remote == nil {
		return nil, nil
	}
	return f.remote.source.Stored(&f.remote.info, algorithms)
}

// sourceFile reads a file of a source in pieces, several of them ahead.
type sourceFile struct {
	source  Source
	info    SourceInfo
	asked   int64 // bytes that were asked for
	isWhole bool  // Content was read
	waiting []func() ([]byte, func(), error)
	piece   []byte // what was not read yet of the current one
	release func() // the current one
}

func (f *sourceFile) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(f.piece) == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.piece)
	if f.piece = f.piece[n:]; len(f.piece) == 0 {
		f.drop()
	}
	return n, nil
}

// next waits for the next piece; at the end of the file, it returns [io.EOF] if the file is unchanged.
func (f *sourceFile) next() (err error) {
	if f.info.Content != nil {
		f.piece, f.info.Content = f.info.Content, nil
		f.asked, f.isWhole = f.info.Bytes, true
		return nil
	}
	if f.asked == f.info.Bytes && len(f.waiting) == 0 {
		if f.isWhole {
			return io.EOF
		}
		if err := f.source.Confirm(&f.info); err != nil {
			return err
		}
		return io.EOF
	}
	if len(f.waiting) == 0 { // nothing is held now: this may wait for what others hold
		f.ask(true)
	}
	wait := f.waiting[0]
	f.waiting = f.waiting[1:]
	f.ahead()
	f.piece, f.release, err = wait()
	return err
}

// ahead asks for more pieces, if others leave room for them.
func (f *sourceFile) ahead() {
	for len(f.waiting) < sourceAhead && f.asked < f.info.Bytes && f.ask(false) {
		continue
	}
}

// ask asks for the next piece, and reports whether it did.
func (f *sourceFile) ask(mayWait bool) bool {
	size := min(sourcePiece, f.info.Bytes-f.asked)
	wait := f.source.Begin(&f.info, f.asked, int(size), mayWait)
	if wait == nil {
		return false
	}
	f.asked += size
	f.waiting = append(f.waiting, wait)
	return true
}

func (f *sourceFile) drop() {
	if f.release != nil {
		f.release()
	}
	f.piece, f.release = nil, nil
}

// close frees what is held. The answers to what was asked for are dropped when they come.
func (f *sourceFile) close() error {
	f.drop()
	waiting := f.waiting
	f.waiting = nil
	if len(waiting) > 0 {
		go func() {
			for _, wait := range waiting {
				if _, release, err := wait(); err == nil {
					release()
				}
			}
		}()
	}
	return nil
}

// listSource returns what is in a folder of a source, sorted as by [Tree.Walk].
func (t *Tree) listSource(name string) ([]*sourceInfo, error) {
	at, err := t.sourcePath(name)
	if err != nil {
		return nil, err
	}
	infos, err := t.source.List(at)
	if err != nil {
		return nil, err
	}
	found := make([]*sourceInfo, len(infos))
	for i, info := range infos {
		if last := info.Path; last == "" || last == "." || last == ".." || strings.ContainsAny(last, "/\x00") {
			return nil, &fs.PathError{Op: "list", Path: at, Err: errOddKey}
		}
		found[i] = &sourceInfo{info}
	}
	slices.SortStableFunc(found, func(a, b *sourceInfo) int {
		return compare(node{a.Path, a.Kind}, node{b.Path, b.Kind})
	})
	return found, nil
}

var errOddKey = errors.New("the store has a key there that is no file name, such as one with //")

// sourceFolder is a folder of a source that is, or will be, listed.
type sourceFolder struct {
	name    string // in the tree
	entries []*sourceInfo
	err     error
	done    chan struct{} // closed when it was listed; nil if nobody has begun
	subs    map[string]*sourceFolder
}

// walkSource is [Tree.WalkFrom] for a source.
func (t *Tree) walkSource(ctx context.Context, start string, skips func(string) bool, visit Visit) error {
	w := &sourceWalk{tree: t, ctx: ctx, skips: skips, visit: visit}
	top := &sourceFolder{name: start}
	w.list(top)
	if top.err != nil {
		return top.err
	}
	if err := w.folder(top, 0); !errors.Is(err, fs.SkipAll) {
		return err
	}
	return nil
}

type sourceWalk struct {
	tree  *Tree
	ctx   context.Context
	skips func(string) bool
	visit Visit
	begun int // folders that are listed ahead
}

func (w *sourceWalk) list(f *sourceFolder) {
	f.entries, f.err = w.tree.listSource(f.name)
}

// folder visits what is in f. The depth is bounded, so that recursion is too.
func (w *sourceWalk) folder(f *sourceFolder, depth int) error {
	prefix := prefixOf(f.name)
	for i, entry := range f.entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		name := prefix + entry.Path
		if !entry.IsDir() {
			if err := w.visit(name, entry); err != nil {
				return err
			}
			continue
		}
		w.ahead(f, f.entries[i:])
		err := w.visit(name, entry)
		if err == nil {
			err = w.enter(f, entry, name, depth)
		}
		w.leave(f, entry.Path)
		if err != nil && !errors.Is(err, fs.SkipDir) {
			return err
		}
	}
	return nil
}

func (w *sourceWalk) enter(f *sourceFolder, entry *sourceInfo, name string, depth int) error {
	sub := f.subs[entry.Path]
	if sub == nil {
		sub = &sourceFolder{name: name}
		if depth+1 >= maxDepth || len(name) >= maxPath {
			sub.err = errTooDeep
		} else {
			w.list(sub)
		}
	} else {
		<-sub.done
		w.begun--
		delete(f.subs, entry.Path)
	}
	if sub.err == nil {
		return w.folder(sub, depth+1)
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if stop := w.visit(name, &UnreadableFolder{entry, sub.err}); stop != nil {
		return stop
	}
	return sub.err
}

// ahead begins to list the folders that come next.
func (w *sourceWalk) ahead(f *sourceFolder, next []*sourceInfo) {
	for _, entry := range next {
		if w.begun >= sourceFoldersAhead {
			return
		}
		name := prefixOf(f.name) + entry.Path
		if !entry.IsDir() || f.subs[entry.Path] != nil || len(name) >= maxPath || w.skips != nil && w.skips(name) {
			continue
		}
		sub := &sourceFolder{name: name, done: make(chan struct{})}
		if f.subs == nil {
			f.subs = map[string]*sourceFolder{}
		}
		f.subs[entry.Path] = sub
		w.begun++
		go func() {
			defer close(sub.done)
			w.list(sub)
		}()
	}
}

// leave forgets a folder that was not entered.
func (w *sourceWalk) leave(f *sourceFolder, name string) {
	if f.subs[name] != nil {
		w.begun--
		delete(f.subs, name)
	}
}
