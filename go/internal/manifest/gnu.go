package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"checksig/internal/digest"
)

// GNU is the format of md5sum, sha1sum, sha256sum and so on in GNU coreutils. Sources: the man page
// sha256sum(1), section "DESCRIPTION"; digest_check and split_3 in coreutils' digest.c.
//
//	<hex digest> SP (SP | "*") <name>
//	"\" <hex digest> SP (SP | "*") <name with \ LF CR written as \\ \n \r>
//
// For example:
//
//	86f7e437faa5a7fce15d1ddcb9eaeaea377667b8  a.txt
//	\86f7e437faa5a7fce15d1ddcb9eaeaea377667b8  two\nlines
//
// Also read:
//   - hex digits in upper case, and base64 (cksum --untagged --base64)
//   - a TAB or a single space before the name; a manifest that has used two characters cannot go back
//     to one, as the second space could be part of a name
//   - blanks before the digest
//   - lines with a tag (see [BSD]), which cksum --check accepts in the same manifest
//   - "#" comments and empty lines; ";" and "//" comments in which nothing looks like a digest
//   - headings that name the algorithm of the lines after them (see [untagged.heading])
//   - digests with the algorithm in front (see [parsePrefixed]), and "?SHA256*" before the name
//   - digests of the digests of parts, with the number of parts after them ("<hex digest>-12"), as Amazon S3 has them
//     of what was uploaded in parts, if their size is known; see [Options].PartSize
//   - the comment "# <name>: <n> bytes" of Fedora, which gives the size of the next file
var GNU = &Format{Name: "gnu", Detect: detectGNU, Read: readGNU, HasText: true, Write: &Writer{Begin: beginUntagged, File: gnuFile}}

func detectGNU(head []byte, o Options) bool {
	line := firstEntryLine(head)
	if line == nil {
		return false
	}
	// Both, because a named BLAKE2 allows any length.
	for _, algorithm := range []*digest.Algorithm{nil, o.untaggedAlgorithm()} {
		g := gnuReader{untagged: untagged{algorithm: algorithm, partSize: o.PartSize}}
		if _, err := g.parse(line); err == nil {
			return true
		}
	}
	return false
}

func readGNU(lines *Lines, o Options) Next {
	g := gnuReader{untagged: o.untagged()}
	return g.next(lines)
}

// readTagged reads the same lines as readGNU. It is faster if most of them have a tag.
func readTagged(lines *Lines, o Options) Next {
	g := gnuReader{untagged: o.untagged(), tagsFirst: true}
	return g.next(lines)
}

type gnuReader struct {
	untagged
	separator separator
	size      sizeComment
	tagsFirst bool // look for a tag first; no line can be read both ways
}

// separator is what comes between digest and name. The first entry determines it.
type separator int

const (
	undecided    separator = iota
	twoCharacter           // SP and the type indicator, SP or "*"
	oneCharacter           // a single SP or TAB, as older BSD tools wrote it
)

