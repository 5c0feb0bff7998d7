package manifest

import (
	"errors"
	"fmt"
	"io"
)

// maxItem is how many bytes of a document may be read ahead of what its format has processed.
const maxItem = 8 << 20

// Document is the content of a manifest that is one document, such as JSON, instead of lines. It counts
// lines, and bounds how much is read for one item.
type Document struct {
	r        io.Reader
	offset   int64   // bytes read
	done     int64   // bytes that the format has processed
	newlines []int64 // offsets of those that were read after done
	lines    int64   // newlines before done
	err      error   // the reader's
	models   []Model
	unverified
}

// Read implements [io.Reader]. It fails after [maxItem] bytes without a call of [Document.Line].
func (d *Document) Read(p []byte) (int, error) {
	room := maxItem - (d.offset - d.done)
	if room <= 0 {
		return 0, fmt.Errorf("an item of over %d bytes", maxItem)
	}
	n, err := d.r.Read(p[:min(int64(len(p)), room)])
	for i, c := range p[:n] {
		if c == '\n' {
			d.newlines = append(d.newlines, d.offset+int64(i))
		}
	}
	d.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errHalfUnit) {
		d.err = err
	}
	return n, err
}

// Line returns the number of the line, from 1, that holds the byte at offset. Offsets must not decrease:
// what is before offset counts as processed.
func (d *Document) Line(offset int64) int64 {
	d.done = max(d.done, offset)
	passed := 0
	for passed < len(d.newlines) && d.newlines[passed] < offset {
		passed++
	}
	d.lines += int64(passed)
	d.newlines = d.newlines[passed:]
	return d.lines + 1
}

// all returns the whole document, for formats that cannot be read item by item. A document of more than
// limit bytes is an error.
func (d *Document) all(limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(d.r, limit+1))
	if err != nil {
		if !errors.Is(err, errHalfUnit) {
			d.err = err
		}
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("over %d bytes, more than are read of this format", limit)
	}
	return text, nil
}

// perItem reads a document item by item. item returns the entries of the next one, which may be none, and
// [io.EOF] after the last one. It may return entries together with a [*LineError] for the rest of the item;
// any other error ends the document, and is about the line of the last offset that [Document.Line] got.
func perItem(doc *Document, item func() ([]Entry, error)) Next {
	var entries []Entry
	var pending, ended error
	return func() (Entry, error) {
		for {
			switch {
			case len(entries) > 0:
				e := entries[0]
				entries = entries[1:]
				return e, nil
			case pending != nil:
				err := pending
				pending = nil
				return Entry{}, err
			case ended != nil:
				return Entry{}, ended
			}
			var err error
			entries, err = item()
			var bad *LineError
			switch {
			case err == nil:
			case errors.As(err, &bad) && !bad.Fatal:
				pending = bad
			case doc.err != nil:
				ended = doc.err
			case errors.Is(err, io.EOF):
				ended = io.EOF
			default:
				pending, ended = doc.fatal(err), io.EOF
			}
		}
	}
}

// fatal returns the error for a document that cannot be read further.
func (d *Document) fatal(err error) error {
	var bad *LineError
	if errors.As(err, &bad) {
		return bad
	}
	cause := err.Error()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		cause = "truncated: the document has no end"
	}
	return &LineError{Line: d.lines + 1, Cause: cause, Fatal: true}
}
