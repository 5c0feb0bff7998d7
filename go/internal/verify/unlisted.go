package verify

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/nameset"
	"checksig/internal/printable"
	"checksig/internal/safefs"
)

// unlistedSearch looks for the files that no manifest lists, and among them for missing ones.
type unlistedSearch struct {
	group     *guard.Group
	discovery *discovery
	record    *recorder
	listed    *nameset.Set
	filter    *filter
	trusts    bool                 // only signed manifests count: the name of one excuses nothing
	excluded  int                  // files and folders that the filter leaves out
	manifests map[string]*Manifest // that were read, by their absolute paths; nil for what was read as part of a structure
	index     *movedIndex
	pool      *hashpool.Pool[struct{}]
}

// findUnlisted reports the unlisted files, then the missing entries, by then with the paths to which
// their files may have been moved.
func findUnlisted(s *unlistedSearch, config hashpool.Config[struct{}], missing []*Result) error {
	s.manifests = map[string]*Manifest{}
	for _, l := range s.discovery.locations { // whatever their names
		if s.discovery.content != nil {
			break
		}
		path := filepath.Join(s.discovery.roots.Top().Dir, l.folder, l.name)
		s.listed.Add(path)
		s.manifests[path] = l.manifest
	}
	s.index = newMovedIndex(missing)
	config.NewHandler = func(int) hashpool.Handler[struct{}] { return s }
	var err error
	if s.pool, err = hashpool.New(s.group, s.discovery.roots, config); err != nil {
		return err
	}
	s.group.Run(func() {
		for _, root := range s.searchTogether(s.outermost()) {
			s.search(root)
		}
		if s.excluded > 0 {
			s.record.note(s.record.manifests[0], 0, fmt.Sprintf("patterns exclude files and folders that are not listed: %d", s.excluded))
		}
	})
	s.pool.Finish()
	s.index.finish()
	if !s.group.Ended() {
		for _, result := range missing {
			s.record.result(result)
		}
	}
	return nil
}

// outermost returns the folders that the manifests' names start from, without those that lie in others of
// them.
func (s *unlistedSearch) outermost() []*safefs.Root {
	type folder struct {
		root *safefs.Root
		path string // with a separator at its end: that of a folder in it begins with it
	}
	var all []folder
	for _, m := range s.record.manifests {
		if m.root != nil {
			path := strings.TrimSuffix(m.root.Dir, string(filepath.Separator)) + string(filepath.Separator)
			all = append(all, folder{m.root, path})
		}
	}
	slices.SortFunc(all, func(a, b folder) int { return cmp.Compare(a.path, b.path) })
	var kept []*safefs.Root
	last := ""
	for _, f := range all {
		if last == "" || !strings.HasPrefix(f.path, last) {
			kept = append(kept, f.root)
			last = f.path
		}
	}
	return kept
}

// manyRoots is how many folders in the top one are searched in one walk through that: it reads those that come next
// ahead, which a walk through each of them cannot do.
var manyRoots = 8 // a variable for tests

// searchTogether searches many folders in one walk, and returns those that have to be searched one by one: they lie
// elsewhere, or the walk does not come to them, as through a link.
func (s *unlistedSearch) searchTogether(roots []*safefs.Root) []*safefs.Root {
	inside, above := map[string]*searchedRoot{}, map[string]bool{} // by their names below the top folder
	for _, root := range roots {
		if name := filepath.ToSlash(root.Below()); name != "." && filepath.IsLocal(root.Below()) {
			inside[name] = s.searched(root)
			for dir := path.Dir(name); dir != "." && !above[dir]; dir = path.Dir(dir) {
				above[dir] = true
			}
		}
	}
	top := s.discovery.roots.Top()
	tree, err := top.Acquire()
	if err != nil || len(inside) < manyRoots {
		return roots
	}
	defer top.Release()
	// in returns the folder of inside that something is in, and its name there, "." for the folder itself.
	in := func(name string) (root *searchedRoot, rest string) {
		for i := range len(name) {
			if name[i] == '/' {
				if root := inside[name[:i]]; root != nil {
					return root, name[i+1:]
				}
			}
		}
		return inside[name], "."
	}
	skips := func(name string) bool {
		root, rest := in(name)
		if root == nil {
			return !above[name]
		}
		return rest != "." && root.prunes != nil && root.prunes(rest)
	}
	searched := map[*safefs.Root]bool{}
	err = tree.WalkFrom(s.group.Context(), ".", skips, func(name string, entry fs.DirEntry) error {
		root, rest := in(name)
		unreadable, isUnreadable := entry.(*safefs.UnreadableFolder)
		switch {
		case root != nil && rest != ".":
			return s.visit(root, rest, entry)
		case !entry.IsDir():
			return nil
		case root != nil && isUnreadable:
			s.unsearched(root.Display, unreadable.Err)
			return fs.SkipDir
		case root != nil:
			searched[root.Root] = true
			return nil
		case isUnreadable || !above[name]:
			return fs.SkipDir
		}
		return nil
	})
	if err != nil && !s.group.Ended() {
		s.unsearched(top.Display, err)
	}
	return slices.DeleteFunc(roots, func(root *safefs.Root) bool { return searched[root] })
}

