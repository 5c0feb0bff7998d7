package verify

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"checksig/internal/layout"
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
	list      layout.List // takes its entries for the structure
}

// structure is a folder with rules of its own; see package layout.
type structure struct {
	layout.Layout
	kind      *layout.Kind
	folder    string // below the top folder
	locations []*location
	notes     map[string]*Manifest // stand for its files that are no manifests
}

// discovery is what a run reads.
type discovery struct {
	roots      *safefs.RootCache
	named      string      // the path of the manifest that the request names itself, absolute; "" for a folder
	locations  []*location // sorted
	structures []*structure
	marked     map[string]*layout.Kind // folders that are structures, absolute
	unknown    unknownManifests
}

// path returns where a file is, as the request gives the path.
func (d *discovery) path(folder, name string) string {
	return filepath.Join(d.roots.Top().Display, folder, name)
}

// discover opens the request's folder, or its manifest's, and looks for manifests. The error is an
// [*fs.PathError] of the path as the request gives it, or the context's.
func discover(ctx context.Context, requested string, r *Reading) (*discovery, error) {
	path, err := safefs.Absolute(r.Dir, requested)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, safefs.At(requested, err)
	}
	d := &discovery{}
	top, display := path, requested
	if !info.IsDir() {
		d.named = path
		d.locations = []*location{{folder: ".", name: filepath.Base(path)}}
		top, display = filepath.Dir(path), filepath.Dir(requested)
	}
	if d.roots, err = safefs.NewRootCache(top, display, r.FollowOutside); err != nil {
		return nil, safefs.At(requested, err)
	}
	if d.named != "" {
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

func (d *discovery) search(ctx context.Context, recursive bool) (err error) {
	tree, _ := d.roots.Top().Acquire() // it is open already
	if recursive {
		err = d.searchAll(ctx, tree)
	} else {
		err = d.searchTop(tree)
	}
	d.assign()
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
		d.look(tree, ".", name, nil)
	}
	return err
}

// searchAll looks for manifests in the top folder and all folders below it; links to folders are not
// followed. A folder that cannot be searched is a location with an error.
func (d *discovery) searchAll(ctx context.Context, tree *safefs.Tree) error {
	return tree.Walk(ctx, func(name string, entry fs.DirEntry) error {
		if unreadable, is := entry.(*safefs.UnreadableFolder); is {
			d.locations = append(d.locations, &location{folder: name, err: unreadable.Err})
			return fs.SkipDir
		}
		d.look(tree, path.Dir(name), name, entry)
		return nil
	})
}

// look notes the file called name in tree, in folder, if it is, or may be, a manifest or marks a structure.
func (d *discovery) look(tree *safefs.Tree, folder, name string, entry fs.DirEntry) {
	file, name := name, path.Base(name)
	kind := layout.MarkedBy(name)
	certainty := manifest.Classify(name)
	if kind == nil && certainty == manifest.NoName && !layout.MayBeManifest(name) || isFolder(tree, file, entry) {
		return
	}
	if kind != nil {
		d.structures = append(d.structures, &structure{Layout: kind.New(), kind: kind, folder: folder})
	} else {
		if n := len(d.locations); n > 0 && d.locations[n-1].folder == folder {
			folder = d.locations[n-1].folder // kept once
		}
		d.locations = append(d.locations, &location{folder: folder, name: name, candidate: certainty == manifest.Candidate})
	}
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
func (d *discovery) assign() {
	byFolder := map[string]*structure{}
	d.marked = map[string]*layout.Kind{}
	for _, s := range d.structures {
		byFolder[s.folder] = s
		d.marked[filepath.Join(d.roots.Top().Dir, s.folder)] = s.kind
	}
	d.locations = slices.DeleteFunc(d.locations, func(l *location) bool {
		if s := byFolder[l.folder]; s != nil && s.kind.IsManifest(l.name) {
			l.structure, l.list = s, s.AddManifest(l.name)
			l.candidate = false
			s.locations = append(s.locations, l)
		}
		return l.structure == nil && l.err == nil && !l.candidate && !manifest.IsName(l.name)
	})
}

// isOwnFile reports whether path, absolute, is a structure's own file, which need not be listed.
func (d *discovery) isOwnFile(path string) bool {
	dir, name := filepath.Split(path)
	kind := d.marked[filepath.Clean(dir)]
	return kind != nil && kind.IsOwn(name)
}
