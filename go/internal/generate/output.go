package generate

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// chunkSize is how many bytes of a manifest go to the caller at once.
const chunkSize = 256 << 10

// output is a manifest that is being written: a temporary file next to the one that it replaces in the end,
// or in the system's folder for such files if it goes to the caller. Where the system can, the file has no name
// until it is whole, so that nothing is left of a run that is killed.
type output struct {
	folder  *os.Root
	name    string // "" if it goes to the caller
	shown   string // the path, as the request gives it
	old     fs.FileInfo
	temp    string    // the temporary file's name; "" while it has none
	file    *os.File  // nil once it is committed
	began   time.Time // by the file system's clock
	replace bool
}

// newOutput begins a manifest at path, absolute; "" for one that goes to the caller. A file that is there
// already is replaced only with replace, and only if it is regular.
func newOutput(path, shown string, replace bool) (o *output, err error) {
	o = &output{shown: shown, replace: replace}
	dir := os.TempDir()
	if path != "" {
		dir, o.name = filepath.Split(path)
	}
	if o.folder, err = os.OpenRoot(dir); err != nil {
		return nil, safefs.At(shown, err)
	}
	if err = o.replaceable(); err == nil {
		err = o.begin()
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// noOutput stands for the manifest at path, absolute, which is there and stays as it is. Nothing is written.
func noOutput(path, shown string) (o *output, err error) {
	o = &output{shown: shown, replace: true}
	dir, name := filepath.Split(path)
	o.name = name
	if o.folder, err = os.OpenRoot(dir); err != nil {
		return nil, safefs.At(shown, err)
	}
	if err = o.replaceable(); err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// replaceable checks what is there already.
func (o *output) replaceable() error {
	if o.name == "" {
		return nil
	}
	old, err := o.folder.Lstat(o.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return safefs.At(o.shown, err)
	case !old.Mode().IsRegular():
		return &WriteError{o.shown, errors.New("exists already, and is not a regular file")}
	case !o.replace:
		return safefs.At(o.shown, errExists)
	case o.old != nil && !(os.SameFile(old, o.old) && old.ModTime().Equal(o.old.ModTime()) && old.Size() == o.old.Size()):
		return &WriteError{o.shown, errors.New("was changed by another program while this manifest was written")}
	}
	o.old = old
	return nil
}

// refuseData returns an error if a file that is not a manifest would be replaced, such as one that a command names by
// mistake. An empty file, and one with a name that only manifests have, may be half of a manifest. w is what writes the
// new one.
func (o *output) refuseData(w *writer) error {
	if o.old == nil || o.old.Size() == 0 || manifest.IsName(o.name) {
		return nil
	}
	file, err := o.folder.Open(o.name)
	if err != nil {
		return safefs.At(o.shown, err)
	}
	defer file.Close()
	for _, a := range append([]*digest.Algorithm{nil}, w.algorithms...) {
		content := io.NewSectionReader(file, 0, o.old.Size())
		reading, err := manifest.Read(content, manifest.Options{FileName: o.name, Algorithm: a, AllowShort: true})
		if err == nil {
			_, err = reading.Next()
		}
		switch {
		case err == nil:
			return nil
		case errors.As(err, new(*fs.PathError)):
			return safefs.At(o.shown, err)
		}
	}
	return &WriteError{o.shown, errors.New("exists already, and is not a checksum manifest: remove it, or write to another file")}
}

func (o *output) begin() (err error) {
	mode := fs.FileMode(0o666) // less the umask
	if o.name == "" {
		mode = 0o600
	}
	if o.file = openUnnamed(o.folder, mode); o.file == nil {
		err = o.openNamed(mode)
	}
	if err != nil {
		return safefs.At(o.shown, err)
	}
	info, err := o.file.Stat()
	if err == nil && o.old != nil {
		err = o.keepAttributes()
	}
	if err != nil {
		return safefs.At(o.shown, err)
	}
	o.began = info.ModTime()
	return nil
}

// openNamed opens a temporary file with a name.
func (o *output) openNamed(mode fs.FileMode) error {
	temp := safefs.NewTemporaryName()
	file, err := o.folder.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err == nil {
		o.file, o.temp = file, temp
	}
	return err
}

// isSelf reports whether info describes the manifest, its temporary file or its signature. base is its name without
// the folder; "" if a link leads to it.
func (o *output) isSelf(base string, info func() (fs.FileInfo, error)) bool {
	if o.temp != "" && base == o.temp || o.isSignature(base, info) {
		return true
	}
	if o.old == nil || base != "" && !strings.EqualFold(base, o.name) {
		return false
	}
	found, err := info()
	return err == nil && os.SameFile(found, o.old)
}

// isSignature reports whether info describes a signature of the manifest, which is made after it.
func (o *output) isSignature(base string, info func() (fs.FileInfo, error)) bool {
	suffix, is := strings.CutPrefix(base, o.name)
	if !is || o.name == "" || !slices.Contains(manifest.AllSignatureSuffixes, suffix) {
		return false
	}
	own, err := o.folder.Lstat(base)
	if err != nil {
		return false
	}
	found, err := info()
	return err == nil && os.SameFile(found, own)
}

// commit puts the manifest in its place. Its modification time is that at which it was begun, so that a file
// that changed after it was read is younger; see [Update].
func (o *output) commit() error {
	err := setTime(o.file, o.began)
	if err == nil {
		err = o.file.Sync()
	}
	if err == nil {
		err = o.replaceable() // now, too
	}
	if err == nil && o.temp == "" {
		err = o.giveName()
	}
	if err == nil && o.temp != "" {
		err = o.move()
	}
	if err != nil {
		return asWriteError(o.shown, err)
	}
	syncFolder(o.folder)
	return nil
}

// giveName links the file without a name to that of the manifest; or, if there is one to be replaced, to that of a
// temporary file.
func (o *output) giveName() error {
	name := o.name
	if o.replace {
		name = safefs.NewTemporaryName()
	}
	err := linkUnnamed(o.file, o.folder, name)
	switch {
	case errors.Is(err, fs.ErrExist):
		return safefs.At(o.shown, errExists)
	case err != nil:
		return err
	case o.replace:
		o.temp = name
	default:
		o.end()
	}
	return nil
}

// move renames the temporary file to the manifest. One that has appeared meanwhile is replaced only if that was
// asked for.
func (o *output) move() (err error) {
	o.end() // Windows renames no open file
	if o.replace {
		err = o.folder.Rename(o.temp, o.name)
	} else if err = moveNew(o.folder, o.temp, o.name); errors.Is(err, fs.ErrExist) {
		err = safefs.At(o.shown, errExists)
	}
	if err == nil {
		o.temp = ""
	}
	return err
}

// end closes the file, whose content is on the disk.
func (o *output) end() {
	_ = o.file.Close()
	o.file = nil
}

// send gives the manifest to the caller.
func (o *output) send(ctx context.Context, to func([]byte)) error {
	if _, err := o.file.Seek(0, io.SeekStart); err != nil {
		return safefs.At(o.shown, err)
	}
	for ctx.Err() == nil {
		chunk := make([]byte, chunkSize)
		n, err := o.file.Read(chunk)
		if n > 0 {
			to(chunk[:n])
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return safefs.At(o.shown, err)
		}
	}
	return ctx.Err()
}

// close removes the temporary file, unless it was committed.
func (o *output) close() {
	if o.file != nil {
		o.end()
	}
	if o.temp != "" {
		_ = o.folder.Remove(o.temp)
	}
	o.folder.Close()
}
