package digest_test

import (
	"regexp"
	"strings"
	"testing"

	"checksig/internal/digest"
)

var named = map[string]*regexp.Regexp{
	"md5":    regexp.MustCompile(`md-?5(?:\D|$)`),
	"sha1":   regexp.MustCompile(`(?:sha-?|shasums)1(?:\D|$)`),
	"sha224": regexp.MustCompile(`(?:sha|sha-|sha2-|shasums)224(?:\D|$)`),
	"sha256": regexp.MustCompile(`(?:sha|sha-|sha2-|shasums)256(?:\D|$)`),
	"sha384": regexp.MustCompile(`(?:sha|sha-|sha2-|shasums)384(?:\D|$)`),
	"sha512": regexp.MustCompile(`(?:sha|sha-|sha2-|shasums)512(?:\D|$)`),
}

func FuzzNamedIn(f *testing.F) {
	for _, name := range []string{"SHA256SUMS", "sha1sum.txt", "x.md5", "sha128", "sha1-sha256", "sha2-512", "md55md5"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, fileName string) {
		var want []string
		for name, pattern := range named {
			if pattern.MatchString(strings.ToLower(fileName)) {
				want = append(want, name)
			}
		}
		switch got := digest.NamedIn(fileName); {
		case got == nil && len(want) == 1, got != nil && (len(want) != 1 || want[0] != got.Name):
			t.Fatalf("%q names %v, not %v", fileName, want, got)
		}
	})
}