// search finds the files below a folder that no manifest lists.
func (s *unlistedSearch) search(root *safefs.Root) {
	ctx := s.group.Context()
	tree, err := root.AcquireRetrying(ctx)
	if err != nil {
		s.unsearched(root.Display, err)
		return
	}
	defer root.Release()
	searched := s.searched(root)
	err = tree.WalkFrom(ctx, ".", searched.prunes, func(name string, entry fs.DirEntry) error {
		return s.visit(searched, name, entry)
	})
	if err != nil && ctx.Err() == nil {
		s.unsearched(root.Display, err)
	}
}

// searchedRoot is a folder that is searched.
type searchedRoot struct {
	*safefs.Root
	prefix string                 // of the absolute paths of what is in it
	prunes func(name string) bool // reports which folders patterns leave out; or nil
}

func (s *unlistedSearch) searched(root *safefs.Root) *searchedRoot {
	const separator = string(filepath.Separator)
	prefix := strings.TrimSuffix(filepath.Clean(root.Dir), separator) + separator
	return &searchedRoot{root, prefix, s.filter.prunes(root)}
}

// visit reports an entry below a root if it is an unlisted file.
func (s *unlistedSearch) visit(root *searchedRoot, name string, entry fs.DirEntry) error {
	if root.prunes != nil && entry.IsDir() && root.prunes(name) {
		s.excluded++
		return fs.SkipDir
	}
	if unreadable, is := entry.(*safefs.UnreadableFolder); is {
		s.unsearched(root.Path(name), unreadable.Err)
		return fs.SkipDir
	}
	path := root.prefix + filepath.FromSlash(name)
	switch {
	case !s.isFile(root.Root, name, entry), s.discovery.isOwnFile(path), s.listed.Has(path):
	case !s.filter.keepsFile(root.Root, path):
		s.excluded++
	case !s.isExcused(root.Root, name):
		s.found(root.Root, name)
	}
	return nil
}

// isExcused reports whether a file need not be listed, and notes why: it is the signature of a manifest next to it, or
// a manifest by its name that was not read. Anybody could have added that: it is not excused if manifests must be signed.
func (s *unlistedSearch) isExcused(root *safefs.Root, name string) bool {
	if !s.trusts && manifest.IsName(name[strings.LastIndexByte(name, '/')+1:]) {
		s.record.note(s.record.manifests[0], 0, printable.Quote(root.Path(name))+" is not listed, and was not read: it has the name of a manifest")
		return true
	}
	for _, suffix := range manifest.AllSignatureSuffixes {
		signed, is := strings.CutSuffix(name, suffix)
		if !is {
			continue
		}
		about, isRead := s.manifests[filepath.Join(root.Dir, signed)]
		if !isRead && !s.trusts {
			info, err := s.stat(root, signed)
			isRead = err == nil && info.Mode().IsRegular() && manifest.IsName(signed[strings.LastIndexByte(signed, '/')+1:])
		}
		if isRead {
			s.record.note(cmp.Or(about, s.record.manifests[0]), 0, printable.Quote(root.Path(name))+" is not listed: it is the signature of a manifest")
		}
		return isRead
	}
	return false
}

// isFile reports whether entry is a regular file or a link to one; or a link that leads outside, which is
// not followed.
func (s *unlistedSearch) isFile(root *safefs.Root, name string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink != 0 {
		_, err := s.stat(root, name)
		return err == nil || errors.Is(err, safefs.ErrOutside)
	}
	return entry.Type().IsRegular()
}

// stat describes what is called name below a root.
func (s *unlistedSearch) stat(root *safefs.Root, name string) (fs.FileInfo, error) {
	tree, err := root.AcquireRetrying(s.group.Context())
	if err != nil {
		return nil, err
	}
	defer root.Release()
	return tree.Stat(name)
}

