package manifest

import (
	"strings"
	"testing"
)

// IsName agrees with the pattern for all names of up to four parts, although it decides most of them
// without it.
func TestIsNameAgreesWithThePattern(t *testing.T) {
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
			t.Errorf("IsName(%q) = %t", name, !is)
		}
		if is {
			found++
		}
	}
	for _, name := range []string{"SHA1SUMS", "SHA512SUMS", "SHA256SUMS", "MD5SUMS"} {
		if !manifestName().MatchString(strings.ToLower(name)) {
			t.Errorf("the pattern does not match %q", name)
		}
	}
	if found < 1000 {
		t.Errorf("only %d names of manifests were tried", found)
	}
}
