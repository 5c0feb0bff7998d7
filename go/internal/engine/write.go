package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// WriteError says why a manifest was not written. What was there before is still there.
type WriteError struct {
	Path string // of the file or manifest it is about
	Err  error
}

func (e *WriteError) Error() string { return fmt.Sprintf("%q: %s", e.Path, e.Cause()) }

// Cause says what is wrong, without the path.
func (e *WriteError) Cause() string { return cause(e.Err) }

func (e *WriteError) Unwrap() error { return e.Err }

// Written is a manifest that was written.
type Written struct {
	Path       string // as the request says it; "" if it went to the caller
	Base       string // the folder that its names are relative to, absolute
	Format     string
	Algorithms []string
	Files      int64
	Entries    int64
	Bytes      int64 // read from files
	Elapsed    time.Duration
}

// output is a manifest on its way: a temporary file beside the one whose place it takes in the
// end, or in the system's folder for such if it goes to the caller.
type output struct {
	folder  *os.Root
	name    string // "" if it goes to the caller
	shown   string // the path, as the request says it
	old     fs.FileInfo
	temp    string
	file    *os.File
	began   time.Time // by the file system's clock
	replace bool
}

// newOutput begins a manifest at path, absolute, "" for one that goes to the caller. What is there
// already is replaced only if that is asked for, and only if it is a regular file.
func newOutput(path, shown string, replace bool) (o *output, err error) {
	o = &output{shown: shown, replace: replace}
	dir := os.TempDir()
	if path != "" {
		dir, o.name = filepath.Split(path)
	}
	if o.folder, err = os.OpenRoot(dir); err != nil {
		return nil, atPath(shown, err)
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

// replaceable looks at what is there already.
func (o *output) replaceable() error {
	if o.name == "" {
		return nil
	}
	old, err := o.folder.Lstat(o.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return atPath(o.shown, err)
	case !old.Mode().IsRegular():
		return &WriteError{o.shown, errors.New("is there already, and is no regular file")}
	case !o.replace:
		return atPath(o.shown, errExists)
	case o.old != nil && !(os.SameFile(old, o.old) && old.ModTime().Equal(o.old.ModTime()) && old.Size() == o.old.Size()):
		return &WriteError{o.shown, errors.New("was changed meanwhile by somebody else")}
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
		return atPath(o.shown, err)
	}
	o.temp = temp
	info, err := o.file.Stat()
	if err == nil && o.old != nil {
		err = o.keepMode()
	}
	if err != nil {
		return atPath(o.shown, err)
	}
	o.began = info.ModTime()
	return nil
}

// isSelf reports whether what info describes is the manifest or its temporary file. base is how it
// is called without its folder, "" if a link leads to it.
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

// commit puts the manifest in its place. Its time of modification is that at which it was begun,
// so that a file that changed since, after it was read, is seen to be younger; see [Update].
func (o *output) commit() error {
	err := o.file.Sync()
	if closed := o.file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = o.folder.Chtimes(o.temp, o.began, o.began)
	}
	if err == nil {
		err = o.replaceable() // what came there meanwhile
	}
	if err == nil {
		err = o.folder.Rename(o.temp, o.name)
	}
	if err != nil {
		return atWrite(o.shown, err)
	}
	o.temp = ""
	syncFolder(o.folder)
	return nil
}

// hand gives the manifest to the caller.
func (o *output) hand(ctx context.Context, to func([]byte)) error {
	if _, err := o.file.Seek(0, io.SeekStart); err != nil {
		return atPath(o.shown, err)
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
			return atPath(o.shown, err)
		}
	}
	return ctx.Err()
}

// close leaves nothing behind but a manifest that was committed.
func (o *output) close() {
	if o.temp != "" {
		o.file.Close()
		_ = o.folder.Remove(o.temp)
	}
	o.folder.Close()
}

// atWrite is err as it befell path, unless it says where.
func atWrite(path string, err error) error {
	var refused *WriteError
	if errors.As(err, &refused) {
		return err
	}
	return &WriteError{path, err}
}

// writer writes entries in a format, and proves that they can be read again: each block is read
// back before it goes to the file, under the manifest's own name.
type writer struct {
	to         io.Writer
	format     *manifest.Format
	algorithms []*digest.Algorithm
	options    manifest.Options // which the manifest will be read with
	keepSizes  bool             // a size that the format cannot say is an error
	where      func(manifest.Entry) (path, what string)

	head    []byte // what the manifest begins with
	block   []byte // what is not in the file yet
	pending [][]manifest.Entry
	flushed bool

	files, entries int64
}