// unsearched reports a folder that could not be searched for unlisted files.
func (s *unlistedSearch) unsearched(path string, err error) {
	m := &Manifest{Path: path}
	s.record.manifest(m)
	s.record.badLine(m, &manifest.LineError{Cause: "cannot be searched: " + safefs.Cause(err), Code: manifest.Unread})
}

// found reports an unlisted file, once its digests are known if files are missing.
func (s *unlistedSearch) found(root *safefs.Root, name string) {
	if s.index.isEmpty() {
		s.record.unlistedFile(&UnlistedFile{Path: root.Path(name)})
		return
	}
	t := s.pool.Task()
	t.Root, t.Name, t.Size, t.Memory = root, name, -1, len(name)
	t.Algorithms = append(t.Algorithms[:0], s.index.algorithms...)
	t.Ask = s.index.sizes != nil
	s.pool.Submit(t)
}

// Opened skips reading a file whose size matches no missing entry.
func (s *unlistedSearch) Opened(t *hashpool.Task[struct{}], f hashpool.OpenFile) {
	if !s.index.sizes[f.Size()] {
		t.Algorithms = t.Algorithms[:0]
	}
}

// Reads reports whether a missing entry may have a file of that size.
func (s *unlistedSearch) Reads(size int64) bool { return s.index.sizes[size] }

// OtherNames returns nothing: the name was found in its folder.
func (s *unlistedSearch) OtherNames(*hashpool.Task[struct{}]) []string { return nil }

// Done reports an unlisted file. A file that cannot be read matches no missing one, nor does an empty one:
// there are too many of those.
func (s *unlistedSearch) Done(t *hashpool.Task[struct{}], o *hashpool.Outcome) (again bool) {
	file := &UnlistedFile{Path: t.Root.Path(t.Name)}
	if o.Err == nil && o.Size > 0 {
		for _, a := range t.Algorithms {
			if m := s.index.byDigest[listedDigest{a, string(o.Digest(a))}]; m != nil {
				file.MovedFrom = cmp.Or(file.MovedFrom, m.entries[0].path())
				m.found(file.Path)
			}
		}
	}
	s.record.unlistedFile(file)
	return false
}

// path is where the file should be.
func (r *Result) path() string {
	if r.OpenedAs != "" {
		return r.OpenedAs
	}
	return r.Manifest.folder.Path(r.Name)
}

// movedIndex finds missing entries by their digests.
type movedIndex struct {
	byDigest   map[listedDigest]*missingEntries
	algorithms []*digest.Algorithm
	sizes      map[int64]bool // that missing files have; nil if that is not known of all
}

// missingEntries are the missing entries with one digest. There may be as many unlisted files with it.
type missingEntries struct {
	entries []*Result // in the order of the manifests
	mu      sync.Mutex
	movedTo string
}

// found notes that the files may now be at path; of several, the first counts.
func (m *missingEntries) found(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.movedTo == "" || path < m.movedTo {
		m.movedTo = path
	}
}

type listedDigest struct {
	algorithm *digest.Algorithm
	digest    string
}

func newMovedIndex(missing []*Result) *movedIndex {
	slices.SortFunc(missing, func(a, b *Result) int {
		return cmp.Or(cmp.Compare(a.Manifest.Index, b.Manifest.Index), cmp.Compare(a.Line, b.Line))
	})
	x := &movedIndex{byDigest: map[listedDigest]*missingEntries{}, sizes: map[int64]bool{}}
	for _, r := range missing {
		key := listedDigest{r.Algorithm, string(r.Digest)}
		if x.byDigest[key] == nil {
			x.byDigest[key] = &missingEntries{}
		}
		x.byDigest[key].entries = append(x.byDigest[key].entries, r)
		if !slices.Contains(x.algorithms, r.Algorithm) {
			x.algorithms = append(x.algorithms, r.Algorithm)
		}
		if !r.HasSize {
			x.sizes = nil
		} else if x.sizes != nil {
			x.sizes[r.Size] = true
		}
	}
	return x
}

func (x *movedIndex) isEmpty() bool { return len(x.byDigest) == 0 }

// finish puts into the entries where their files may be.
func (x *movedIndex) finish() {
	for _, m := range x.byDigest {
		for _, r := range m.entries {
			r.MovedTo = m.movedTo
		}
	}
}
