package digest_test

import (
	"regexp"
	"strings"
	"testing"

	"checksig/internal/digest"
)

// patterns match the spellings of algorithms in the name of a manifest. The first group is the
// spelling; the second, if any, is a length in bits, which must be one of the algorithm's.
var patterns = []struct{ name, pattern string }{
	{"crc32", `^(crc[-_/]?32)` + afterDigit},
	{"crc32", `^(crc[-_/]?32b)` + afterLetter},
	{"crc32c", `^(crc[-_/]?32c)` + afterLetter},
	{"adler32", `^(adler[-_/]?32)` + afterDigit},
	{"crc64nvme", `^(crc[-_/]?64[-_/]?nvme)` + afterLetter},
	{"gitblob-sha1", `^(git[-_/]?blob[-_/]?sha[-_/]?1)` + afterDigit},
	{"gitblob-sha1", `^(git[-_/]?blob)` + afterLetter},
	{"gitblob-sha1", `^(sha[-_/]?1[-_/]?git)` + afterLetter},
	{"gitblob-sha256", `^(git[-_/]?blob[-_/]?sha[-_/]?256)` + afterDigit},
	{"gitblob-sha256", `^(sha[-_/]?256[-_/]?git)` + afterLetter},
	{"sha512-224", `^(sha2?[-_/]?512(?:[-_/]|t|)224)` + afterDigit},
	{"ripemd160", `^(ripemd[-_/]?160|rmd[-_/]?160)` + afterDigit},
	{"xxh64", `^(xxh64|xxhash64)` + afterDigit},
	{"xxh3", `^(xxh3[-_/]?64|xxh3)` + afterDigit},
	{"xxh3", `^(xxh3)` + afterDigit},
	{"xxh128", `^(xxh3[-_/]?128|xxh128|xxhash128)` + afterDigit},
	{"md5", `^(md[-_/]?5)` + afterDigit},
	{"sha1", `^(sha[-_/]?1)` + afterDigit},
	{"sha224", `^(sha2?[-_/]?224)` + afterDigit},
	{"sha256", `^(sha2?[-_/]?256)` + afterDigit},
	{"sha384", `^(sha2?[-_/]?384)` + afterDigit},
	{"sha512", `^(sha2?[-_/]?512)` + afterDigit},
	{"sha512-256", `^(sha2?[-_/]?512(?:[-_/]|t|)256)` + afterDigit},
	{"sha3-224", `^(sha3[-_/]?224)` + afterDigit},
	{"sha3-256", `^(sha3[-_/]?256)` + afterDigit},
	{"sha3-384", `^(sha3[-_/]?384)` + afterDigit},
	{"sha3-512", `^(sha3[-_/]?512)` + afterDigit},
	{"blake3", `^(blake3)` + afterDigit},
	{"blake3", `^(blake3[-_/]?256)` + afterDigit},
	{"blake2b", `^(blake2b)` + afterLetter},
	{"blake2s", `^(blake2s)` + afterLetter},
	{"blake2b", `^(blake2b[-_/]?([0-9]+))`},
	{"blake2s", `^(blake2s[-_/]?([0-9]+))`},
}

// words match spellings that are whole words.
var words = []struct{ name, pattern string }{
	{"crc32", `^(sfv)` + afterLetter},
	{"blake2b", `^(b2)` + afterLetter},
	{"blake3", `^(b3)` + afterLetter},
	{"sm3", `^(sm3)` + afterLetter},
	{"sha1", `^(shasums1)` + afterLetter},
	{"sha224", `^(shasums224)` + afterLetter},
	{"sha256", `^(shasums256)` + afterLetter},
	{"sha384", `^(shasums384)` + afterLetter},
	{"sha512", `^(shasums512)` + afterLetter},
	{"sha512-224", `^(shasums512(?:[-_/]|t|)224)` + afterLetter},
	{"sha512-256", `^(shasums512(?:[-_/]|t|)256)` + afterLetter},
}

const (
	afterDigit  = `(?:[^0-9]|$)`
	afterLetter = `(?:[^a-z0-9]|sum|$)`
)

// namesAt returns the algorithm with the longest spelling at lower[start:], and that spelling's length.
func namesAt(lower string, start int) (name string, size int) {
	all := patterns
	if start == 0 || !regexp.MustCompile(`[a-z0-9]`).MatchString(lower[start-1:start]) {
		all = append(all[:len(all):len(all)], words...)
	}
	for _, p := range all {
		found := compiled(p.pattern).FindStringSubmatch(lower[start:])
		if found == nil || len(found[1]) <= size {
			continue
		}
		if len(found) == 2 {
			name, size = p.name, len(found[1])
		} else if a := digest.ByName(p.name + "-" + found[2]); a != nil {
			name, size = a.Name, len(found[1])
		}
	}
	return name, size
}

var cache = map[string]*regexp.Regexp{}

// compiled returns a regular expression, which it compiles once.
func compiled(pattern string) *regexp.Regexp {
	if cache[pattern] == nil {
		cache[pattern] = regexp.MustCompile(`(?s)` + pattern)
	}
	return cache[pattern]
}

// FuzzNamedIn compares NamedIn with a second implementation by regular expressions.
func FuzzNamedIn(f *testing.F) {
	for _, name := range []string{"SHA256SUMS", "sha1sum.txt", "x.md5", "sha128", "sha1-sha256", "sha2-512", "md55md5",
		"b2sums", "lib2", "x.blake2b-256", "blake2s_8", "sha512t256", "adler32sum", "x.rmd_160", "crc32csum", "crc32check", "xxh3_128", "sm3.sfv"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, fileName string) {
		if len(fileName) > 512 {
			t.Skip("longer than any file name")
		}
		lower := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, fileName)
		want := map[string]bool{}
		for i := 0; i < len(lower); {
			name, size := namesAt(lower, i)
			if size > 0 {
				want[name] = true
			}
			i += max(size, 1)
		}
		got := digest.NamedIn(fileName)
		if (got != nil) != (len(want) == 1) || got != nil && !want[got.Name] {
			t.Fatalf("NamedIn(%q) = %+v, want %v", fileName, got, want)
		}
	})
}
