package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"checksig/internal/manifest"
	"checksig/internal/source"
)

// surveyAfter is how long a run goes on before its totals are looked for: what ends sooner needs
// none, and does not pay for them.
const surveyAfter = 500 * time.Millisecond

// found is the manifests that a run reads, and the folder that their entries are relative to.
type found struct {
	tree  *source.Tree
	names []string // of the manifests in that folder, in the order in which they are read
	shown string   // the folder, as the request says it
	path  string   // of the manifest that the request names itself, absolute; "" for a folder
}

// find opens the request's folder, or its manifest's. The error is an [*fs.PathError] with the
// path as the request says it.
func find(r Request) (*found, error) {
	path, err := absolute(r.Dir, r.Path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, atPath(r.Path, err)
	}
	if !info.IsDir() {
		tree, err := source.OpenTree(filepath.Dir(path), r.FollowOutside)
		if err != nil {
			return nil, atPath(r.Path, err)
		}
		return &found{tree, []string{filepath.Base(path)}, filepath.Dir(r.Path), path}, nil
	}
	tree, err := source.OpenTree(path, r.FollowOutside)
	if err != nil {
		return nil, atPath(r.Path, err)
	}
	names, err := tree.Names()
	names = slices.DeleteFunc(names, func(name string) bool { return !manifest.IsName(name) })
	slices.Sort(names)
	if err == nil && len(names) == 0 {
		err = ErrNoManifest
	}
	if err != nil {
		tree.Close()
		return nil, atPath(r.Path, err)
	}
	return &found{tree, names, r.Path, ""}, nil
}

// open opens the manifest called name and detects its format, which it notes in m.
func (f *found) open(name string, m *Manifest) (*source.File, manifest.Next, error) {
	m.Path = filepath.Join(f.shown, name)
	var file *source.File
	var err error
	if f.path != "" {
		file, err = source.Open(f.path) // the caller named it: it may lie wherever its link leads
	} else {
		file, err = f.tree.Open(name)
	}
	if err != nil {
		return nil, nil, atPath(m.Path, err)
	}
	reading, err := manifest.Read(file, manifest.Options{FileName: name})
	if err != nil {
		file.Close()
		return nil, nil, atPath(m.Path, err)
	}
	m.Format = reading.Format.Name
	return file, reading.Next, nil
}

// entries reads the manifest called name once more, for what can be read of it.
func (f *found) entries(ctx context.Context, name string, each func(manifest.Entry)) {
	file, next, err := f.open(name, &Manifest{})
	if err != nil {
		return
	}
	defer file.Close()
	for ctx.Err() == nil {
		entry, err := next()
		var bad *manifest.LineError
		switch {
		case err == nil:
			each(entry)
		case !errors.As(err, &bad) || bad.Fatal:
			return
		}
	}
}

// survey counts the entries and adds up the sizes of their files, for the totals of Progress.
func (r *run) survey(ctx context.Context, f *found) {
	select {
	case <-time.After(surveyAfter):
	case <-ctx.Done():
		return
	}
	var files, size int64
	for _, name := range f.names {
		f.entries(ctx, name, func(entry manifest.Entry) {
			files++
			if n, err := f.tree.Size(entry.Name); err == nil {
				size += n
			}
		})
	}
	if ctx.Err() == nil {
		r.progress.TotalFiles.Store(files)
		r.progress.TotalBytes.Store(size)
	}
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
