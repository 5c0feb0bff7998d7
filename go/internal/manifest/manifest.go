// Package manifest reads and writes checksum manifests.
//
// A format is one file of this package and one row of [Formats]. The package knows no file
// system: it reads from an [io.Reader], a line at a time, in memory that does not grow with the
// manifest.
package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"checksig/internal/digest"
)

// MaxLine is the longest line, in bytes and with its end, that a manifest may hold. Its format is
// detected from as many bytes.
const MaxLine = 64 << 10

// Entry is what a manifest says of one file.
type Entry struct {
	Line      int64  // where it stands, from 1
	Name      string // bytes as they are opened, unescaped, relative to the manifest's folder
	Algorithm *digest.Algorithm
	Digest    []byte // Algorithm.Size bytes
	Assumed   bool   // nothing but the digest's length told the algorithm
	HasSize   bool   // the manifest says the file's size
	Size      int64  // that size in bytes, if it does
	Listed    string // what the manifest says instead of Name, where Name was made of it; else ""
}

// LineError is a line that was not understood. Reading goes on behind it unless Fatal is set.
type LineError struct {
	Line  int64  // from 1
	Text  string // the line's beginning
	Cause string
	Fatal bool // nothing behind this line can be read
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Cause) }

// Next returns the next entry; a [*LineError] for a line that is not one; [io.EOF] at the end;
// and any other error once the manifest cannot be read further.
type Next func() (Entry, error)

// Options is what is known of a manifest besides its content.
type Options struct {
	FileName  string            // without its folder; it may name the algorithm
	Algorithm *digest.Algorithm // of digests that have no tag; nil for what FileName or the length says
	Format    *Format           // nil to detect it
}

// named returns the algorithm of digests that have no tag, or nil if only their length tells it.
func (o Options) named() *digest.Algorithm {
	if o.Algorithm != nil {
		return o.Algorithm
	}
	return digest.NamedIn(o.FileName)
}

// Format is one shape of manifest.
type Format struct {
	Name string
	// Detect tells from a manifest's first bytes, at most 64 KiB, whether it has this format.
	Detect func(head []byte, o Options) bool
	// Read returns the entries of a manifest.
	Read func(lines *Lines, o Options) Next
	// Write writes manifests; nil where the format is only read.
	Write *Writer
}

// Writer writes a manifest, one file after another: it appends to dst and returns the longer slice.
// The errors say what the format cannot say.
type Writer struct {
	// Begin begins a manifest of digests by algorithms. It may be nil.
	Begin func(dst []byte, algorithms []*digest.Algorithm) ([]byte, error)
	// File writes all the entries of one file, in the order of the algorithms.
	File func(dst []byte, entries []Entry) ([]byte, error)
	// End ends a manifest. It may be nil.
	End func(dst []byte) []byte
}

// Formats lists every format; the first that detects itself reads the manifest.
var Formats = []*Format{GNU}

// Reading is a manifest that is being read.
type Reading struct {
	Format *Format
	Next   Next
}

// Read begins to read the manifest r. The error is the reader's.
func Read(r io.Reader, o Options) (*Reading, error) {
	buffered := bufio.NewReaderSize(r, MaxLine)
	head, err := buffered.Peek(MaxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	format := o.Format
	if format == nil {
		format = detect(bytes.TrimPrefix(head, utf8BOM), o)
	}
	return &Reading{format, format.Read(&Lines{r: buffered}, o)}, nil
}

func detect(head []byte, o Options) *Format {
	for _, f := range Formats {
		if f.Detect(head, o) {
			return f
		}
	}
	return GNU // the commonest says line by line what is wrong
}

var utf8BOM = []byte("\xef\xbb\xbf")

// Lines yields the lines of a manifest without their ends (LF or CRLF), and without a UTF-8
// byte order mark at the beginning.
type Lines struct {
	r *bufio.Reader // whose buffer is what bounds a line
	n int64
}

// Next returns the next line, valid until the call after it, and its number. The error is a
// [*LineError] for a line that no format can hold, [io.EOF] at the end, or the reader's.
func (l *Lines) Next() ([]byte, int64, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		cause := fmt.Sprintf("line too long: over %d bytes; nothing after it was read", MaxLine)
		return nil, l.n + 1, &LineError{l.n + 1, beginning(line), cause, true}
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, l.n, err
	}
	l.n++
	if l.n == 1 {
		line = bytes.TrimPrefix(line, utf8BOM)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, l.n, &LineError{l.n, beginning(line), "holds a NUL byte", false}
	}
	return line, l.n, nil
}

// beginning returns as much of line as an error message wants to show.
func beginning(line []byte) string { return string(line[:min(len(line), 120)]) }
