package verify

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/text/unicode/norm"

	"checksig/internal/safefs"
)

// selection is the files whose entries are read; see [Reading]. It may be used from any goroutine.
//
// It only leaves entries out: which file an entry stands for, and whether it may be opened, is decided as
// for all entries.
type selection struct {
	files   []*selectedFile
	byName  map[string][]*selectedFile // by nameKey; without folders
	folders []*selectedFile
}

// selectedFile is one path of a selection.
type selectedFile struct {
	shown string      // as the request gives it
	path  string      // absolute
	info  fs.FileInfo // nil if there is no such file
	found atomic.Bool // an entry is about it
}

// newSelection returns the selection of a request's paths.
func newSelection(r *Reading) (*selection, error) {
	s := &selection{byName: map[string][]*selectedFile{}}
	for _, shown := range r.Only {
		path, err := r.absolute(shown)
		if err != nil {
			return nil, err
		}
		f := &selectedFile{shown: r.shown(shown), path: path}
		if info, err := safefs.StatPath(r.Source, path); err == nil {
			f.info = info
		}
		s.files = append(s.files, f)
		if f.info != nil && f.info.IsDir() {
			f.path = strings.TrimSuffix(path, string(filepath.Separator)) + string(filepath.Separator)
			s.folders = append(s.folders, f)
		} else {
			s.byName[nameKey(path)] = append(s.byName[nameKey(path)], f)
		}
	}
	return s, nil
}

// nameKey returns the last component of a path without what file systems ignore: case and normal form.
func nameKey(path string) string {
	return strings.ToLower(norm.NFC.String(filepath.Base(path)))
}

// has reports whether c is about a file of the selection, by one of the names under which it is looked for.
func (s *selection) has(c *claim) bool {
	has := s.hasName(c, c.name)
	for _, name := range spellings(c.name, c.slashed) {
		has = s.hasName(c, name) || has
	}
	return has
}

func (s *selection) hasName(c *claim, name string) (has bool) {
	path := ""
	if !hasDots(name) { // else only the system knows which file it is
		if path = name; !filepath.IsAbs(name) {
			path = filepath.Join(c.root.Dir, name)
		}
		path = filepath.Clean(path)
	}
	for _, f := range s.folders {
		if path != "" && strings.HasPrefix(path, f.path) {
			f.found.Store(true)
			has = true
		}
	}
	for _, f := range s.byName[nameKey(name)] {
		if path != "" && path == f.path || f.info != nil && isSame(c.root, name, f.info) {
			f.found.Store(true)
			has = true
		}
	}
	return has
}

// isSame reports whether root would open the file that info describes by that name.
func isSame(root *safefs.Root, name string, info fs.FileInfo) bool {
	tree, err := root.Acquire()
	if err != nil {
		return false
	}
	defer root.Release()
	other, err := tree.Stat(name)
	return err == nil && os.SameFile(info, other)
}

// missed calls report with each path that no entry was about.
func (s *selection) missed(report func(path string)) {
	for _, f := range s.files {
		if !f.found.Load() {
			report(f.shown)
		}
	}
}
