package manifest

import (
	"errors"
	"strings"

	"checksig/internal/digest"
)

// listedFile collects what one item of a document lists about a file. After an error it keeps what else
// can be understood: the digests that are known are verified, and the first error is reported.
type listedFile struct {
	line    int64
	name    string
	raw     string // what name was derived from, or ""
	named   bool
	size    int64
	sized   bool
	entries []Entry // without names and sizes
	bad     error   // the first
}

func (f *listedFile) fail(err error) {
	if f.bad == nil {
		f.bad = err
	}
}

// setName sets the name, which must not be set twice.
func (f *listedFile) setName(name string) {
	switch {
	case f.named:
		f.fail(errors.New("several names for one file"))
	case name == "":
		f.fail(errNoName)
	case strings.IndexByte(name, 0) >= 0:
		f.fail(errors.New("the file name contains a NUL byte"))
	case len(name) > MaxLine:
		f.fail(errors.New("the file name is too long"))
	default:
		f.name = name
	}
	f.named = true
}

// setAttribute sets the name from an attribute in XML. There a line break or TAB is read as a space (XML 1.0,
// section 3.3.3) unless it is a character reference, which the decoder does not tell.
func (f *listedFile) setAttribute(name string) {
	if strings.ContainsAny(name, "\t\r\n") {
		f.named = true
		f.fail(errors.New("a line break or TAB in the file name"))
		return
	}
	f.setName(name)
}

// setSize sets the size, which must not be set twice.
func (f *listedFile) setSize(text string) {
	size, err := parseSize([]byte(text))
	switch {
	case f.sized:
		f.fail(errors.New("several sizes for one file"))
	case err != nil:
		f.fail(err)
	default:
		f.size, f.sized = size, true
	}
}

// addDigest adds a digest in hex digits.
func (f *listedFile) addDigest(tag, text string) {
	a := digest.ByTag(tag)
	if a == nil {
		f.fail(unknownAlgorithm(tag))
		return
	}
	sum, err := decodeDigest(a, []byte(text))
	if err != nil {
		f.fail(err)
		return
	}
	f.add(a, sum)
}

func (f *listedFile) add(a *digest.Algorithm, sum []byte) {
	f.entries = append(f.entries, Entry{Algorithm: a, Digest: sum})
}

var errNoName = errors.New("no file name")

// done returns the entries of the file, and a [*LineError] if not all of the item was understood. A file
// whose name is not known has none.
func (f *listedFile) done() ([]Entry, error) {
	if !f.named {
		f.fail(errNoName)
	}
	if len(f.entries) == 0 {
		f.fail(errNoDigest)
	}
	if f.name == "" {
		f.entries = nil
	}
	for i := range f.entries {
		e := &f.entries[i]
		e.Line, e.Name, e.RawName, e.HasSize, e.Size = f.line, f.name, f.raw, f.sized, f.size
	}
	if f.bad != nil {
		return f.entries, lineError(f.line, []byte(f.name), f.bad)
	}
	return f.entries, nil
}
