package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"checksig/internal/digest"
)

// Jar is the list of the files in a signed JAR, META-INF/MANIFEST.MF. Source: Oracle's "JAR File Specification",
// sections "JAR Manifest" and "Signed JAR File".
//
//	"Manifest-Version: 1.0"
//	…
//
//	"Name: " <name, relative to the folder above META-INF>
//	<algorithm> "-Digest: " <base64 digest>
//
// Empty lines separate the sections. A line that begins with a space continues the one before. A section of a file
// without a digest is a bad line, but that of a folder, whose name ends in a slash, is skipped. So are other
// attributes, but one that is there twice, or that looks like a digest, is a bad line. The files of signatures (.SF),
// whose digests are those of sections, are no manifests.
var Jar = &Format{Name: "jar", Base: "..", Folder: "/META-INF", Detect: detectJar, Read: readJar}

// jarAttribute matches an attribute.
var jarAttribute = pattern(`^([A-Za-z0-9][A-Za-z0-9_-]*): (.*)$`)

// jarPlain are the attributes of a section, in lower case, that the specification defines and that are no digests.
// Their values, such as "application/javascript", may resemble digests.
var jarPlain = []string{
	"content-type", "depends-on", "implementation-title", "implementation-vendor", "implementation-vendor-id",
	"implementation-version", "java-bean", "magic", "multi-release", "name", "sealed", "specification-title",
	"specification-vendor", "specification-version",
}

func detectJar(head []byte, _ Options) bool {
	return bytes.HasPrefix(bytes.TrimPrefix(head, utf8BOM), []byte("Manifest-Version: "))
}

func readJar(lines *Lines, _ Options) Next {
	main := true // the section is the first one, which is about the JAR
	next := perGroup(func() ([]row, error) {
		s := jarSection{main: main}
		err := s.read(lines)
		if len(s.attributes) > 0 {
			main = false
			s.interpret()
		}
		return s.sorted(), err
	})
	return withEndCheck(lines, next, lines.endOfLast)
}

// jarSection is a group of attributes.
type jarSection struct {
	group
	main       bool
	attributes []stanzaLine
}

// read reads lines up to the next empty one, and joins those that continue others.
func (s *jarSection) read(lines *Lines) error {
	for {
		line, n, err := s.next(lines)
		switch {
		case err != nil:
			return err
		case len(line) == 0 && len(s.attributes) > 0:
			return nil
		case len(line) == 0:
		case line[0] != ' ':
			s.attributes = append(s.attributes, stanzaLine{n, bytes.Clone(line)})
		case len(s.attributes) == 0:
			s.fail(n, line, errors.New("no line before this one that it could continue"))
		default:
			last := &s.attributes[len(s.attributes)-1]
			last.text = append(last.text, line[1:]...)
		}
	}
}

// interpret adds what the section lists.
func (s *jarSection) interpret() {
	first := s.attributes[0]
	name, named := cutFold(first.text, "Name: ")
	if !s.main && (!named || len(name) == 0 || len(name) > MaxLine) {
		s.fail(first.line, first.text, errors.New("expected the name of a file"))
		return
	}
	fileName := string(name) // once, for all digests
	digests := 0
	seen := map[string]bool{} // attributes, in lower case
	for _, a := range s.attributes {
		attribute := jarAttribute().FindSubmatch(a.text)
		if attribute == nil {
			s.fail(a.line, a.text, errors.New(`expected an attribute, as in "Name: value"`))
			continue
		}
		key, value := string(bytes.ToLower(attribute[1])), attribute[2]
		tag, isDigest := strings.CutSuffix(key, "-digest")
		switch {
		case seen[key]:
			s.fail(a.line, a.text, errors.New("the attribute was there before"))
			continue
		case s.main && key == "name":
			s.fail(a.line, a.text, errors.New("the name of a file in the first section: expected an empty line before it"))
		case !isDigest && s.hidesDigest(key, value):
			s.fail(a.line, a.text, fmt.Errorf("a digest in the attribute %.40q, which is not verified", attribute[1]))
		}
		seen[key] = true
		if !isDigest {
			continue
		}
		digests++
		if err := s.digest(a.line, fileName, tag, string(value)); err != nil {
			s.fail(a.line, a.text, err)
		}
	}
	if !s.main && digests == 0 && !bytes.HasSuffix(name, []byte("/")) {
		s.fail(first.line, first.text, errNoDigest)
	}
}

// hidesDigest reports whether an attribute that is none of a digest has one nevertheless. In the first section,
// whose attributes may be any, it must be in base64: a build often states its commit in hex.
func (s *jarSection) hidesDigest(key string, value []byte) bool {
	value = bytes.TrimSpace(value)
	if s.main {
		return !strings.Contains(key, "-digest-manifest") && !isHexWord(value) && isDigestWord(value)
	}
	return !slices.Contains(jarPlain, key) && looksLikeDigest(value)
}

// digest adds an entry.
func (s *jarSection) digest(line int64, name, tag, text string) error {
	algorithm := digest.ByTag(tag)
	switch {
	case s.main:
		return errors.New("a digest in the first section, which is about no file")
	case algorithm == nil:
		return unknownAlgorithm(tag)
	}
	sum, err := fromBase64(base64.StdEncoding, text)
	if err != nil || len(sum) != algorithm.Size {
		return fmt.Errorf("expected a %s digest in base64", algorithm.Name)
	}
	s.add(line, Entry{Name: name, Algorithm: algorithm, Digest: sum})
	return nil
}

// cutFold returns line without prefix, whose case does not matter.
func cutFold(line []byte, prefix string) (rest []byte, found bool) {
	if len(line) < len(prefix) || !strings.EqualFold(string(line[:len(prefix)]), prefix) {
		return nil, false
	}
	return line[len(prefix):], true
}
