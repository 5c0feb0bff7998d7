package generate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/printable"
)

// writer writes entries in a format, and proves that they can be read again: each block is read back, under
// the manifest's own name, before it goes to the file.
type writer struct {
	to         io.Writer
	format     *manifest.Format
	algorithms []*digest.Algorithm
	options    manifest.Options // which the manifest will be read with
	keepSizes  bool             // a size that the format cannot represent is an error
	sized      bool             // a comment before the entries of a file gives its size
	where      func(manifest.Entry) (path, what string)

	head    []byte // of the manifest
	block   []byte // not in the file yet
	pending [][]manifest.Entry
	flushed bool

	files, entries int64
}

// blockSize is how many bytes are read back at once: no more than formats are detected from.
const blockSize = manifest.MaxLine

// begin puts comments, which are whole lines, and the format's own header at the head of the manifest.
func (w *writer) begin(comments []byte) (err error) {
	if w.format.Write == nil {
		names := strings.Join(manifest.Written(), ", ")
		return fmt.Errorf("format %s can be read, but not written; those that can: %s", w.format.Name, names)
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
	if w.sized && entries[0].HasSize {
		w.block = manifest.AppendSizeComment(w.block, entries[0].Name, entries[0].Size)
	}
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
	options.AllowShort = true // the caller has chosen the algorithms
	if w.flushed {
		options.Format = w.format // only the beginning tells it
	}
	reading, err := manifest.Read(bytes.NewReader(slices.Concat(w.head, w.block, w.tail())), options)
	if errors.Is(err, manifest.ErrNoManifest) {
		return w.misread(w.pending[0][0], errors.New("what lists it would not look like a manifest"))
	}
	if err != nil {
		return err
	}
	if reading.Format != w.format {
		return w.misread(w.pending[0][0], fmt.Errorf("in a manifest of this name it would be read as format %s",
			reading.Format.Name))
	}
	for _, entries := range w.pending {
		if err := w.same(reading.Next, slices.Clone(entries)); err != nil {
			return w.misread(entries[0], err)
		}
	}
	if e, err := reading.Next(); !errors.Is(err, io.EOF) {
		return w.misread(w.pending[len(w.pending)-1][0], fmt.Errorf("it would be read as another entry, %q", e.Name))
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

// misread is refused for an entry that would not be read as it was written. The algorithm in the manifest's name may be
// the reason.
func (w *writer) misread(e manifest.Entry, err error) error {
	if a := digest.NamedIn(w.options.FileName); a != nil && !slices.Contains(w.algorithms, a) {
		err = fmt.Errorf("%w: by its name, %s lists %s; choose that algorithm (-a %s), or another name", err,
			printable.Text(w.options.FileName), a.Name, a.Name)
	}
	return w.refused(e, err)
}

// refused returns why the format cannot represent e.
func (w *writer) refused(e manifest.Entry, err error) error {
	path, what := w.where(e)
	return &WriteError{path, fmt.Errorf("format %s cannot list %s: %w", w.format.Name, what, err)}
}

// written returns what w has written.
func (w *writer) written(p *outputPlan) Written {
	names := make([]string, len(w.algorithms))
	for i, a := range w.algorithms {
		names[i] = a.Name
	}
	return Written{
		Path: p.shown, Base: p.base, Format: w.format.Name, Algorithms: names, Files: w.files, Entries: w.entries,
	}
}
