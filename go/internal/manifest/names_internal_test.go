package manifest

import (
	"strings"
	"testing"
)

// TestNamesWithoutThePattern makes names of up to four parts: what is told without the pattern is
// what it would tell.
func TestNamesWithoutThePattern(t *testing.T) {
	parts := []string{"", "a", "sha256", "MD5", "b2", "sum", "SUMS", "checksum", "manifest-", "tag", ".", "txt", "-", "_", "sfv", "sig", "asc"}
	found := 0
	for i := range len(parts) * len(parts) * len(parts) * len(parts) {
		name := ""
		for ; i > 0; i /= len(parts) {
			name += parts[i%len(parts)]
		}
		is := manifestName().MatchString(strings.ToLower(name))
		switch strings.TrimSuffix(name, ".sig") {
		case "MD5": // in this case only
			is = true
		}
		if IsName(name) != is {
			t.Errorf("%q: %t", name, !is)
		}
		if is {
			found++
		}
	}
	for _, name := range []string{"SHA1SUMS", "SHA512SUMS", "SHA256SUMS", "MD5SUMS"} {
		if !manifestName().MatchString(strings.ToLower(name)) {
			t.Errorf("%q", name)
		}
	}
	if found < 1000 {
		t.Errorf("%d names", found)
	}
}
