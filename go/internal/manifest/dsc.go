package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"checksig/internal/digest"
)

// Dsc is a Debian control file that lists files: .dsc, .changes, .buildinfo, and Sources, the index of an
// archive. Sources: the man pages dsc(5), deb-changes(5), deb-buildinfo(5) and deb822(5); Debian Policy, chapter
// 5; the Debian wiki's DebianRepository/Format.
//
// It consists of stanzas of fields, with empty lines between them. These fields list files:
//
//	"Checksums-Sha1:" | "Checksums-Sha256:" | …
//	SP <hex digest> SP <size> SP <name>
//	"Files:"                                    MD5; .changes has a section and a priority after the size
//	SP <hex digest> SP <size> [SP <section> SP <priority>] SP <name>
//
// Names start from the folder in the field "Directory", if there is one. All lists of a stanza must list the same
// files, because otherwise a file could have the weakest digest only. Other fields are skipped, but a digest in one, or
// what may be a damaged line of a list, is a bad line.
var Dsc = &Format{Name: "dsc", Detect: detectDsc, Read: readDsc}

var dscRow = pattern(`^[ \t]+[0-9a-fA-F]{32,}[ \t]+[0-9]+[ \t]+[^ \t]`)

// dscPlain are fields, in lower case, of text or of Git commits (dgit(1), git-debpush(1)).
var dscPlain = []string{"changes", "description", "dgit", "git-tag-info"}

// dscChecksums begins the names of fields that list digests.
var dscChecksums = []byte("checksums-")

func detectDsc(head []byte, _ Options) bool {
	inDigests := false // in a field that lists digests
	for line := range contentLines(head, "#") {
		field := releaseField().FindSubmatch(line)
		switch {
		case field != nil:
			name := bytes.ToLower(field[1])
			inDigests = len(field[2]) == 0 && (string(name) == "files" || bytes.HasPrefix(name, dscChecksums))
		case line[0] != ' ' && line[0] != '\t':
			return false
		case inDigests && dscRow().Match(line):
			return true
		}
	}
	return false
}

func readDsc(lines *Lines, _ Options) Next { return readStanzas(lines, (*stanza).readLists) }

// readStanzas reads a format of stanzas. read adds what one of them lists to its group.
func readStanzas(lines *Lines, read func(*stanza)) Next {
	next := perGroup(func() ([]row, error) {
		s, err := readStanza(lines)
		if len(s.fields) > 0 {
			read(s)
		}
		return s.sorted(), err
	})
	return withEndCheck(lines, next, lines.endOfLast)
}

// stanza is a group of fields (man page deb822(5)).
type stanza struct {
	group
	fields []stanzaField
	places map[string]int // in fields, by name
	names  int            // bytes of the names in entries
}

type stanzaField struct {
	stanzaLine
	name string // in lower case; "" if the field was there before
	more []stanzaLine
}

// stanzaLine is the first line of a field without its name, or a continuation line.
type stanzaLine struct {
	line int64
	text []byte
}

// readStanza reads lines up to the next empty one. A bad line is kept in the group.
func readStanza(lines *Lines) (*stanza, error) {
	s := &stanza{places: map[string]int{}}
	for {
		line, n, err := s.next(lines)
		if err != nil {
			return s, err
		}
		field := releaseField().FindSubmatch(line)
		switch {
		case isBlank(line) && len(s.fields) > 0:
			return s, nil
		case isBlank(line) || line[0] == '#':
		case field != nil:
			name := string(bytes.ToLower(field[1]))
			if s.field(name) != nil {
				s.fail(n, line, errors.New("the field was there before"))
				name = ""
			} else {
				s.places[name] = len(s.fields)
			}
			s.fields = append(s.fields, stanzaField{stanzaLine: stanzaLine{n, bytes.Clone(field[2])}, name: name})
		case line[0] != ' ' && line[0] != '\t' || len(s.fields) == 0:
			s.fail(n, line, errors.New("expected a field or a continuation line"))
		default:
			last := &s.fields[len(s.fields)-1]
			last.more = append(last.more, stanzaLine{n, bytes.Clone(line)})
		}
	}
}

