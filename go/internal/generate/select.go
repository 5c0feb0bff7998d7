package generate

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"checksig/internal/glob"
	"checksig/internal/safefs"
)

// Links says what becomes of symbolic links in a tree.
type Links string

// A link to a folder in the tree is skipped in any case but RefuseLinks: the files in that folder are
// listed where they are.
const (
	FollowLinks Links = "follow" // a link to a file is listed as that file
	SkipLinks   Links = "skip"
	RefuseLinks Links = "refuse" // a link is an error
)

// Selection says which files of a tree are listed.
type Selection struct {
	Links         Links
	FollowOutside bool // let links lead to files outside the tree
	SkipSpecial   bool // skip FIFOs, sockets and devices, which are an error otherwise
	// Include and Exclude hold patterns of package glob for the names in the tree. A folder in which nothing is kept
	// is not searched.
	Include, Exclude []string

	filter *glob.Filter // of both, once they were checked
}

// check returns an error for values that make no sense.
func (s *Selection) check() error {
	switch s.Links {
	case FollowLinks, SkipLinks, RefuseLinks:
	case "":
		s.Links = FollowLinks
	default:
		return usage(`links must be "follow", "skip" or "refuse", not %q`, s.Links)
	}
	var err error
	if s.filter, err = glob.NewFilter(s.Include, s.Exclude); err != nil {
		return usage("%v", err)
	}
	return nil
}

// walker walks a tree and finds the files that a manifest lists.
type walker struct {
	Selection
	tree    *safefs.Tree
	show    func(name string) string
	isSelf  func(name string, info func() (fs.FileInfo, error)) bool // the manifest that is written
	skipped func(name string)
	// odd takes a file that cannot be listed, and returns an error to end the walk.
	odd      func(*WriteError) error
	also     *glob.Filter // one more, or nil
	excluded func()       // counts a file or folder that the patterns leave out; nil if nobody asks
}

// keeps reports whether the patterns keep a file.
func (w *walker) keeps(name string) bool { return w.filter.Keeps(name) && w.also.Keeps(name) }

// prunes reports whether the patterns keep nothing in a folder.
func (w *walker) prunes(name string) bool {
	return name != "." && (w.filter.Prunes(name) || w.also.Prunes(name))
}

func (w *walker) leaveOut() {
	if w.excluded != nil {
		w.excluded()
	}
}

// walk calls each with the name of every file below start, which may be a file, in the order of
// their bytes.
func (w *walker) walk(ctx context.Context, start string, each func(name string) error) error {
	info, err := w.tree.Lstat(start)
	switch {
	case err != nil:
		return w.odd(&WriteError{w.show(start), err})
	case info.IsDir() && w.prunes(start), !info.IsDir() && !w.keeps(start):
		w.leaveOut()
		return nil
	case !info.IsDir():
		return w.file(start, fs.FileInfoToDirEntry(info), each)
	}
	err = w.tree.WalkFrom(ctx, start, w.prunes, func(name string, entry fs.DirEntry) error {
		if unreadable, ok := entry.(*safefs.UnreadableFolder); ok {
			if err := w.odd(&WriteError{w.show(name), unreadable.Err}); err != nil {
				return err
			}
			return fs.SkipDir
		}
		switch {
		case entry.IsDir() && w.prunes(name):
			w.leaveOut()
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case !w.keeps(name):
			if !w.isSelf(path.Base(name), entry.Info) {
				w.leaveOut()
			}
			return nil
		}
		return w.file(name, entry, each)
	})
	return w.located(start, err)
}

// located returns an error of a walk with a path, if it has none.
func (w *walker) located(start string, err error) error {
	var at *fs.PathError
	var refused *WriteError
	if errors.As(err, &at) && !errors.As(err, &refused) {
		return &WriteError{w.show(start), err}
	}
	return err
}

// file calls each unless name is skipped.
func (w *walker) file(name string, entry fs.DirEntry, each func(string) error) error {
	switch kind := entry.Type(); {
	case kind == fs.ModeSymlink:
		return w.link(name, each)
	case !kind.IsRegular():
		if w.SkipSpecial {
			w.skipped(name)
			return nil
		}
		return w.odd(&WriteError{w.show(name), withHint(safefs.ErrNotRegular, "--skip-special (skip_special=True) skips it")})
	case w.isSelf(path.Base(name), entry.Info):
		return nil
	case safefs.IsTemporaryName(path.Base(name)): // of another run, or of one that was killed
		w.skipped(name)
		return nil
	}
	return each(name)
}

func (w *walker) link(name string, each func(string) error) error {
	if w.Links == RefuseLinks {
		return w.odd(&WriteError{w.show(name), withHint(errors.New("is a symbolic link"), `--links skip (links="skip") skips it`)})
	}
	info, err := w.tree.Follow(name)
	self := func() (fs.FileInfo, error) { return info, err }
	switch {
	case w.Links == SkipLinks:
		w.skipped(name)
		return nil
	case errors.Is(err, safefs.ErrOutside):
		return w.odd(&WriteError{w.show(name), withHint(err,
			`--links skip (links="skip") skips it, --follow-outside (follow_outside=True) lists it`)})
	case err != nil:
		return w.odd(&WriteError{w.show(name), err})
	case info.IsDir() && w.FollowOutside:
		return w.linkedFolder(name)
	case info.IsDir() || w.isSelf("", self):
		w.skipped(name)
		return nil
	case !info.Mode().IsRegular() && w.SkipSpecial:
		w.skipped(name)
		return nil
	case !info.Mode().IsRegular():
		return w.odd(&WriteError{w.show(name), withHint(safefs.ErrNotRegular, "--skip-special (skip_special=True) skips it")})
	}
	return each(name)
}

// linkedFolder skips a link to a folder, unless that lies outside: its files would be listed nowhere.
func (w *walker) linkedFolder(name string) error {
	if !w.tree.Confines(name) {
		return w.odd(&WriteError{w.show(name), withHint(errors.New("leads to a folder outside, which is not listed"), `--links skip (links="skip") skips it`)})
	}
	w.skipped(name)
	return nil
}
