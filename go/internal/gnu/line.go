package gnu

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
)

// An entry is the content of one line.
type entry struct {
	algorithm *algorithm
	bits      int // length of the digest; the computed digest is truncated to it
	digest    []byte
	name      string
}

// order is the form of lines without tags: two characters between digest and name, or one as md5 -r of
// BSD writes. The first such line of a run decides for all of them.
type order int

const (
	orderUnknown order = iota
	orderGNU
	orderReversed
)

// A parser reads the lines of manifests. As in coreutils, its state carries over from one manifest to
// the next.
type parser struct {
	algorithm *algorithm
	chosen    bool // only lines of this algorithm are read; otherwise tags select it
	lengths   bool // a tag may be followed by a length, to which digests are truncated
	base64    bool // digests may be in base64
	bits      int  // length of a digest without a tag: that of the last one with a tag, or 0
	order     order
}

// cString is text that ends with a NUL as in C: reading past the end returns the NUL.
type cString []byte

func (s cString) at(i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

func (s cString) skipBlanks(i int) int {
	for s.at(i) == ' ' || s.at(i) == '\t' {
		i++
	}
	return i
}

// parse reads a line without its end. ok is false if the line is improperly formatted.
func (p *parser) parse(line []byte) (e entry, ok bool) {
	s := cString(line)
	s = s[s.skipBlanks(0):]
	escaped := s.at(0) == '\\'
	if escaped {
		s = s[1:]
	}
	if !p.chosen {
		a := algorithmTagged(tagOf(s))
		if a == nil || a.sum != nil {
			return entry{}, false
		}
		p.algorithm = a
	}
	if bytes.HasPrefix(s, []byte(p.algorithm.tag)) {
		return p.tagged(s[len(p.algorithm.tag):], escaped)
	}
	return p.plain(s, escaped)
}

// tagOf returns the first word of s, which may be a tag.
func tagOf(s cString) string {
	if i := bytes.IndexAny(s, " \t-(\x00"); i >= 0 {
		s = s[:i]
	}
	return string(s)
}

// tagged reads the rest of a line after its tag: "-256 (name) = digest" or " (name) = digest".
func (p *parser) tagged(s cString, escaped bool) (entry, bool) {
	e := entry{algorithm: p.algorithm, bits: p.algorithm.bits}
	if p.lengths && s.at(0) != '-' {
		p.bits = e.bits
	}
	switch {
	case !p.lengths || s.at(0) == '(' || len(s) == 0:
	case s.at(0) == '-':
		number := string(untilNUL(s[1:]))
		n, rest, err := parseNumber(number, 0)
		if err != nil || n == 0 || n > uint64(e.bits) || n%8 != 0 {
			return entry{}, false
		}
		e.bits = int(n)
		p.bits = e.bits
		s = s[1+len(number)-len(rest):]
	default:
		s = s[1:] // coreutils skips any character
	}
	if s.at(0) == ' ' {
		s = s[1:]
	}
	end := bytes.LastIndexByte(s, ')')
	if s.at(0) != '(' || end < 1 {
		return entry{}, false
	}
	ok := e.setName(s[1:end], escaped)
	i := s.skipBlanks(end + 1)
	if !ok || s.at(i) != '=' {
		return entry{}, false
	}
	return e, e.setDigest(untilNUL(s[s.skipBlanks(i+1):]), p.base64)
}

// plain reads a line without a tag: "digest  name".
func (p *parser) plain(s cString, escaped bool) (entry, bool) {
	e := entry{algorithm: p.algorithm, bits: p.algorithm.bits}
	shortest := e.bits/4 + 2 // a blank, and a name of one byte
	if p.lengths {
		shortest = 3
	}
	if p.bits != 0 {
		e.bits = p.bits
	}
	digits := bytes.IndexAny(s, " \t")
	if e.algorithm.anyLength && !p.base64 {
		e.bits = digits * 4
	}
	if len(s) < shortest || digits < 1 || e.bits > maxBits || !e.setDigest(s[:digits], p.base64) {
		return entry{}, false
	}
	name, ok := p.nameOf(s[digits+1:])
	if !ok {
		return entry{}, false
	}
	return e, e.setName(name, escaped)
}

// nameOf returns the file name in s, the text after the first character that follows the digest. Whether
// a second character precedes the name is the same for all lines; otherwise an attacker could add a
// space to a name.
func (p *parser) nameOf(s cString) (cString, bool) {
	if len(s) == 1 || s.at(0) != ' ' && s.at(0) != '*' {
		if p.order == orderGNU {
			return nil, false
		}
		p.order = orderReversed
		return s, true
	}
	if p.order != orderReversed {
		p.order = orderGNU
		return s[1:], true
	}
	return s, true
}

func (e *entry) setDigest(text []byte, orBase64 bool) bool {
	size := e.bits / 8
	if orBase64 && len(text) == base64.StdEncoding.EncodedLen(size) {
		sum, err := base64.StdEncoding.Strict().DecodeString(string(text))
		if err == nil && len(sum) == size {
			e.digest = sum
			return true
		}
	}
	if len(text) != hex.EncodedLen(size) {
		return false
	}
	e.digest = make([]byte, size)
	_, err := hex.Decode(e.digest, text)
	return err == nil
}

// setName sets the name, up to a NUL as in C, and resolves its escapes. It returns false for a wrong
// escape.
func (e *entry) setName(name []byte, escaped bool) bool {
	if !escaped {
		e.name = string(untilNUL(name))
		return true
	}
	plain := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == 0 {
			return false
		}
		if c == '\\' {
			i++
			switch cString(name).at(i) {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case '\\':
			default:
				return false
			}
		}
		plain = append(plain, c)
	}
	e.name = string(plain)
	return true
}

func untilNUL(s []byte) []byte {
	if i := bytes.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}
