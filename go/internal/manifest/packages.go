package manifest

import (
	"bytes"
	"errors"
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
// Other fields are skipped. A stanza without a name or a digest is a bad line.
var Packages = &Format{Name: "packages", Detect: detectPackages, Read: readPackages}

func detectPackages(head []byte, _ Options) bool {
	hasName, hasDigest := false, false
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
	return hasName && hasDigest
}

func readPackages(lines *Lines, _ Options) Next { return readStanzas(lines, (*stanza).readPackage) }

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
