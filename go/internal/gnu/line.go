package gnu

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
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
	bits      int  // length of the next digest, unless the line tells it
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
	if !p.chosen || p.algorithm.name == "sha2" {
		a := algorithmTagged(tagOf(s))
		switch {
		case !p.chosen && (a == nil || a.sum != nil):
			return entry{}, false
		case !p.chosen, a != nil && sha2[a.name]: // -a sha2 stands for the first of them that is met
			p.algorithm = a
		}
	}
	if rest, ok := bytes.CutPrefix(s, []byte(p.algorithm.tag)); ok {
		e, isTagged, ok := p.tagged(rest, escaped)
		if isTagged || ok {
			return e, ok
		}
	}
	return p.plain(s, escaped)
}

// sha2 has the algorithms whose tags -a sha2 accepts.
var sha2 = map[string]bool{"sha2": true, "sha224": true, "sha256": true, "sha384": true, "sha512": true}

// tagOf returns the first word of s, which may be a tag.
func tagOf(s cString) string {
	if i := bytes.IndexAny(s, " \t-(\x00"); i >= 0 {
		s = s[:i]
	}
	return string(s)
}

// tagged reads the rest of a line after its tag: "-256 (name) = digest" or " (name) = digest". isTagged is
// false if the line may still be one without a tag, whose digest in base64 begins like a tag.
func (p *parser) tagged(s cString, escaped bool) (e entry, isTagged, ok bool) {
	e.algorithm = p.algorithm
	if p.lengths {
		p.bits = p.algorithm.bits
		if s.at(0) == '-' {
			number := string(untilNUL(s[1:]))
			n, rest, err := parseNumber(number, 0)
			if err != nil || hexValue(number[0]) > 9 || !p.algorithm.hasTagLength(n) {
				return e, true, false
			}
			p.bits = int(n)
			s = s[1+len(number)-len(rest):]
		}
	}
	e.bits = p.bits
	if s.at(0) == ' ' {
		s = s[1:]
	}
	if s.at(0) != '(' {
		return e, false, false
	}
	end := bytes.LastIndexByte(s, ')')
	if end < 1 {
		return e, true, false
	}
	ok = e.setName(s[1:end], escaped)
	i := s.skipBlanks(end + 1)
	if !ok || s.at(i) != '=' {
		return e, true, false
	}
	return e, true, e.setDigest(s[s.skipBlanks(i+1):], p.base64)
}

// hasTagLength reports whether a tag of the algorithm may be followed by that length.
func (a *algorithm) hasTagLength(bits uint64) bool {
	if a.lengths != nil {
		return slices.Contains(a.lengths, int(min(bits, maxBits+1)))
	}
	return 0 < bits && bits <= uint64(a.bits) && bits%8 == 0
}

// plain reads a line without a tag: "digest  name".
func (p *parser) plain(s cString, escaped bool) (entry, bool) {
	shortest := p.algorithm.bits/4 + 2 // a blank, and a name of one byte
	if p.lengths {
		shortest = 3
	}
	if s.at(0) == '\\' {
		shortest++
	}
	digits := bytes.IndexAny(s, " \t\x00")
	if len(s) < shortest || digits < 0 {
		return entry{}, false
	}
	if p.algorithm.hasLengths() && p.lengths {
		if p.bits = p.lengthOf(s[:digits]); p.bits == 0 {
			return entry{}, false
		}
	}
	e := entry{algorithm: p.algorithm, bits: p.bits}
	if !e.setDigest(s[:digits], p.base64) {
		return entry{}, false
	}
	name, ok := p.nameOf(s[digits+1:])
	if !ok {
		return entry{}, false
	}
	return e, e.setName(name, escaped)
}

// lengthOf returns the length in bits of a digest of an algorithm with several lengths, by the number of
// its digits; 0 if there is none.
func (p *parser) lengthOf(digits []byte) int {
	hexDigits := countPrefix(digits, func(c byte) bool { return hexValue(c) < 16 })
	base64Digits := hexDigits + countPrefix(digits[hexDigits:], isBase64)
	equals := countPrefix(digits[base64Digits:], func(c byte) bool { return c == '=' })
	bits := hexDigits * 4
	inBase64 := func(bits int) bool { return base64.StdEncoding.EncodedLen(bits/8) == base64Digits+equals }
	switch {
	case !p.base64:
	case p.algorithm.lengths != nil && !slices.Contains(p.algorithm.lengths, bits):
		i := slices.IndexFunc(p.algorithm.lengths, inBase64)
		if i < 0 {
			return 0
		}
		bits = p.algorithm.lengths[i]
	case p.algorithm.anyLength && hexDigits < base64Digits:
		for j := 8; j <= maxBits; j += 8 {
			if inBase64(j) && j%3 == equals {
				bits = j
				break
			}
		}
	}
	if bits < 8 || bits%8 != 0 || bits > maxBits {
		return 0
	}
	return bits
}

func countPrefix(s []byte, is func(c byte) bool) int {
	for i, c := range s {
		if !is(c) {
			return i
		}
	}
	return len(s)
}

func isBase64(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '+' || c == '/'
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

// setDigest sets the digest from its digits, of which there must be as many as e.bits needs.
func (e *entry) setDigest(text []byte, orBase64 bool) bool {
	size := e.bits / 8
	if orBase64 && len(text) == base64.StdEncoding.EncodedLen(size) {
		digits, padding := text[:len(text)-e.bits%3], text[len(text)-e.bits%3:]
		if countPrefix(digits, isBase64) < len(digits) || len(bytes.Trim(padding, "=")) > 0 {
			return false
		}
		sum, err := base64.StdEncoding.Strict().DecodeString(string(text))
		if err != nil {
			sum = make([]byte, maxBits/8+1) // no encoder writes these digits, so no file has this digest
		}
		e.digest = sum
		return true
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
