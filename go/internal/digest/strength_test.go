package digest_test

import (
	"slices"
	"strings"
	"testing"

	"checksig/internal/digest"
)

// named returns the algorithm of that name, or ends the test.
func named(t testing.TB, name string) *digest.Algorithm {
	t.Helper()
	a := digest.ByName(name)
	if a == nil {
		t.Fatalf("no algorithm %s", name)
	}
	return a
}

func TestAsStrongAsSHA256(t *testing.T) {
	var strong []string
	for _, a := range digest.Table {
		if a.AtLeast(named(t, "sha256")) {
			strong = append(strong, a.Name)
		}
	}
	want := strings.Fields("sha256 sha512-256 sha3-256 blake2s blake3 gitblob-sha256 sm3 sha384 sha3-384 sha512 sha3-512 blake2b")
	if !slices.Equal(strong, want) {
		t.Errorf("got %v, want %v", strong, want)
	}
}

func TestAtLeast(t *testing.T) {
	order := []string{"xxh128", "sha1", "blake2b-8", "blake2b-128", "blake2s-216", "sha224", "sha256", "blake2b-264",
		"sha384", "sha512"}
	for i, a := range order {
		t.Run(a, func(t *testing.T) {
			for j, b := range order {
				if got := named(t, a).AtLeast(named(t, b)); got != (i >= j) {
					t.Errorf("AtLeast(%s) = %v", b, got)
				}
			}
		})
	}
	for _, pair := range [][2]string{{"md5", "sha1"}, {"crc32", "xxh128"}, {"sha3-256", "sm3"}, {"blake2b-256", "blake2s"}} {
		t.Run(pair[0]+" and "+pair[1], func(t *testing.T) {
			a, b := named(t, pair[0]), named(t, pair[1])
			if !a.AtLeast(b) || !b.AtLeast(a) {
				t.Error("not equally strong")
			}
		})
	}
}

func TestStrengthString(t *testing.T) {
	for name, want := range map[string]string{
		"crc32": "checksum", "xxh128": "checksum", "md5": "broken", "sha1": "broken", "blake2b-8": "short, 4 bits",
		"blake2b-216": "short, 108 bits", "sha224": "strong, 112 bits", "sm3": "strong, 128 bits",
		"blake2b": "strong, 256 bits",
	} {
		t.Run(name, func(t *testing.T) {
			s := named(t, name).Strength
			if s.String() != want || s.Secure() != strings.HasPrefix(want, "strong") {
				t.Errorf("got %s, secure %v, want %s", s, s.Secure(), want)
			}
		})
	}
	if b := digest.Broken.Bits(); b != 0 {
		t.Errorf("Broken.Bits() = %d, want 0", b)
	}
}
