package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// place is where a manifest was found, or what could not be searched for any.
type place struct {
	folder   string // relative to the top folder, "." for that itself
	name     string // in that folder; "" if err is set
	err      error  // why the folder could not be searched
	manifest *Manifest
	bag      *bag     // that it is a part of, or nil
	list     *bagList // what it lists there
}

// found is the manifests that a run reads.
type found struct {
	top     *base
	tree    *safefs.Tree // of top
	places  []*place     // sorted
	bags    []*bag
	bagDirs map[string]bool // their folders, absolute
	named   string          // the path of the manifest that the request names itself, absolute; "" for a folder
}

// path is where p is, as the request says it.
func (f *found) path(p *place) string { return filepath.Join(f.top.shown, p.folder, p.name) }

// find opens the request's folder, or its manifest's, and looks for manifests. The error is an
// [*fs.PathError] with the path as the request says it, or the context's.
func find(ctx context.Context, r Request) (*found, error) {
	path, err := absolute(r.Dir, r.Path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, atPath(r.Path, err)
	}
	f := &found{top: &base{path, r.Path, "."}}
	if !info.IsDir() {
		f.named = path
		f.top = &base{filepath.Dir(path), filepath.Dir(r.Path), "."}
		f.places = []*place{{folder: ".", name: filepath.Base(path)}}
	}
	if f.tree, err = safefs.OpenTree(f.top.dir, r.FollowOutside); err != nil {
		return nil, atPath(r.Path, err)
	}
	if f.named != "" {
		return f, nil
	}
	if r.Recursive {
		err = f.searchAll(ctx)
	} else {
		err = f.search()
	}
	f.gatherBags()
	if err == nil && len(f.places)+len(f.bags) == 0 {
		err = ErrNoManifest
	}
	if err != nil {
		f.tree.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, atPath(r.Path, err)
	}
	return f, nil
}

// search looks for manifests in the top folder.
func (f *found) search() error {
	names, err := f.tree.Names()
	slices.Sort(names)
	for _, name := range names {
		f.look(".", name)
	}
	return err
}

// searchAll looks for manifests in the top folder and all folders below it; links to folders are
// not followed. A folder that cannot be searched is found as well, with the error.
func (f *found) searchAll(ctx context.Context) error {
	return f.tree.Walk(ctx, func(name string, entry fs.DirEntry) error {
		if unreadable, is := entry.(*safefs.UnreadableFolder); is {
			f.places = append(f.places, &place{folder: name, err: unreadable.Err})
			return fs.SkipDir
		}
		if !entry.IsDir() {
			f.look(path.Dir(name), entry.Name())
		}
		return nil
	})
}

// look takes the file called name in folder for a manifest, or for that of a bag.
func (f *found) look(folder, name string) {
	switch {
	case name == bagDeclaration:
		f.bags = append(f.bags, &bag{folder: folder})
	case manifest.IsName(name) || isBagManifest(name):
		f.places = append(f.places, &place{folder: folder, name: name})
	}
}

// gatherBags tells the manifests of bags which those are. Elsewhere a file that is called as if it
// were a bag's manifest is none.
func (f *found) gatherBags() {
	bags := map[string]*bag{}
	f.bagDirs = map[string]bool{}
	for _, b := range f.bags {
		bags[b.folder] = b
		f.bagDirs[filepath.Join(f.top.dir, b.folder)] = true
	}
	f.places = slices.DeleteFunc(f.places, func(p *place) bool {
		if b := bags[p.folder]; b != nil && isBagManifest(p.name) {
			b.add(p)
		}
		return p.bag == nil && p.err == nil && !manifest.IsName(p.name)
	})
}

func absolute(dir, path string) (string, error) {
	if path == "" {
		return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Abs(path)
}

// atPath is err as it befell path.
func atPath(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &fs.PathError{Op: "open", Path: path, Err: err}
}

// cause is what went wrong, without the path, which stands elsewhere.
func cause(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
