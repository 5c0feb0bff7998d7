package verify

import (
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"checksig/internal/manifest"
	"checksig/internal/printable"
	"checksig/internal/safefs"
)

// checkModels looks for the files of models that their signatures, which m holds, do not list: as the reference does, a
// model with such a file is not the one that was signed. Source: OpenSSF model signing, model_signing.verifying.
func (r *run) checkModels(m *openManifest) {
	models := m.reading.Models()
	if m.listed == nil || len(models) == 0 {
		return
	}
	if r.reader.only != nil {
		r.record.note(m.Manifest, 0, "the signature of a model, whose folder was not searched for other files")
		return
	}
	broken := func(name, cause string) {
		r.record.badLine(m.Manifest, &manifest.LineError{Cause: printable.Quote(m.root.Path(name)) + ": " + cause, Code: manifest.BrokenRule})
	}
	ctx := r.group.Context()
	tree, err := m.root.AcquireRetrying(ctx)
	if err != nil {
		broken(".", "cannot be searched: "+safefs.Cause(err))
		return
	}
	defer m.root.Release()
	own := filepath.Join(r.discovery.roots.Top().Dir, m.location.folder, m.location.name)
	prunes := r.reader.filter.prunes(m.root)
	ignored, excluded := 0, 0
	err = tree.WalkFrom(ctx, ".", prunes, func(name string, entry fs.DirEntry) error {
		if prunes != nil && entry.IsDir() && prunes(name) {
			excluded++
			return fs.SkipDir
		}
		if unreadable, is := entry.(*safefs.UnreadableFolder); is {
			broken(name, "cannot be searched: "+safefs.Cause(unreadable.Err))
			return fs.SkipDir
		}
		file := filepath.Join(m.root.Dir, filepath.FromSlash(name))
		isLink := entry.Type()&fs.ModeSymlink != 0
		switch {
		case entry.IsDir() || file == own && r.discovery.content == nil:
		case ignores(models, name):
			ignored++
		case !r.reader.filter.keepsFile(m.root, file):
			excluded++
		case isLink && !allowsLinks(models):
			broken(name, "a symbolic link, which the model's signature does not allow")
		case isLink && isFolder(tree, name, entry): // whose files are listed under its name, or missing here
		case !m.listed.Has(file):
			broken(name, "not listed in the model's signature")
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		broken(".", "cannot be searched: "+safefs.Cause(err))
	}
	if ignored > 0 {
		r.record.note(m.Manifest, 0, fmt.Sprintf("files that the model's signature leaves out: %d", ignored))
	}
	if excluded > 0 {
		r.record.note(m.Manifest, 0, fmt.Sprintf("patterns exclude files and folders of the model: %d", excluded))
	}
}

// ignores reports whether a model's signature leaves a file out.
func ignores(models []manifest.Model, name string) bool {
	for i := range models {
		for _, ignored := range models[i].IgnorePaths {
			ignored = path.Clean(ignored)
			if name == ignored || strings.HasPrefix(name, ignored+"/") {
				return true
			}
		}
	}
	return false
}

func allowsLinks(models []manifest.Model) bool {
	for i := range models {
		if !models[i].AllowSymlinks {
			return false
		}
	}
	return true
}
