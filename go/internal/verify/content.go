package verify

import (
	"errors"
	"fmt"
	"path/filepath"

	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// discoverContent returns what a run reads whose request holds the manifest, which is called name. Names in
// it start from the request's working folder.
func discoverContent(name string, r *Reading) (*discovery, error) {
	dir := r.Dir
	if r.Source == nil {
		var err error
		if dir, err = filepath.Abs(r.Dir); err != nil {
			return nil, err
		}
	}
	d := &discovery{content: r.Content, locations: []*location{{folder: ".", name: name}}}
	var err error
	d.roots, err = r.rootsOf(dir, "")
	return d, err
}

// contentFolders returns the folder that the manifest called name seems to lie in, nil if that is none that
// its names start from, and the one that they do start from: root if that is not nil.
func (d *discovery) contentFolders(name string, root *safefs.Root) (folder, from *safefs.Root) {
	if filepath.Dir(name) == "." {
		folder = d.roots.Top()
	}
	if root == nil {
		root = d.roots.Top()
	}
	return folder, root
}

// isSingle reports whether the request names one manifest, and no folder: it fails if that cannot be read.
func (d *discovery) isSingle() bool { return d.named != "" || d.content != nil }

// openNamed opens the manifest that the request names, or a file next to it. The caller named it: it may lie wherever
// its link leads.
func (d *discovery) openNamed(path string) (*safefs.File, error) {
	if d.roots.IsRemote() {
		tree, _ := d.roots.Top().Acquire() // it is open already
		return tree.Open(filepath.Base(path))
	}
	return safefs.Open(path)
}

// fatal returns err, with what to do about it if the file that the request names is no manifest.
func (d *discovery) fatal(m *openManifest, err error) error {
	if d.named != "" && errors.Is(err, manifest.ErrNoManifest) {
		err = safefs.At(m.Path, fmt.Errorf("%s: name the manifest that lists this file, or its folder", safefs.Cause(err)))
	}
	return err
}
