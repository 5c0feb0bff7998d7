package digest

import (
	"strings"
	"sync"
)

// maxTag is the longest tag that [ByTag] looks up. No real tag is half as long.
const maxTag = 32

// tags maps all names and spellings, as [fold] returns them, to rows of the table.
var tags = sync.OnceValue(func() map[string]*Algorithm {
	rows := map[string]*Algorithm{}
	for _, a := range Table {
		for _, spelling := range append([]string{a.Name}, a.Spellings...) {
			rows[string(fold(nil, spelling))] = a
		}
	}
	for _, a := range torrent {
		rows[string(fold(nil, a.Name))] = a
	}
	return rows
})

// ByTag returns the algorithm with that tag, or nil. Case is ignored, and so are "-", "_" and "/".
//
// It knows the tags of BSD ("SHA512/256"), OpenSSL 1 and 3 ("SHA2-256", "BLAKE2b512"), coreutils
// ("BLAKE2b-256"), RHash, b3sum and xxhsum ("XXH3"), and the names in BagIt (RFC 8493, "sha3256").
func ByTag(tag string) *Algorithm {
	if len(tag) > maxTag {
		return nil
	}
	var buffer [maxTag]byte
	folded := fold(buffer[:0], tag)
	if a := tags()[string(folded)]; a != nil {
		return a
	}
	end := len(folded)
	for end > 0 && isDigit(folded[end-1]) {
		end--
	}
	if a := tags()[string(folded[:end])]; a != nil && end < len(folded) {
		return a.ofBits(string(folded[end:]))
	}
	return nil
}

// fold appends s in lower case and without separators.
func fold(dst []byte, s string) []byte {
	for i := range len(s) {
		if !isSeparator(s[i]) {
			dst = append(dst, lower(s[i]))
		}
	}
	return dst
}

// NamedIn returns the algorithm in the file name of a manifest, or nil if there is none or more than
// one. Examples are "SHA256SUMS", "sha1sum.txt", "disc.iso.md5", "B2SUMS", "photos.sfv".
func NamedIn(fileName string) *Algorithm {
	var found *Algorithm
	for i := 0; i < len(fileName); {
		a, size := spelledAt(fileName, i)
		if a != nil && found != nil && found != a {
			return nil
		}
		if a != nil {
			found = a
		}
		i += max(size, 1)
	}
	return found
}

// spelledAt returns the algorithm with the longest spelling at the beginning of s[start:], and the
// length of the spelling; nil and 0 if there is none.
func spelledAt(s string, start int) (found *Algorithm, size int) {
	wordStart := start == 0 || !isDigit(s[start-1]) && !isLetter(s[start-1])
	for _, a := range Table {
		for _, spelling := range a.Spellings {
			if n := prefix(s[start:], spelling); n > size {
				if row, total := a.spelled(s[start:], n); row != nil {
					found, size = row, total
				}
			}
		}
		for _, word := range a.words {
			if n := prefix(s[start:], word); wordStart && n > size && endsWord(s[start+n:]) {
				found, size = a, n
			}
		}
	}
	return found, size
}

// spelled returns the algorithm at the beginning of s, whose first n bytes are a spelling of a, and
// the total length of its name in s. Digits after the spelling select another length of a. It returns
// nil if the spelling is part of a longer word.
func (a *Algorithm) spelled(s string, n int) (*Algorithm, int) {
	if a.family != nil {
		start := n
		if start < len(s) && isSeparator(s[start]) {
			start++
		}
		end := start
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		if row := a.ofBits(s[start:end]); row != nil {
			return row, end
		}
	}
	rest := s[n:]
	if isLetter(s[n-1]) && !endsWord(rest) || rest != "" && isDigit(rest[0]) {
		return nil, 0 // "sha128" does not name sha1, and "crc32checks" does not name crc32c
	}
	return a, n
}

// endsWord reports whether a word ends before rest, or continues with "sum" only.
func endsWord(rest string) bool {
	return rest == "" || !isDigit(rest[0]) && !isLetter(rest[0]) || prefix(rest, "sum") > 0
}

// prefix returns the length of the spelling at the beginning of s, 0 if s does not begin with it. A
// "-" in the spelling matches any separator or none.
func prefix(s, spelling string) int {
	at := 0
	for i := range len(spelling) {
		switch {
		case spelling[i] == '-' && at < len(s) && isSeparator(s[at]):
			at++
		case spelling[i] == '-':
		case at < len(s) && lower(s[at]) == spelling[i]:
			at++
		default:
			return 0
		}
	}
	return at
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func isSeparator(c byte) bool { return strings.IndexByte("-_/", c) >= 0 }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }
