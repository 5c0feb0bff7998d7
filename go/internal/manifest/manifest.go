// Package manifest reads and writes checksum manifests.
//
// A format is one file of this package and one row of [Formats]. Below the formats lie the
// encodings and the wrappers of signatures: a format sees lines in UTF-8 (or in bytes as they are)
// and nothing that is wrapped around them. The package knows no file system: it reads from an
// [io.Reader], a line at a time, in memory that does not grow with the manifest.
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
	Line      int64  // where it stands, from 1; lines with several digests give several entries
	Name      string // bytes as they are opened, unescaped, relative to the format's Base
	Algorithm *digest.Algorithm
	Digest    []byte // Algorithm.Size bytes
	Assumed   bool   // nothing but the digest's length told the algorithm
	HasSize   bool   // the manifest says the file's size
	Size      int64  // that size in bytes, if it does
	RawName   string // what the manifest says instead of Name, where Name was made of it; else ""
}

// LineError is the error for a line that could not be understood. Reading continues after it unless
// Fatal is set.
type LineError struct {
	Line  int64  // from 1
	Text  string // the beginning of the line
	Cause string // for people; code that reacts to a cause compares Code
	Fatal bool   // nothing after this line can be read
	Code  LineCode
}

// LineCode identifies the causes that callers react to.
type LineCode uint8

const (
	NoCode   LineCode = iota // any other cause
	NoDigest                 // the line lists a file without a digest
)

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Cause) }

// Next returns the next entry; a [*LineError] for a line that is not one; [io.EOF] at the end;
// and any other error once the manifest cannot be read further.
type Next func() (Entry, error)

// Options is what is known of a manifest besides its content.
type Options struct {
	FileName  string            // without its folder; it may name the algorithm
	Algorithm *digest.Algorithm // of digests that have no tag; nil for what FileName or the length says
	Format    *Format           // nil to detect it

	looked bool              // at FileName, by Read
	byName *digest.Algorithm // what it names
}

// named returns the algorithm of digests that have no tag, or nil if only their length tells it.
func (o Options) named() *digest.Algorithm {
	if o.Algorithm != nil {
		return o.Algorithm
	}
	if o.looked {
		return o.byName
	}
	return digest.NamedIn(o.FileName)
}

// Format is one shape of manifest.
type Format struct {
	Name string
	// Base is the folder that names start from, relative to the manifest's own: "" is that folder
	// itself, ".." the one above it, and "/" the root of the file system.
	Base string
	// Detect tells from a manifest's first bytes, at most 64 KiB, whether it has this format.
	Detect func(head []byte, o Options) bool
	// Read returns the entries of a manifest.
	Read func(lines *Lines, o Options) Next
	// Write writes manifests; nil where they come from one publisher's own tool.
	Write *Writer
}

// Writer writes manifests of one format.
type Writer struct {
	// Single says that a manifest can list one file, and no more.
	Single bool
	// Begin appends what stands before the first file; nil if nothing does. The error says that the
	// format has no way to list digests of these algorithms.
	Begin func(dst []byte, algorithms []*digest.Algorithm) ([]byte, error)
	// File appends the entries of one file, an entry for each of the algorithms, in their order. The
	// error says why the format cannot list that file.
	File func(dst []byte, entries []Entry) ([]byte, error)
	// End appends what stands behind the last file; nil if nothing does.
	End func(dst []byte) []byte
}

// Formats lists every format; the first that detects itself reads the manifest. Those with a mark
// of their own stand before those that are known by the shape of a line.
var Formats = []*Format{
	Hashdeep, FileHash, Certutil, ENA, Release, BagIt, Dpkg, // a header or a name
	Base64, BSD, OpenSSL, Sidecar, Pipe, SFV, GNU, NameFirst, RECORD, // the first line
}

// Reading is a manifest that is being read.
type Reading struct {
	Format   *Format
	Encoding string // "utf-8" (which stands for any bytes, too), "utf-16le" or "utf-16be"
	Wrapper  string // "pgp" or "signify" for what it is wrapped in, which is never checked; else ""
	Next     Next
}

// Read begins to read the manifest r. The error is the reader's. Where r has a method Len that tells
// how much it holds, no more memory is taken than for that.
func Read(r io.Reader, o Options) (*Reading, error) {
	size := MaxLine
	if known, ok := r.(interface{ Len() int }); ok {
		size = min(known.Len()+1, MaxLine) // one more, or the end of a line at the end would not be seen
	}
	buffered, encoding, err := decode(bufio.NewReaderSize(r, size))
	if err != nil {
		return nil, err
	}
	head, err := buffered.Peek(buffered.Size())
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errHalfUnit) {
		return nil, err
	}
	head = bytes.TrimPrefix(head, utf8BOM)
	signature, wrapped := wrappedIn(head)
	lines := &Lines{r: buffered}
	if wrapped != nil {
		lines.wrapper = wrapped()
		head = unwrapped(head, wrapped())
	}
	o.byName, o.looked = digest.NamedIn(o.FileName), true // for all formats that ask
	format := o.Format
	if format == nil {
		format = detect(head, o)
	}
	return &Reading{format, encoding, signature, format.Read(lines, o)}, nil
}

func detect(head []byte, o Options) *Format {
	for _, f := range Formats {
		if f.Detect(head, o) {
			return f
		}
	}
	return GNU // the commonest says line by line what is wrong
}
