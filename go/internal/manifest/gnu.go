package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"checksig/internal/digest"
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

func detectGNU(head []byte, o Options) bool {
	line := first(head, "#")
	if line == nil {
		return false
	}
	for _, named := range []*digest.Algorithm{nil, o.named()} { // of b2sum --length any length may be
		g := gnuReader{untagged: untagged{named}}
		if _, err := g.parse(line); err == nil {
			return true
		}
	}
	return false
}

func readGNU(lines *Lines, o Options) Next {
	g := gnuReader{untagged: untagged{o.named()}}
	return g.next(lines)
}

// readTagged reads the same lines, and sooner where most of them have a tag.
func readTagged(lines *Lines, o Options) Next {
	g := gnuReader{untagged: untagged{o.named()}, tagsFirst: true}
	return g.next(lines)
}

type gnuReader struct {
	untagged
	separator separator
	sized     sizeComment
	tagsFirst bool // a line is looked at for a tag first; no line can be read both ways
}

// separator is what stands between digest and name; the first entry decides it for all.
type separator int

const (
	undecided    separator = iota
	twoCharacter           // SP and the type indicator, SP or "*"
	oneCharacter           // SP or TAB alone, as older BSD tools wrote it
)

// next reads the lines of GNU, BSD and OpenSSL tools. It is a loop of its own, as manifests of
// millions of lines are theirs.
func (g *gnuReader) next(lines *Lines) Next {
	return func() (Entry, error) {
		for {
			line, n, err := lines.Next()
			if err != nil {
				return Entry{}, err
			}
			if len(line) == 0 {
				continue
			}
			if line[0] == '#' {
				g.sized.note(line)
				continue
			}
			e, err := g.entry(line)
			if err != nil {
				return Entry{}, lineError(n, line, err)
			}
			e.Line = n
			if g.sized.name != "" {
				g.sized.tell(&e)
			}
			return e, nil
		}
	}
}

func (g *gnuReader) entry(line []byte) (Entry, error) {
	if g.tagsFirst {
		if t, ok := cutTag(line); ok && digest.ByTag(string(t.tag)) != nil {
			return t.entry()
		}
	}
	e, err := g.parse(line)
	if err != nil {
		if t, ok := cutTag(line); ok {
			return t.entry()
		}
	}
	return e, err
}

func (g *gnuReader) parse(line []byte) (Entry, error) {
	rest := line
	if len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		rest = bytes.TrimLeft(line, " \t")
	}
	rest, escaped := bytes.CutPrefix(rest, []byte(`\`))
	end := indexBlank(rest)
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

// indexBlank is where the first space or TAB stands, -1 if there is none; bytes.IndexAny takes
// several times as long.
func indexBlank(line []byte) int {
	space := bytes.IndexByte(line, ' ')
	if space < 0 {
		return bytes.IndexByte(line, '\t')
	}
	if tab := bytes.IndexByte(line[:space], '\t'); tab >= 0 {
		return tab
	}
	return space
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
	if s.name == e.Name {
		e.HasSize, e.Size = true, s.size
		s.name = ""
	}
}