// field returns the field of that name, or nil.
func (s *stanza) field(name string) *stanzaField {
	if i, found := s.places[name]; found {
		return &s.fields[i]
	}
	return nil
}

// dscList is what a field lists.
type dscList struct {
	field *stanzaField
	names map[string]bool
}

func (s *stanza) readLists() {
	prefix := ""
	if directory := s.field("directory"); directory != nil && len(directory.text) > 0 {
		prefix = string(bytes.TrimRight(directory.text, " \t")) + "/"
	}
	var lists []dscList
	for i := range s.fields {
		f := &s.fields[i]
		tag, isList := bytes.CutPrefix([]byte(f.name), dscChecksums)
		if f.name == "files" {
			tag, isList = []byte("md5"), true
		}
		if !isList {
			s.refuseRows(f)
			continue
		}
		if algorithm := digest.ByTag(string(tag)); algorithm == nil {
			s.fail(f.line, []byte(f.name), unknownAlgorithm(tag))
		} else if len(f.text) > 0 {
			s.fail(f.line, f.text, errors.New("expected the digests on the lines after the colon"))
		} else {
			list := dscList{f, map[string]bool{}}
			s.readList(list, algorithm, prefix)
			lists = append(lists, list)
		}
	}
	s.compare(lists)
}

func (s *stanza) readList(list dscList, algorithm *digest.Algorithm, prefix string) {
	for _, line := range list.field.more {
		fields := words(line.text)
		if len(fields) != 3 && !(len(fields) == 5 && list.field.name == "files") {
			s.fail(line.line, line.text, errors.New("expected a digest, a size and a file name"))
			continue
		}
		name := string(fields[len(fields)-1])
		list.names[name] = true
		if s.names += len(prefix) + len(name); s.names > maxGroup {
			s.fail(line.line, line.text, fmt.Errorf("the names of the stanza's files have over %d bytes", maxGroup))
			return
		}
		sum, err := decodeDigest(algorithm, fields[0])
		if err == nil {
			var size int64
			if size, err = parseSize(fields[1]); err == nil {
				s.add(line.line, Entry{Name: prefix + name, Algorithm: algorithm, Digest: sum, HasSize: true, Size: size})
				continue
			}
		}
		s.fail(line.line, line.text, err)
	}
}

// refuseRows reports what looks like a list of files in a field that is none: it may be a misspelt one.
func (s *stanza) refuseRows(f *stanzaField) {
	plain := slices.Contains(dscPlain, f.name)
	for _, line := range append([]stanzaLine{f.stanzaLine}, f.more...) {
		all := words(line.text)
		if dscRow().Match(line.text) || !plain && (len(all) > 0 && isDigestWord(all[0]) || damagedRow().Match(line.text) || hasLongHex(f.name)) {
			s.fail(line.line, line.text, fmt.Errorf("a digest in the field %.40q, which lists no files", f.name))
		}
	}
}

// compare reports the first list that leaves out a file that another one has, and a stanza without files.
func (s *stanza) compare(lists []dscList) {
	all := map[string]string{} // each name, and a field that lists it
	for _, list := range lists {
		for name := range list.names {
			all[name] = list.field.name
		}
	}
	if len(all) == 0 {
		first := s.fields[0]
		s.fail(first.line, []byte(first.name), fmt.Errorf("%w: the stanza lists no file", errNoDigest))
		return
	}
	for _, list := range lists {
		if len(list.names) < len(all) {
			missing := ""
			for name := range all {
				if !list.names[name] && (missing == "" || name < missing) {
					missing = name
				}
			}
			s.fail(list.field.line, []byte(list.field.name), fmt.Errorf("no digest of %.80q, which %.40q lists", missing, all[missing]))
			return // the search takes as long as there are names: once is enough
		}
	}
}
