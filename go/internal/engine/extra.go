package engine

import (
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// maxHeld bounds the missing entries that are kept to see whether their files were moved; what
// became of others is told at once.
const maxHeld = 100_000

// held are the missing entries.
type held struct {
	mu      sync.Mutex
	results []*Result
}

func (h *held) add(r *Result) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.results) == maxHeld {
		return false
	}
	h.results = append(h.results, r)
	return true
}

// signatures are the endings of the names under which a manifest's signature is published.
var signatures = []string{".asc", ".sig", ".sign", ".gpg", ".minisig"}

// isManifest reports whether a file is, by its name, a manifest or the signature of one.
func isManifest(name string) bool {
	if manifest.IsName(name) {
		return true
	}
	for _, ending := range signatures {
		if signed, is := strings.CutSuffix(name, ending); is && manifest.IsName(signed) {
			return true
		}
	}
	return false
}

// extraFile is a file that no manifest lists, on its way to a worker.
type extraFile struct {
	base *base
	name string
}

// completeness looks for the files that no manifest lists, and for missing ones among them.
func (r *run) completeness() {
	for _, p := range r.found.places { // whatever they are called
		path := filepath.Join(r.found.top.dir, p.folder, p.name)
		for _, ending := range append([]string{""}, signatures...) {
			r.listed.add(path + ending)
		}
	}
	index := newMovedIndex(r.held.results)
	var workers sync.WaitGroup
	found := make(chan extraFile, 256)
	for range r.workers() {
		r.spawn(&workers, func() {
			v := newVerifier(r)
			for e := range found {
				r.tellExtra(v, e, index)
			}
			v.free()
		})
	}
	r.guard(func() {
		defer close(found)
		for _, b := range r.outermost() {
			r.findExtra(b, found)
		}
	})
	workers.Wait()
	if r.ctx.Err() != nil {
		return
	}
	for _, result := range r.held.results {
		r.report(result)
	}
}

// outermost returns the folders that the manifests' names start from, without those that lie in
// others of them.
func (r *run) outermost() []*base {
	var all []*base
	for _, m := range r.manifests {
		if m.base != nil && !slices.Contains(all, m.base) {
			all = append(all, m.base)
		}
	}
	slices.SortFunc(all, func(a, b *base) int { return cmp.Compare(len(a.dir), len(b.dir)) })
	var kept []*base
	for _, b := range all {
		if !slices.ContainsFunc(kept, func(above *base) bool { return above.holds(b) }) {
			kept = append(kept, b)
		}
	}
	return kept
}

// findExtra sends the files below a folder that no manifest lists.
func (r *run) findExtra(b *base, found chan<- extraFile) {
	tree, err := r.useBase(b)
	if err != nil {
		r.unsearched(b.shown, err)
		return
	}
	defer r.bases.done(b)
	err = tree.Walk(r.ctx, func(name string, entry fs.DirEntry) error {
		if unreadable, is := entry.(*safefs.UnreadableFolder); is {
			r.unsearched(b.path(name), unreadable.Err)
			return fs.SkipDir
		}
		path := filepath.Join(b.dir, name)
		if !isFile(tree, name, entry) || isManifest(entry.Name()) || r.isOfBag(path) || r.listed.has(path) {
			return nil
		}
		select {
		case found <- extraFile{b, name}:
		case <-r.ctx.Done():
		}
		return nil
	})
	if err != nil && r.ctx.Err() == nil {
		r.unsearched(b.shown, err)
	}
}

// isFile reports whether entry is a regular file or a link to one; or a link that leads outside,
// behind which nobody looks.
func isFile(tree *safefs.Tree, name string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink != 0 {
		_, err := tree.Stat(name)
		return err == nil || errors.Is(err, safefs.ErrOutside)
	}
	return entry.Type().IsRegular()
}

// unsearched tells of a folder that could not be searched for extra files.
func (r *run) unsearched(path string, err error) {
	m := &Manifest{Path: path}
	r.announce(m)
	r.badLine(m, &manifest.LineError{Cause: "cannot be searched: " + cause(err)})
}

func (r *run) tellExtra(v *verifier, e extraFile, index *movedIndex) {
	told := &ExtraFile{Path: e.base.path(e.name)}
	if matches := index.matches(v, e); len(matches) > 0 {
		told.MovedFrom = matches[0].path()
		index.moved(matches, told.Path)
	}
	if r.ctx.Err() != nil {
		return
	}
	r.extra.Add(1)
	if r.sink.Extra != nil {
		r.sink.Extra(told)
	}
}

// path is where the file should be.
func (r *Result) path() string {
	if r.Opened != "" {
		return r.Opened
	}
	return r.Manifest.folder.path(r.Name)
}

// movedIndex finds missing entries by their digests.
type movedIndex struct {
	byDigest   map[listedDigest][]*Result
	algorithms []*digest.Algorithm
	sizes      map[int64]bool // that missing files have; nil if that is not known of all
	mu         sync.Mutex     // of MovedTo
}

type listedDigest struct {
	algorithm *digest.Algorithm
	digest    string
}

func newMovedIndex(missing []*Result) *movedIndex {
	slices.SortFunc(missing, func(a, b *Result) int {
		return cmp.Or(cmp.Compare(a.Manifest.Index, b.Manifest.Index), cmp.Compare(a.Line, b.Line))
	})
	x := &movedIndex{byDigest: map[listedDigest][]*Result{}, sizes: map[int64]bool{}}
	for _, r := range missing {
		key := listedDigest{r.Algorithm, string(r.Digest)}
		x.byDigest[key] = append(x.byDigest[key], r)
		if !slices.Contains(x.algorithms, r.Algorithm) {
			x.algorithms = append(x.algorithms, r.Algorithm)
		}
		if !r.HasSize {
			x.sizes = nil
		} else if x.sizes != nil {
			x.sizes[r.Entry.Size] = true
		}
	}
	return x
}

// matches returns the missing entries that e has the digest of, in the order of the manifests. A
// file that cannot be read, or is empty, as many are, has none.
func (x *movedIndex) matches(v *verifier, e extraFile) []*Result {
	if len(x.byDigest) == 0 {
		return nil
	}
	file, _, err := v.open(&claim{base: e.base, name: e.name})
	if err != nil {
		return nil
	}
	defer v.close(file)
	if file.Size() == 0 || x.sizes != nil && !x.sizes[file.Size()] {
		return nil
	}
	if _, err := v.run.feed(file, v.hashers.start(x.algorithms), v.buf[:]); err != nil {
		return nil
	}
	var found []*Result
	for _, a := range x.algorithms {
		found = append(found, x.byDigest[listedDigest{a, string(v.hashers[a].Sum(nil))}]...)
	}
	return found
}

// moved notes that the files of missing entries may now be at path; of several, the first counts.
func (x *movedIndex) moved(missing []*Result, path string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range missing {
		if r.MovedTo == "" || path < r.MovedTo {
			r.MovedTo = path
		}
	}
}
