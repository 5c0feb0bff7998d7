package manifest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"checksig/internal/digest"
)

// isRemark reports whether a line is a comment of TeraCopy, ExactFile, FSUM or cfv, which begins with ";" or
// "//". It is none if something in it looks like a digest: an entry must not be passed over.
func isRemark(line []byte) bool { return hasRemarkMark(line) && !looksLikeDigest(line) }

func hasRemarkMark(line []byte) bool {
	return len(line) > 0 && line[0] == ';' || bytes.HasPrefix(line, []byte("//"))
}

// errHiddenDigest is the cause for a comment that could be an entry.
var errHiddenDigest = errors.New("a comment with a digest in it, which could be an entry")

// couldBeName is the error for a comment that could be an entry whose name begins with the mark.
type couldBeName string

func (mark couldBeName) Error() string {
	return fmt.Sprintf("a comment, or a file whose name begins with %q", string(mark))
}

// IsComment reports whether a line that a format's reader has accepted is a comment.
func (f *Format) IsComment(line []byte) bool {
	line = bytes.TrimRight(line, "\r\n")
	if f == SFV {
		return len(line) > 0 && line[0] == ';'
	}
	return len(line) > 0 && line[0] == '#' || isRemark(line)
}

const (
	// surelyHex is the number of hex digits in a row that are taken for a digest, whatever they are.
	surelyHex = 16
	// mixedHex is that number for digits of which some are letters and some are not.
	mixedHex = 6
	// groupsInRow is how many groups of hex digits in a row, as gpg writes them, are taken for a digest.
	groupsInRow = 4
	// shortest is how many bytes a digest in base64 has at least: shorter ones are as long as ordinary words.
	shortest = 16
)

// tagAnywhere matches a tag with a name, behind anything.
var tagAnywhere = pattern(`[A-Za-z0-9/_-][ \t]*\(.*\)[ \t]*=`)

const (
	// hexPairs are pairs of hex digits as BitConverter of .NET writes them.
	hexPairs = `(?:[0-9A-Fa-f]{2}-){15}[0-9A-Fa-f]{2}`
	// longWord is what may be a digest in any other notation, such as base 32 of Nix, behind its algorithm.
	longWord = `[:-][ \t]*[A-Za-z0-9]{24,}`
	// longestTag is the number of bytes in front of such a word that may be an algorithm.
	longestTag = 24
)

var (
	hexPairsAnywhere = pattern(hexPairs)
	longWordAnywhere = pattern(longWord)
)

// looksLikeDigest reports whether something in a line may be a digest: 16 or more hex digits, or 6 if letters
// and numbers are mixed; a word that is as long as a digest in base64; groups of hex digits; a tag with a
// name; a long word behind an algorithm. It errs on the side of digests: what has none may be passed over as text.
func looksLikeDigest(line []byte) bool {
	if tagAnywhere().Match(line) || hexPairsAnywhere().Match(line) {
		return true
	}
	for _, place := range longWordAnywhere().FindAllIndex(line, -1) {
		if endsWithTag(line[:place[0]]) {
			return true
		}
	}
	for word := range bytes.FieldsFuncSeq(line, isNotBase64) {
		if hasHexRun(word) || isBase64Digest(word) {
			return true
		}
	}
	groups := 0
	for _, word := range words(line) {
		if isHexGroup(word) {
			groups++
		} else {
			groups = 0
		}
		if groups == groupsInRow || bytes.Count(word, []byte(":")) >= groupsInRow && hasHexRun(bytes.ReplaceAll(word, []byte(":"), nil)) {
			return true
		}
	}
	return false
}

// endsWithTag reports whether the end of text is the name of a known algorithm.
func endsWithTag(text []byte) bool {
	text = text[max(0, len(text)-longestTag):]
	tag := text[bytes.LastIndexFunc(text, isNotBase64)+1:]
	for {
		if digest.ByTag(string(tag)) != nil {
			return true
		}
		separator := bytes.IndexAny(tag, "-_/=+")
		if separator < 0 {
			return false
		}
		tag = tag[separator+1:]
	}
}

// isPlainText reports whether nothing in a line looks like a digest, nor like a part of one where formats have
// digests, at the beginning or the end.
func isPlainText(line []byte) bool {
	if looksLikeDigest(line) {
		return false
	}
	all := words(line)
	for i, word := range all {
		if (i == 0 || i == len(all)-1) && len(word) >= mixedHex && len(bytes.Trim(word, "0123456789")) == 0 {
			return false
		}
	}
	return true
}

// withoutText returns the lines of head that are not plain text.
func withoutText(head []byte) []byte {
	var rest []byte
	for line := range bytes.Lines(head) {
		if !isPlainText(bytes.TrimRight(line, "\r\n")) {
			rest = append(rest, line...)
		}
	}
	return rest
}

// isDigestWord reports whether a word can hardly be anything but a digest: 16 or more hex digits and nothing else, or
// a digest of a known length in base64 with its padding. Either may come after a name, as in "sha256:". It is for
// values that may be any text, of which [looksLikeDigest] takes too much for digests.
func isDigestWord(word []byte) bool {
	word = word[bytes.LastIndexByte(word, ':')+1:]
	word = word[bytes.LastIndexByte(bytes.TrimRight(word, "="), '=')+1:]
	if dash := bytes.LastIndexByte(word, '-'); dash > 0 && digest.ByTag(string(word[:dash])) != nil {
		word = word[dash+1:]
	}
	if isHexWord(word) {
		return true
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(string(word))
	return err == nil && len(sum) >= shortest && digest.BySize(len(sum)) != nil
}

func isHexWord(word []byte) bool {
	return len(word) >= surelyHex && len(bytes.Trim(word, "0123456789abcdefABCDEF")) == 0
}

func isNotBase64(r rune) bool {
	return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("+/=_-", r))
}

// hasHexRun reports whether word has enough hex digits in a row.
func hasHexRun(word []byte) bool {
	run, letters, whole := 0, 0, true
	for _, c := range word {
		switch {
		case '0' <= c && c <= '9':
			run++
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			run++
			letters++
		default:
			run, letters, whole = 0, 0, false
		}
		if run >= surelyHex {
			return true
		}
	}
	return whole && run >= mixedHex && 0 < letters && letters < run
}

func isNoHexDigit(r rune) bool { return r >= utf8.RuneSelf || !isHexDigit(byte(r)) }

// hasLongHex reports whether text has as many hex digits in a row as the shortest digest that is in use, of MD5: they
// are hardly anything else, whatever is around them.
func hasLongHex[T []byte | string](text T) bool {
	run := 0
	for i := range len(text) {
		if run++; !isHexDigit(text[i]) {
			run = 0
		}
		if run == 2*minDigest {
			return true
		}
	}
	return false
}

func isHexGroup(word []byte) bool {
	if n := len(word); n != 2 && n != 4 && n != 8 {
		return false
	}
	return len(bytes.Trim(word, "0123456789abcdefABCDEF")) == 0
}

var standardBase64 = strings.NewReplacer("-", "+", "_", "/")

// isBase64Digest reports whether word is a digest of a known length in base64 or base64url.
func isBase64Digest(word []byte) bool {
	if dash := bytes.LastIndexByte(word, '-'); dash > 0 && digest.ByTag(string(word[:dash])) != nil {
		return true
	}
	if len(word)*3/4 < shortest {
		return false
	}
	text := standardBase64.Replace(string(bytes.TrimRight(word, "=")))
	sum, err := base64.RawStdEncoding.DecodeString(text)
	return err == nil && len(sum) >= shortest && digest.BySize(len(sum)) != nil
}
