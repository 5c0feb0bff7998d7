package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Packages is the index of the packages in a Debian archive. Source: the Debian wiki's DebianRepository/Format.
//
// It consists of stanzas of fields, with empty lines between them. A stanza lists one file:
//
//	"Package: " …
//	"Filename: " <name, relative to the archive's folder>
//	"Size: " <size>
//	"MD5sum: " <hex digest>
//	"SHA1: " | "SHA256: " | "SHA512: " <hex digest>
//
// Of other fields, only the first [MaxLine] bytes of a line are looked at: some list thousands of packages.
// Other fields are skipped, but a digest in one is a bad line: it may be misspelt. A stanza without a name or a digest is
// a bad line.
var Packages = &Format{Name: "packages", Detect: detectPackages, Read: readPackages}

// packagesPlain are fields, in lower case, that may have what looks like a digest of the file but is none.
// Build-Ids are of the programs inside it (dh_strip(1)).
var packagesPlain = []string{"", "build-ids", "description", "description-md5", "filename", "size"}

func detectPackages(head []byte, o Options) bool {
	hasName, hasDigest := false, false
	isLong := o.FileName == "Packages" && bytes.HasPrefix(head, []byte("Package: ")) && bytes.LastIndexByte(head, '\n') < len(head)-1 &&
		len(head) >= MaxLine-len(utf8BOM)
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		field := releaseField().FindSubmatch(line)
		switch {
		case isBlank(line) && (hasName || hasDigest):
			return hasName && hasDigest
		case isBlank(line) || line[0] == '#' || line[0] == ' ' || line[0] == '\t':
		case field == nil:
			return false
		case len(field[2]) > 0 && bytes.EqualFold(field[1], []byte("filename")):
			hasName = true
		case len(field[2]) > 0 && releaseAlgorithm(field[1]) != nil:
			hasDigest = true
		}
	}
	return hasName && hasDigest || isLong
}

func readPackages(lines *Lines, _ Options) Next {
	lines.cuts = func(begin []byte) bool {
		field := releaseField().FindSubmatch(begin)
		switch {
		case field == nil:
			return begin[0] == ' ' || begin[0] == '\t'
		case bytes.EqualFold(field[1], []byte("filename")), bytes.EqualFold(field[1], []byte("size")):
			return false
		}
		return releaseAlgorithm(field[1]) == nil
	}
	return readStanzas(lines, (*stanza).readPackage)
}

func (s *stanza) readPackage() {
	first, name := &s.fields[0], s.field("filename")
	if name == nil || len(name.text) == 0 {
		s.fail(first.line, first.text, errors.New("the stanza has no Filename"))
		return
	}
	e := Entry{Name: string(bytes.TrimRight(name.text, " \t"))}
	if size := s.field("size"); size != nil {
		var err error
		if e.Size, err = parseSize(bytes.TrimRight(size.text, " \t")); err != nil {
			s.fail(size.line, size.text, err)
		}
		e.HasSize = err == nil
	}
	listed := false
	for i := range s.fields {
		f := &s.fields[i]
		algorithm := releaseAlgorithm([]byte(f.name))
		if algorithm == nil {
			if !slices.Contains(packagesPlain, f.name) {
				s.refuseDigests(f)
			}
			continue
		}
		listed = true
		sum, err := decodeDigest(algorithm, bytes.TrimRight(f.text, " \t"))
		if err == nil && len(f.more) > 0 {
			err = errors.New("expected a digest on one line")
		}
		if err != nil {
			s.fail(f.line, f.text, err)
			continue
		}
		e.Algorithm, e.Digest = algorithm, sum
		s.add(f.line, e)
	}
	if !listed {
		s.fail(name.line, name.text, errNoDigest)
	}
}

// refuseDigests reports what looks like a digest in a field that is not verified.
func (s *stanza) refuseDigests(f *stanzaField) {
	for _, line := range append([]stanzaLine{f.stanzaLine}, f.more...) {
		if slices.ContainsFunc(words(line.text), isDigestWord) || hasLongHex(f.name) {
			s.fail(line.line, line.text, fmt.Errorf("a digest in the field %.40q, which is not verified", f.name))
		}
	}
}
