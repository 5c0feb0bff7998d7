package verify

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"checksig/internal/layout"
	"checksig/internal/lookahead"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// location is where a manifest was found, or a folder that could not be searched.
type location struct {
	folder    string // below the top folder, "." for that itself
	name      string // in that folder; "" if err is set
	err       error  // why the folder could not be searched
	manifest  *Manifest
	candidate bool        // its name does not tell whether it is a manifest
	structure *structure  // that it belongs to, or nil
	list      layout.List // takes its entries for the structure; or nil
	found     *layout.Found
}

// inStructure is its name below its structure's folder.
func (l *location) inStructure() string {
	if l.found != nil {
		return path.Join(l.found.Folder, l.found.Name)
	}
	return l.name
}

// isMade reports whether the manifest is no file: its structure made it.
func (l *location) isMade() bool { return l.found != nil && l.found.Content != nil }

// structure is a folder with rules of its own; see package layout.
type structure struct {
	layout.Layout
	kind      *layout.Kind
	folder    string            // below the top folder
	marker    string            // the file that makes its folder such a structure
	charset   *manifest.Charset // of its manifests
	candidate bool              // only its content tells whether it is one
	locations []*location
	notes     map[string]*Manifest // stand for its files that are no manifests
}

// discovery is what a run reads.
type discovery struct {
	roots      *safefs.RootCache
	named      string      // the path of the manifest that the request names itself, absolute; "" for a folder
	content    []byte      // the manifest that the request holds; nil if there is none
	locations  []*location // sorted
	structures []*structure
	partOf     *layout.Kind // the structure that named belongs to, which is not checked; nil if none
	recursive  bool
	filter     *filter                 // prunes the folders in which manifests are looked for; nil for none
	pruned     int                     // folders that were not searched
	marked     map[string]*layout.Kind // folders that are structures, absolute
	unknown    unknownManifests
	signatures map[string][]string // names of files that look like signatures of what may be a manifest, by its path
}

// path returns where a file is, as the request gives the path.
func (d *discovery) path(folder, name string) string {
	if d.content != nil {
		return name
	}
	return d.roots.Shown(folder, name)
}

// discover opens the request's folder, or its manifest's, and looks for manifests. The error is an
// [*fs.PathError] of the path as the request gives it, or the context's.
func discover(ctx context.Context, requested string, r *Reading) (*discovery, error) {
	if r.Content != nil {
		return discoverContent(requested, r)
	}
	path, err := r.absolute(requested)
	if err != nil {
		return nil, err
	}
	requested = r.shown(requested)
	info, err := safefs.StatPath(r.Source, path)
	if err != nil {
		return nil, safefs.At(requested, err)
	}
	d := &discovery{recursive: r.Recursive}
	if r.Root == "" { // else the folders are not those of the files
		if d.filter, err = newFilter(r); err != nil {
			return nil, err
		}
	}
	top, display := path, requested
	if !info.IsDir() {
		d.named = path
		d.locations = []*location{{folder: ".", name: filepath.Base(path)}}
		top, display = filepath.Dir(path), filepath.Dir(requested)
	}
	if d.roots, err = r.rootsOf(top, display); err != nil {
		return nil, safefs.At(requested, err)
	}
	if d.named != "" {
		d.partOf = d.structureOf(ctx, filepath.Base(path))
		return d, nil
	}
	if err := d.search(ctx, r.Recursive); err != nil {
		d.roots.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, safefs.At(requested, err)
	}
	return d, nil
}

// absolute returns a path of the request as an absolute one.
func (r *Reading) absolute(path string) (string, error) {
	if r.Source != nil {
		return filepath.Clean(path), nil
	}
	return safefs.Absolute(r.Dir, path)
}

// shown returns a path of the request for reports.
func (r *Reading) shown(path string) string {
	if r.Source != nil {
		return r.Source.Shown(path)
	}
	return path
}

// rootsOf opens the top folder.
func (r *Reading) rootsOf(dir, display string) (*safefs.RootCache, error) {
	if r.Source != nil {
		return safefs.NewSourceRootCache(r.Source, dir), nil
	}
	return safefs.NewRootCache(dir, display, r.FollowOutside)
}

