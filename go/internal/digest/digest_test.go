package digest_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"checksig/internal/digest"
)

// The digests of "abc": RFC 1321 appendix A.5 for MD5, the NIST example values for FIPS 180-4.
var ofABC = map[string]string{
	"md5":    "900150983cd24fb0d6963f7d28e17f72",
	"sha1":   "a9993e364706816aba3e25717850c26c9cd0d89d",
	"sha224": "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
	"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	"sha384": "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed" +
		"8086072ba1e7cc2358baeca134c825a7",
	"sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
}

func TestEveryRowComputesThePublishedDigest(t *testing.T) {
	if len(digest.Table) != len(ofABC) {
		t.Fatalf("%d algorithms, but %d published digests", len(digest.Table), len(ofABC))
	}
	for _, a := range digest.Table {
		h := a.New()
		h.Write([]byte("abc"))
		if got := hex.EncodeToString(h.Sum(nil)); got != ofABC[a.Name] {
			t.Errorf("%s of \"abc\" = %s, want %s", a.Name, got, ofABC[a.Name])
		}
		if h.Size() != a.Size || a.Size > digest.MaxSize {
			t.Errorf("%s: size %d, hasher's %d, maximum %d", a.Name, a.Size, h.Size(), digest.MaxSize)
		}
		if digest.ByName(a.Name) != a {
			t.Errorf("ByName(%q) is another row", a.Name)
		}
		if digest.BySize(a.Size) != a {
			t.Errorf("BySize(%d) is another row than %s", a.Size, a.Name)
		}
	}
}

func TestUnknownNamesAndSizesAreNil(t *testing.T) {
	for _, name := range []string{"", "SHA256", "sha-256", "crc"} {
		if a := digest.ByName(name); a != nil {
			t.Errorf("ByName(%q) = %s", name, a.Name)
		}
	}
	for _, size := range []int{-1, 0, 1, 19, 21, 65} {
		if a := digest.BySize(size); a != nil {
			t.Errorf("BySize(%d) = %s", size, a.Name)
		}
	}
}

func TestNamedIn(t *testing.T) {
	for name, want := range map[string]string{
		"sha1sum.txt":               "sha1",
		"SHA1SUMS":                  "sha1",
		"SHA256SUMS":                "sha256",
		"SHASUMS256.txt":            "sha256",
		"tool_1.2.3_SHA256SUMS":     "sha256",
		"md5checksums.txt":          "md5",
		"disc.iso.sha512":           "sha512",
		"CHECKSUM.SHA-224":          "sha224",
		"data.sha2-384":             "sha384",
		"checksums.txt":             "",
		"sha128sums":                "",
		"md5-and-sha1.txt":          "",
		"":                          "",
		strings.Repeat("sha", 9999): "",
	} {
		got := ""
		if a := digest.NamedIn(name); a != nil {
			got = a.Name
		}
		if got != want {
			t.Errorf("NamedIn(%.40q) = %q, want %q", name, got, want)
		}
	}
}
