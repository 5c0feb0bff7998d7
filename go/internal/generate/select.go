package generate

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

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
	// Exclude holds patterns of [path.Match]: without a "/", of the name of a file or folder
	// anywhere; with one, of the whole name in the tree. An excluded folder is not searched.
	Exclude []string
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
	for _, pattern := range s.Exclude {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return usage("exclude: %q is not a valid pattern", pattern)
		}
	}
	return nil
}

func (s *Selection) excluded(name string) bool {
	for _, pattern := range s.Exclude {
		what := name
		if !strings.Contains(pattern, "/") {
			what = path.Base(name)
		}
		if matched, _ := path.Match(strings.Trim(pattern, "/"), what); matched {
			return true
		}
	}
	return false
}

// excludes reports whether name is excluded, or a folder that it lies in.
func (s *Selection) excludes(name string) bool {
	for name != "." && name != "/" {
		if s.excluded(name) {
			return true
		}
		name = path.Dir(name)
	}
	return false
}

// walker walks a tree and finds the files that a manifest lists.
type walker struct {
	Selection
	tree    *safefs.Tree
	show    func(name string) string
	isSelf  func(name string, info func() (fs.FileInfo, error)) bool // the manifest that is written
	skipped func(name string)
}

// walk calls each with the name of every file below start, which may be a file, in the order of
// their bytes.
func (w *walker) walk(ctx context.Context, start string, each func(name string) error) error {
	info, err := w.tree.Lstat(start)
	if err != nil {
		return &WriteError{w.show(start), err}
	}
	if !info.IsDir() {
		return w.file(start, fs.FileInfoToDirEntry(info), each)
	}
	err = w.tree.WalkFrom(ctx, start, w.excluded, func(name string, entry fs.DirEntry) error {
		if unreadable, ok := entry.(*safefs.UnreadableFolder); ok {
			return &WriteError{w.show(name), unreadable.Err}
		}
		switch {
		case w.excluded(name):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
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
		return &WriteError{w.show(name), withHint(safefs.ErrNotRegular, "--skip-special (skip_special=True) skips it")}
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
		return &WriteError{w.show(name), withHint(errors.New("is a symbolic link"), `--links skip (links="skip") skips it`)}
	}
	info, err := w.tree.Follow(name)
	self := func() (fs.FileInfo, error) { return info, err }
	switch {
	case w.Links == SkipLinks:
		w.skipped(name)
		return nil
	case errors.Is(err, safefs.ErrOutside):
		return &WriteError{w.show(name), withHint(err,
			`--links skip (links="skip") skips it, --follow-outside (follow_outside=True) lists it`)}
	case err != nil:
		return &WriteError{w.show(name), err}
	case info.IsDir() && w.FollowOutside:
		return w.linkedFolder(name)
	case info.IsDir() || w.isSelf("", self):
		w.skipped(name)
		return nil
	case !info.Mode().IsRegular() && w.SkipSpecial:
		w.skipped(name)
		return nil
	case !info.Mode().IsRegular():
		return &WriteError{w.show(name), withHint(safefs.ErrNotRegular, "--skip-special (skip_special=True) skips it")}
	}
	return each(name)
}

// linkedFolder skips a link to a folder, unless that lies outside: its files would be listed nowhere.
func (w *walker) linkedFolder(name string) error {
	if !w.tree.Confines(name) {
		return &WriteError{w.show(name), withHint(errors.New("leads to a folder outside, which is not listed"), `--links skip (links="skip") skips it`)}
	}
	w.skipped(name)
	return nil
}