func (d *discovery) search(ctx context.Context, recursive bool) (err error) {
	tree, _ := d.roots.Top().Acquire() // it is open already
	if recursive {
		err = d.searchAll(ctx, tree)
	} else {
		err = d.searchTop(tree)
	}
	d.assign(ctx)
	if err == nil {
		err = d.examine(ctx)
	}
	if err == nil && len(d.locations)+len(d.structures) == 0 {
		err = d.noManifest(ctx, tree)
	}
	return err
}

// searchTop looks for manifests in the top folder.
func (d *discovery) searchTop(tree *safefs.Tree) error {
	names, err := tree.Names()
	slices.Sort(names)
	for _, name := range names {
		d.look(tree, name, nil)
	}
	return err
}

// searchAll looks for manifests in the top folder and all folders below it; links to folders are not
// followed. A folder that cannot be searched is a location with an error.
func (d *discovery) searchAll(ctx context.Context, tree *safefs.Tree) error {
	prunes := d.filter.excludesFolders(d.roots.Top())
	return tree.WalkFrom(ctx, ".", prunes, func(name string, entry fs.DirEntry) error {
		if prunes != nil && entry.IsDir() && prunes(name) {
			d.pruned++
			return fs.SkipDir
		}
		if unreadable, is := entry.(*safefs.UnreadableFolder); is {
			d.locations = append(d.locations, &location{folder: name, err: unreadable.Err})
			return fs.SkipDir
		}
		d.look(tree, name, entry)
		return nil
	})
}

// look notes the file called name in tree if it is, or may be, a manifest or marks a structure.
func (d *discovery) look(tree *safefs.Tree, name string, entry fs.DirEntry) {
	file, name := name, name[strings.LastIndexByte(name, '/')+1:]
	kind, possible, store := layout.MarkedBy(name), layout.CandidateBy(name, false), layout.CandidateBy(name, true)
	certainty := manifest.Classify(name)
	isNone := kind == nil && possible == nil && store == nil && certainty == manifest.NoName && !layout.MayBeManifest(name) &&
		!manifest.IsBundleName(name)
	if isNone {
		return
	}
	folder := path.Dir(file)
	if isFolder(tree, file, entry) {
		if store != nil {
			d.structures = append(d.structures,
				&structure{Layout: store.New(), kind: store, folder: folder, marker: name, candidate: true})
		}
		return
	}
	d.noteSignature(folder, name)
	if kind != nil {
		d.structures = append(d.structures, &structure{Layout: kind.New(), kind: kind, folder: folder, marker: name})
		return
	}
	if possible != nil {
		d.structures = append(d.structures,
			&structure{Layout: possible.New(), kind: possible, folder: folder, marker: name, candidate: true})
	}
	if certainty == manifest.NoName && !layout.MayBeManifest(name) {
		return
	}
	if n := len(d.locations); n > 0 && d.locations[n-1].folder == folder {
		folder = d.locations[n-1].folder // kept once
	}
	d.locations = append(d.locations, &location{folder: folder, name: name, candidate: certainty == manifest.Candidate})
}

// isFolder reports whether entry is a folder or a link to one.
func isFolder(tree *safefs.Tree, name string, entry fs.DirEntry) bool {
	if entry != nil && entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := tree.Follow(name)
	return err == nil && info.IsDir()
}

// assign gives the structures their manifests. Outside of one, a file that is named as if it were such a
// manifest is none.
func (d *discovery) assign(ctx context.Context) {
	byFolder := d.settle(ctx)
	d.marked = map[string]*layout.Kind{}
	for _, s := range d.structures {
		d.marked[filepath.Join(d.roots.Top().Dir, s.folder)] = s.kind
	}
	d.locations = slices.DeleteFunc(d.locations, func(l *location) bool {
		if isContent(path.Join(l.folder, l.name), byFolder) {
			return true
		}
		for _, s := range byFolder[l.folder] {
			if !s.kind.IsManifest(l.name) {
				continue
			}
			if _, finds := s.Layout.(layout.Finder); finds {
				return true // what is one, it finds
			}
			l.structure, l.list = s, s.AddManifest(l.name)
			l.candidate = false
			s.locations = append(s.locations, l)
		}
		return l.structure == nil && l.err == nil && !l.candidate && !manifest.IsName(l.name)
	})
	lookahead.Each(ctx, len(d.structures), fastManifest, func(i int) *manifest.Charset {
		if encoded, is := d.structures[i].Layout.(layout.Encoded); is {
			return encoded.Charset(ctx, d.at(d.structures[i].folder))
		}
		return nil
	}, func(i int, charset *manifest.Charset) {
		d.structures[i].charset = charset
		d.find(ctx, d.structures[i])
	})
	slices.SortStableFunc(d.locations, func(a, b *location) int {
		return strings.Compare(path.Join(a.folder, a.name), path.Join(b.folder, b.name))
	})
}

