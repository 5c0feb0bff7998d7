package generate

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"checksig/internal/safefs"
)

// chunkSize is how many bytes of a manifest go to the caller at once.
const chunkSize = 256 << 10

// output is a manifest that is being written: a temporary file next to the one that it replaces in the end,
// or in the system's folder for such files if it goes to the caller.
type output struct {
	folder  *os.Root
	name    string // "" if it goes to the caller
	shown   string // the path, as the request gives it
	old     fs.FileInfo
	temp    string
	file    *os.File
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

func (o *output) begin() (err error) {
	temp := ".checksig-" + rand.Text() + ".tmp"
	mode := fs.FileMode(0o666) // less the umask
	if o.name == "" {
		mode = 0o600
	}
	o.file, err = o.folder.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return safefs.At(o.shown, err)
	}
	o.temp = temp
	info, err := o.file.Stat()
	if err == nil && o.old != nil {
		err = o.keepMode()
	}
	if err != nil {
		return safefs.At(o.shown, err)
	}
	o.began = info.ModTime()
	return nil
}

// isSelf reports whether info describes the manifest or its temporary file. base is its name without the
// folder; "" if a link leads to it.
func (o *output) isSelf(base string, info func() (fs.FileInfo, error)) bool {
	if base == o.temp {
		return true
	}
	if o.old == nil || base != "" && !strings.EqualFold(base, o.name) {
		return false
	}
	found, err := info()
	return err == nil && os.SameFile(found, o.old)
}

// commit puts the manifest in its place. Its modification time is that at which it was begun, so that a file
// that changed after it was read is younger; see [Update].
func (o *output) commit() error {
	err := o.file.Sync()
	if closed := o.file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = o.folder.Chtimes(o.temp, o.began, o.began)
	}
	if err == nil {
		err = o.replaceable() // now, too
	}
	if err == nil {
		err = o.folder.Rename(o.temp, o.name)
	}
	if err != nil {
		return asWriteError(o.shown, err)
	}
	o.temp = ""
	syncFolder(o.folder)
	return nil
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
	if o.temp != "" {
		o.file.Close()
		_ = o.folder.Remove(o.temp)
	}
	o.folder.Close()
}
