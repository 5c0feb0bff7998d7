package layout

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// store is a structure whose files are named after their digests: the names take the place of a manifest. They are
// listed twice, before and after the files are read, and must be the same.
type store struct {
	top     string // the folder of the files
	list    func(*listing)
	content []byte // what Find listed
}

// newStore returns a kind of store. It is recognised by the folder called mark in it, where confirm returns true.
func newStore(kind Kind, mark, top string, confirm func(ctx context.Context, tree *safefs.Tree) bool, list func(*listing)) *Kind {
	kind.HasFolder, kind.Format = true, manifest.BSD
	kind.IsMarker = func(string) bool { return false }
	kind.IsCandidate = func(name string) bool { return name == mark }
	kind.Confirm = func(ctx context.Context, f Folder) bool {
		tree, err := f.Root.AcquireRetrying(ctx)
		if err != nil {
			return false
		}
		defer f.Root.Release()
		return confirm(ctx, tree)
	}
	kind.New = func() Layout { return &store{top: top, list: list} }
	kind.IsManifest = func(string) bool { return false }
	kind.IsOwn = func(string) bool { return false }
	return &kind
}

// hasFolder reports whether the folder called name contains a folder whose name satisfies is.
func hasFolder(ctx context.Context, tree *safefs.Tree, name string, is func(string) bool) bool {
	entries, _ := tree.List(ctx, name)
	for _, e := range entries {
		if e.IsDir() && is(e.Name()) {
			return true
		}
	}
	return false
}

// isHex reports whether text is a number of n hexadecimal digits, in lower case.
func isHex(text string, n int) bool {
	return len(text) == n && strings.Trim(text, "0123456789abcdef") == ""
}

func isHexPair(text string) bool { return isHex(text, 2) }

func (s *store) AddManifest(string) List { return nil }

func (s *store) Find(ctx context.Context, f Folder) []Found {
	l := s.listed(ctx, f)
	s.content = l.content
	return []Found{{Folder: s.top, Name: ".", Format: manifest.BSD, Content: &s.content}}
}

func (s *store) Take(string, []byte) error { return nil }

func (s *store) Check(ctx context.Context, f Folder, report Report) {
	l := s.listed(ctx, f)
	if ctx.Err() != nil {
		return
	}
	if !bytes.Equal(l.content, s.content) {
		report.Problem(s.top, 0, errChanged.Error())
	}
	for _, p := range l.problems {
		report.Problem(p.file, 0, p.text)
	}
	if l.more > 0 {
		report.Problem(s.top, 0, fmt.Sprintf("%d more problems", l.more))
	}
	for _, p := range l.notes {
		report.Note(p.file, 0, p.text)
	}
}

// listed lists the store.
func (s *store) listed(ctx context.Context, f Folder) *listing {
	l := &listing{ctx: ctx, folder: f, top: s.top + "/"}
	tree, err := f.Root.AcquireRetrying(ctx)
	if err != nil {
		l.problem(s.top, "cannot be searched: %s", safefs.Cause(err))
		return l
	}
	defer f.Root.Release()
	l.tree = tree
	s.list(l)
	return l
}

// listing is what the names in a store say.
type listing struct {
	ctx      context.Context
	folder   Folder
	tree     *safefs.Tree
	top      string // of the files, with a slash at its end
	content  []byte // a line for each file
	problems []remark
	notes    []remark
	more     int
}

type remark struct{ file, text string }

// maxRemarks bounds the problems of one store that are kept; the others are counted.
const maxRemarks = 1000

func (l *listing) problem(file, format string, args ...any) {
	if len(l.problems) == maxRemarks {
		l.more++
		return
	}
	l.problems = append(l.problems, remark{file, fmt.Sprintf(format, args...)})
}

func (l *listing) note(file, text string) { l.notes = append(l.notes, remark{file, text}) }

// add lists a file that has the digest sum.
func (l *listing) add(file string, a *digest.Algorithm, sum string) {
	if !isHex(sum, 2*a.Size) {
		l.problem(file, "%.140q is no %s digest", sum, a.Name)
		return
	}
	if len(l.content) > manifest.MaxDocument {
		l.problem(file, "not verified, as the names in this store have more than %d bytes", manifest.MaxDocument)
		return
	}
	raw, err := hex.DecodeString(sum)
	var line []byte
	if err == nil {
		line, err = manifest.BSD.Write.File(nil, []manifest.Entry{{Name: strings.TrimPrefix(file, l.top), Algorithm: a, Digest: raw}})
	}
	if err != nil {
		l.problem(file, "%s", err)
		return
	}
	l.content = append(l.content, line...)
}

// files calls each for everything below the folder called name that is no folder.
func (l *listing) files(name string, each func(file string, e fs.DirEntry)) {
	err := l.tree.WalkFrom(l.ctx, name, nil, func(file string, e fs.DirEntry) error {
		switch unreadable, is := e.(*safefs.UnreadableFolder); {
		case is:
			l.problem(file, "cannot be searched: %s", safefs.Cause(unreadable.Err))
			return fs.SkipDir
		case !e.IsDir():
			each(file, e)
		}
		return nil
	})
	if err != nil && l.ctx.Err() == nil && !errors.Is(err, fs.ErrNotExist) {
		l.problem(name, "cannot be searched: %s", safefs.Cause(err))
	}
}

// blobs calls each for every file below the folder called name, which must be no link or other special file.
func (l *listing) blobs(name string, each func(file string)) {
	l.files(name, func(file string, e fs.DirEntry) {
		if !e.Type().IsRegular() {
			l.problem(file, "not a regular file")
			return
		}
		each(file)
	})
}

// targetOf returns the name of the file that a link leads to, by its text alone.
func (l *listing) targetOf(link string) (string, error) {
	text, err := l.tree.Readlink(link)
	return path.Join(path.Dir(link), text), err
}