// settle leaves one structure of each kind in a folder, none of them content of another one, and none that
// only seemed to be one. It returns them by folder.
func (d *discovery) settle(ctx context.Context) map[string][]*structure {
	slices.SortStableFunc(d.structures, func(a, b *structure) int {
		return cmp.Or(cmp.Compare(depth(a.folder), depth(b.folder)), isCandidate(a)-isCandidate(b))
	})
	byFolder := map[string][]*structure{}
	var refused *structure // the candidate that was none last; those after it in its folder are the same
	d.structures = slices.DeleteFunc(d.structures, func(s *structure) bool {
		isKnown := slices.ContainsFunc(byFolder[s.folder], func(other *structure) bool { return other.kind == s.kind })
		if isKnown || isContent(path.Join(s.folder, s.marker), byFolder) {
			return true
		}
		if s.candidate {
			if refused != nil && refused.folder == s.folder && refused.kind == s.kind {
				return true
			}
			if !s.kind.Confirm(ctx, d.at(s.folder)) {
				refused = s
				return true
			}
		}
		byFolder[s.folder] = append(byFolder[s.folder], s)
		return false
	})
	return byFolder
}

func isCandidate(s *structure) int {
	if s.candidate {
		return 1
	}
	return 0
}

func depth(folder string) int {
	if folder == "." {
		return 0
	}
	return 1 + strings.Count(folder, "/")
}

// isContent reports whether a file is content of a structure in a folder above it.
func isContent(name string, byFolder map[string][]*structure) bool {
	if len(byFolder) == 0 {
		return false
	}
	for folder := path.Dir(name); ; folder = path.Dir(folder) {
		for _, s := range byFolder[folder] {
			below := name
			if folder != "." {
				below = name[len(folder)+1:]
			}
			if s.kind.IsContent != nil && s.kind.IsContent(below) {
				return true
			}
		}
		if folder == "." {
			return false
		}
	}
}

// at returns a folder below the top for package layout.
func (d *discovery) at(folder string) layout.Folder {
	return layout.Folder{Root: d.roots.At(folder, ""), Roots: d.roots, Recursive: d.recursive}
}

// find adds the manifests that a structure finds itself.
func (d *discovery) find(ctx context.Context, s *structure) {
	finder, is := s.Layout.(layout.Finder)
	if !is {
		return
	}
	for _, f := range finder.Find(ctx, d.at(s.folder)) {
		l := &location{folder: path.Join(s.folder, f.Folder), name: f.Name, structure: s, found: &f}
		s.locations = append(s.locations, l)
		d.locations = append(d.locations, l)
	}
}

// structureOf returns the kind of structure that the manifest called name, in the top folder, belongs to.
func (d *discovery) structureOf(ctx context.Context, name string) *layout.Kind {
	if !layout.MayBeManifest(name) {
		return nil
	}
	tree, _ := d.roots.Top().Acquire() // it is open already
	entries, _ := tree.List(ctx, ".")
	var possible *layout.Kind
	for _, e := range entries {
		if kind := layout.MarkedBy(e.Name()); kind != nil && kind.IsManifest(name) {
			return kind
		}
		if kind := layout.CandidateBy(e.Name(), false); kind != nil && kind.IsManifest(name) {
			possible = kind
		}
	}
	if possible != nil && possible.Confirm(ctx, d.at(".")) {
		return possible
	}
	return nil
}

// isOwnFile reports whether path, absolute, is a structure's own file, which need not be listed.
func (d *discovery) isOwnFile(path string) bool {
	if len(d.marked) == 0 {
		return false
	}
	dir, name := filepath.Split(path)
	kind := d.marked[filepath.Clean(dir)]
	return kind != nil && kind.IsOwn(name)
}