// blockSize is how many bytes are read back at once: no more than what formats are detected from.
const blockSize = manifest.MaxLine

// begin puts comments, whole lines, and the format's own beginning at the head of the manifest.
func (w *writer) begin(comments []byte) (err error) {
	if w.format.Write == nil {
		return fmt.Errorf("manifests of format %s are only read", w.format.Name)
	}
	w.head = comments
	if begin := w.format.Write.Begin; begin != nil {
		if w.head, err = begin(w.head, w.algorithms); err != nil {
			return fmt.Errorf("format %s: %w", w.format.Name, err)
		}
	}
	return nil
}

// add adds all the entries of one file.
func (w *writer) add(entries []manifest.Entry) (err error) {
	if w.format.Write.Single && w.files > 0 {
		return w.refused(entries[0], errors.New("a manifest of this format lists one file"))
	}
	before := len(w.block)
	if w.block, err = w.format.Write.File(w.block, entries); err != nil {
		return w.refused(entries[0], err)
	}
	if len(w.block)-before > manifest.MaxLine {
		return w.refused(entries[0], fmt.Errorf("its lines are longer than %d bytes", manifest.MaxLine))
	}
	w.pending = append(w.pending, entries)
	w.files++
	w.entries += int64(len(entries))
	if len(w.block) >= blockSize {
		return w.flush()
	}
	return nil
}

// end ends the manifest.
func (w *writer) end() error {
	if w.files == 0 {
		return errors.New("there is no file to list")
	}
	if err := w.flush(); err != nil {
		return err
	}
	_, err := w.to.Write(w.tail())
	return err
}

func (w *writer) tail() []byte {
	if w.format.Write.End == nil {
		return nil
	}
	return w.format.Write.End(nil)
}

// flush reads the block back and puts it into the file.
func (w *writer) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	if err := w.readBack(); err != nil {
		return err
	}
	if !w.flushed {
		w.flushed = true
		if _, err := w.to.Write(w.head); err != nil {
			return err
		}
	}
	_, err := w.to.Write(w.block)
	w.block, w.pending = w.block[:0], w.pending[:0]
	return err
}

func (w *writer) readBack() error {
	options := w.options
	if w.flushed {
		options.Format = w.format // which is told by the beginning
	}
	reading, err := manifest.Read(bytes.NewReader(slices.Concat(w.head, w.block, w.tail())), options)
	if err != nil {
		return err
	}
	if reading.Format != w.format {
		return w.refused(w.pending[0][0], fmt.Errorf("in a manifest of this name it would be read as format %s",
			reading.Format.Name))
	}
	for _, entries := range w.pending {
		if err := w.same(reading.Next, slices.Clone(entries)); err != nil {
			return w.refused(entries[0], err)
		}
	}
	if e, err := reading.Next(); !errors.Is(err, io.EOF) {
		return w.refused(w.pending[len(w.pending)-1][0], fmt.Errorf("it would be read as more, %q", e.Name))
	}
	return nil
}

// same compares what is read with the entries of one file, in whatever order.
func (w *writer) same(next manifest.Next, entries []manifest.Entry) error {
	for len(entries) > 0 {
		got, err := next()
		var bad *manifest.LineError
		switch {
		case errors.As(err, &bad):
			return errors.New(bad.Cause)
		case err != nil:
			return fmt.Errorf("it would not be read again: %w", err)
		case got.Name != entries[0].Name:
			return fmt.Errorf("the name would be read as %q", got.Name)
		}
		i := slices.IndexFunc(entries, func(e manifest.Entry) bool {
			return e.Algorithm == got.Algorithm && bytes.Equal(e.Digest, got.Digest)
		})
		if i < 0 {
			return fmt.Errorf("in a manifest of this name it would be read as %s %x", got.Algorithm.Name, got.Digest)
		}
		if w.keepSizes && entries[i].HasSize && (!got.HasSize || got.Size != entries[i].Size) {
			return errors.New("its size would be lost")
		}
		entries = slices.Delete(entries, i, i+1)
	}
	return nil
}

// refused says that the format cannot say e.
func (w *writer) refused(e manifest.Entry, err error) error {
	path, what := w.where(e)
	return &WriteError{path, fmt.Errorf("format %s cannot list %s: %w", w.format.Name, what, err)}
}