// next reads the lines of GNU, BSD and OpenSSL tools. It does not use perLine because these formats
// have manifests of millions of lines.
func (g *gnuReader) next(lines *Lines) Next {
	return withEndCheck(lines, func() (Entry, error) {
		for {
			line, n, err := lines.Next()
			if err != nil {
				return Entry{}, err
			}
			if len(line) == 0 {
				continue
			}
			if line[0] == '#' {
				if hidesDigest(line) {
					return Entry{}, lineError(n, line, errHiddenDigest)
				}
				if !g.heading(line) {
					g.size.read(line)
				}
				continue
			}
			e, err := g.entry(line)
			if err != nil {
				if isRemark(line) || g.heading(line) {
					continue
				}
				if hasRemarkMark(line) {
					err = errHiddenDigest
				}
				g.awaited = false
				return Entry{}, lines.rejected(n, line, err)
			}
			e.Line, g.awaited = n, false
			if g.size.name != "" {
				g.size.apply(&e)
			}
			return e, nil
		}
	}, g.truncated)
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
		return Entry{}, errors.New("expected a digest and a file name")
	}
	name := rest[end+1:]
	if e, ok, err := parseFSUM(rest[:end], name); ok && !escaped {
		return e, err
	}
	d, err := g.parseDigest(rest[:end])
	if err != nil {
		return Entry{}, err
	}
	separator := oneCharacter
	if len(name) > 1 && (name[0] == ' ' || name[0] == '*') {
		separator = twoCharacter
	}
	switch {
	case len(name) == 0 || len(name) == 1 && name[0] == ' ':
		return Entry{}, errors.New("no file name after the digest")
	case g.separator == undecided:
		g.separator = separator
	case g.separator == twoCharacter && separator == oneCharacter:
		return Entry{}, errors.New("expected two characters before the file name, as in earlier lines, found one")
	}
	if g.separator == twoCharacter {
		name = name[1:]
	}
	if escaped {
		if name, err = unescapeGNU(name); err != nil {
			return Entry{}, err
		}
	}
	return d.entry(string(name)), nil
}

// parseFSUM reads what FSUM writes for algorithms other than MD5: "?SHA256*" before the name. ok is false for
// anything else.
func parseFSUM(digits, name []byte) (e Entry, ok bool, err error) {
	if len(name) == 0 || name[0] != '?' {
		return Entry{}, false, nil
	}
	tag, name, found := bytes.Cut(name[1:], []byte("*"))
	algorithm := digest.ByTag(string(tag))
	if !found || len(name) == 0 || algorithm == nil && !resemblesAlgorithm(string(tag)) {
		return Entry{}, false, nil
	}
	if algorithm == nil {
		return Entry{}, true, unknownAlgorithm(tag)
	}
	sum, err := decodeDigest(algorithm, digits)
	return Entry{Name: string(name), Algorithm: algorithm, Digest: sum}, true, err
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

// indexBlank returns the index of the first space or TAB, -1 if there is none. bytes.IndexAny takes
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
			return nil, errors.New("incomplete escape at the end of the file name")
		}
		switch name[i] {
		case '\\':
			plain = append(plain, '\\')
		case 'n':
			plain = append(plain, '\n')
		case 'r':
			plain = append(plain, '\r')
		default:
			return nil, fmt.Errorf(`unknown escape \%c in the file name, expected \\, \n or \r`, name[i])
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

// sizeComment is the last comment "# <name>: <n> bytes", which Fedora writes before the line of each
// file.
type sizeComment struct {
	name string
	size int64
}

// read keeps the name and size if line is such a comment.
func (s *sizeComment) read(line []byte) {
	if name, size, ok := ParseSizeComment(line); ok {
		s.name, s.size = string(name), size
	}
}

// ParseSizeComment returns the name and the size that the comment "# <name>: <n> bytes" is about.
func ParseSizeComment(line []byte) (name []byte, size int64, ok bool) {
	text, isSize := bytes.CutSuffix(line, []byte(" bytes"))
	text, isComment := bytes.CutPrefix(text, []byte("# "))
	colon := bytes.LastIndex(text, []byte(": "))
	if !isSize || !isComment || colon < 0 {
		return nil, 0, false
	}
	size, err := parseSize(text[colon+2:])
	return text[:colon], size, err == nil
}

// AppendSizeComment appends that comment as a line; nothing for a name that it cannot represent.
func AppendSizeComment(dst []byte, name string, size int64) []byte {
	if strings.ContainsAny(name, "\n\r") {
		return dst
	}
	return fmt.Appendf(dst, "# %s: %d bytes\n", name, size)
}

// apply sets the size of e if the comment is about its file.
func (s *sizeComment) apply(e *Entry) {
	if s.name == e.Name {
		e.HasSize, e.Size = true, s.size
		s.name = ""
	}
}
