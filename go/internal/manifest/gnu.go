package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// GNU is the format of md5sum, sha1sum and their siblings in GNU coreutils (man page sha256sum,
// section "DESCRIPTION"; digest_check and split_3 in its source):
//
//	<hex digest> SP (SP | "*") <name>
//	"\" <hex digest> SP (SP | "*") <name with \ LF CR written as \\ \n \r>
//
// Read too: digits in upper case or base64 (cksum --untagged --base64), a TAB or a single space
// before the name (never mixed with the two-character form in one manifest, as there a leading
// space would be part of the name), space before the digest, lines with a tag (see [BSD]), which
// cksum --check takes in the same manifest, "#" comments and empty lines. A comment
// "# <name>: <n> bytes", as Fedora has them, says the size of the next file.
var GNU = &Format{Name: "gnu", Detect: detectGNU, Read: readGNU, Write: &Writer{Begin: beginUntagged, File: gnuFile}}

func detectGNU(head []byte, _ Options) bool {
	g := gnuReader{}
	line := first(head, "#")
	if line == nil {
		return false
	}
	_, err := g.parse(line)
	return err == nil
}

func readGNU(lines *Lines, o Options) Next {
	g := gnuReader{untagged: untagged{o.named()}}
	return perLine(lines, g.line)
}

type gnuReader struct {
	untagged
	separator separator
	sized     sizeComment
}

// separator is what stands between digest and name; the first entry decides it for all.
type separator int

const (
	undecided    separator = iota
	twoCharacter           // SP and the type indicator, SP or "*"
	oneCharacter           // SP or TAB alone, as older BSD tools wrote it
)

// line reads any line of a manifest of GNU, BSD or OpenSSL tools.
func (g *gnuReader) line(line []byte) (Entry, error) {
	if len(line) == 0 {
		return Entry{}, errNoEntry
	}
	if line[0] == '#' {
		g.sized.note(line)
		return Entry{}, errNoEntry
	}
	e, err := g.parse(line)
	if err != nil {
		tag, ok := cutTag(line)
		if !ok {
			return Entry{}, err
		}
		if e, err = tag.entry(); err != nil {
			return Entry{}, err
		}
	}
	g.sized.tell(&e)
	return e, nil
}

func (g *gnuReader) parse(line []byte) (Entry, error) {
	rest := bytes.TrimLeft(line, " \t")
	rest, escaped := bytes.CutPrefix(rest, []byte(`\`))
	end := bytes.IndexAny(rest, " \t")
	if end < 0 {
		return Entry{}, errors.New("not a digest and a file name")
	}
	algorithm, sum, err := g.parseDigest(rest[:end])
	if err != nil {
		return Entry{}, err
	}
	name := rest[end+1:]
	separator := oneCharacter
	if len(name) > 1 && (name[0] == ' ' || name[0] == '*') {
		separator = twoCharacter
	}
	switch {
	case len(name) == 0 || len(name) == 1 && name[0] == ' ':
		return Entry{}, errors.New("no file name behind the digest")
	case g.separator == undecided:
		g.separator = separator
	case g.separator == twoCharacter && separator == oneCharacter:
		return Entry{}, errors.New("one character before the file name where earlier lines have two")
	}
	if g.separator == twoCharacter {
		name = name[1:]
	}
	if escaped {
		if name, err = unescapeGNU(name); err != nil {
			return Entry{}, err
		}
	}
	return Entry{Name: string(name), Algorithm: algorithm, Digest: sum, Assumed: g.named == nil}, nil
}

func gnuFile(dst []byte, entries []Entry) ([]byte, error) {
	for _, e := range entries {
		escaped := needsEscape(e.Name)
		if escaped {
			dst = append(dst, '\\')
		}
		dst = hex.AppendEncode(dst, e.Digest)
		dst = append(dst, "  "...)
		dst = append(appendName(dst, e.Name, escaped), '\n')
	}
	return dst, nil
}

func unescapeGNU(name []byte) ([]byte, error) {
	plain := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' {
			plain = append(plain, name[i])
			continue
		}
		i++
		if i == len(name) {
			return nil, errors.New(`the file name ends within an escape`)
		}
		switch name[i] {
		case '\\':
			plain = append(plain, '\\')
		case 'n':
			plain = append(plain, '\n')
		case 'r':
			plain = append(plain, '\r')
		default:
			return nil, fmt.Errorf(`unknown escape \%c in the file name`, name[i])
		}
	}
	return plain, nil
}

func needsEscape(name string) bool { return strings.ContainsAny(name, "\\\n\r") }

var escapeGNU = map[byte]string{'\\': `\\`, '\n': `\n`, '\r': `\r`}

func appendName(dst []byte, name string, escape bool) []byte {
	if !escape {
		return append(dst, name...)
	}
	for _, c := range []byte(name) {
		if s, special := escapeGNU[c]; special {
			dst = append(dst, s...)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// sizeComment keeps what the last comment "# <name>: <n> bytes" says, as Fedora writes it before
// the line of each file.
type sizeComment struct {
	name string
	size int64
}

func (s *sizeComment) note(line []byte) {
	text, ok := bytes.CutSuffix(line, []byte(" bytes"))
	text, mark := bytes.CutPrefix(text, []byte("# "))
	colon := bytes.LastIndex(text, []byte(": "))
	if !ok || !mark || colon < 0 {
		return
	}
	if size, err := parseSize(text[colon+2:]); err == nil {
		s.name, s.size = string(text[:colon]), size
	}
}

func (s *sizeComment) tell(e *Entry) {
	if s.name != "" && s.name == e.Name {
		e.HasSize, e.Size = true, s.size
		s.name = ""
	}
}
