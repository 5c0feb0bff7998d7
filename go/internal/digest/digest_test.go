package digest_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"checksig/internal/digest"
)

// ofABC has the digests of "abc".
//
// Sources: RFC 1321 appendix A.5 for MD5; the NIST example values for FIPS 180-4 and FIPS 202; RFC 7693
// appendices A and B for BLAKE2; GB/T 32905-2016 appendix A.1 for SM3; the output of their authors'
// tools for BLAKE3 and xxHash; sum(1) and cksum(1) of GNU coreutils for their checksums. The published vectors of these are in vectors_test.go.
var ofABC = map[string]string{
	"crc32":          "352441c2",
	"crc32c":         "364b3fb7",
	"adler32":        "024d0127",
	"crc64nvme":      "05e5cabb3fc1faeb",
	"gitblob-sha1":   "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f",
	"gitblob-sha256": "c1cf6e465077930e88dc5136641d402f72a229ddd996f627d60e9639eaba35a6",
	"sha512-224":     "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
	"ripemd160":      "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
	"xxh64":          "44bc2cf5ad770999",
	"xxh3":           "78af5f94892f3950",
	"xxh128":         "06b05ab6733a618578af5f94892f3950",
	"md5":            "900150983cd24fb0d6963f7d28e17f72",
	"sha1":           "a9993e364706816aba3e25717850c26c9cd0d89d",
	"sha224":         "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
	"sha256":         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	"sha384": "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed" +
		"8086072ba1e7cc2358baeca134c825a7",
	"sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	"sha512-256": "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
	"sha3-224":   "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
	"sha3-256":   "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
	"sha3-384": "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2" +
		"98d88cea927ac7f539f1edf228376d25",
	"sha3-512": "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e" +
		"10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
	"blake2b": "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1" +
		"7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
	"blake2s": "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
	"blake3":  "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
	"bsdsum":  "40ac",
	"sysvsum": "0126",
	"cksum":   "48aa78a2",
	"sm3":     "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
}

// sumOf returns the digest of data in hex.
func sumOf(a *digest.Algorithm, data string) string {
	h := a.Of(int64(len(data)))
	h.Write([]byte(data))
	return hexOf(string(h.Sum(nil)))
}

func hexOf(sum string) string { return hex.EncodeToString([]byte(sum)) }

func TestTable(t *testing.T) {
	if len(digest.Table) != len(ofABC) {
		t.Fatalf("%d algorithms, but %d published digests", len(digest.Table), len(ofABC))
	}
	for _, a := range digest.Table {
		t.Run(a.Name, func(t *testing.T) {
			if got := sumOf(a, "abc"); got != ofABC[a.Name] {
				t.Errorf("digest of \"abc\" = %s, want %s", got, ofABC[a.Name])
			}
			if size := a.New().Size(); size != a.Size || a.Size > digest.MaxSize {
				t.Errorf("size %d, hasher's %d, maximum %d", a.Size, size, digest.MaxSize)
			}
			if digest.ByName(a.Name) != a {
				t.Errorf("ByName(%q) is another row", a.Name)
			}
		})
	}
}

func TestTableIsOrderedBySize(t *testing.T) {
	last := 0
	for _, a := range digest.Table {
		if a.Size < last {
			t.Errorf("%s follows a longer digest", a.Name)
		}
		last = a.Size
	}
}

func TestBySize(t *testing.T) {
	for size, want := range map[int]string{
		4: "crc32", 8: "xxh64", 16: "md5", 20: "sha1", 28: "sha224", 32: "sha256", 48: "sha384", 64: "sha512",
	} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			if got := digest.BySize(size); got == nil || got.Name != want {
				t.Errorf("BySize = %v, want %s", got, want)
			}
		})
	}
}

func TestUnknownNamesAndSizes(t *testing.T) {
	for _, name := range []string{"", "SHA256", "sha-256", "crc", "blake2b-", "blake2b-0", "blake2b-520",
		"blake2b-9", "blake2b-0256", "blake2b-+8", "blake2b256", "blake2s-264", "sha256-256", "blake2b-256-256"} {
		t.Run(name, func(t *testing.T) {
			if a := digest.ByName(name); a != nil {
				t.Errorf("ByName = %s", a.Name)
			}
		})
	}
	for _, size := range []int{-1, 0, 1, 19, 21, 65} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			if a := digest.BySize(size); a != nil {
				t.Errorf("BySize = %s", a.Name)
			}
		})
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

		"B2SUMS":                 "blake2b",
		"b2sums.txt":             "blake2b",
		"a.iso.b2":               "blake2b",
		"a.iso.b2sum":            "blake2b",
		"lib2.txt":               "",
		"web2sums":               "",
		"b2b.txt":                "",
		"b2-b3.txt":              "",
		"B3SUMS":                 "blake3",
		"a.iso.b3":               "blake3",
		"b32.txt":                "",
		"a.blake3":               "blake3",
		"a.blake2b":              "blake2b",
		"a.blake2s":              "blake2s",
		"blake2sums.txt":         "", // probably blake2b, but it could be blake2s
		"BLAKE2SSUMS":            "blake2s",
		"a.blake2b-256":          "blake2b-256",
		"BLAKE2B256SUMS":         "blake2b-256",
		"a.blake2s_128.txt":      "blake2s-128",
		"blake2b-512.txt":        "blake2b",
		"blake2b-20260101.txt":   "blake2b",
		"blake2b7":               "",
		"a.sha3-256":             "sha3-256",
		"SHA3_512SUMS":           "sha3-512",
		"sha3-999":               "",
		"manifest-sha3256.txt":   "sha3-256",
		"a.sha512-256":           "sha512-256",
		"a.sha512_256":           "sha512-256",
		"a.sha512t256":           "sha512-256",
		"sha512-2560":            "sha512",
		"sha512-sha256":          "",
		"photos.sfv":             "crc32",
		"sfvtool.txt":            "",
		"a.crc32":                "crc32",
		"a.crc32c":               "crc32c",
		"a.bin.adler32":          "adler32",
		"ADLER-32SUMS":           "adler32",
		"a.adler":                "",
		"a.rmd160":               "ripemd160",
		"a.RIPEMD-160":           "ripemd160",
		"a.ripemd256":            "",
		"crc32checksums.txt":     "crc32",
		"crc32csums":             "crc32c",
		"a.xxh64":                "xxh64",
		"a.xxh3":                 "xxh3",
		"a.xxh128":               "xxh128",
		"a.xxh32":                "",
		"a.sm3":                  "sm3",
		"wasm3.txt":              "",
		"sm3sum.txt":             "sm3",
		"sha256.b3":              "",
		"md5sum.md5":             "md5",
		"blake2b-256 blake2b":    "",
		"blake2b-256.BLAKE2b256": "blake2b-256",
	} {
		t.Run(fmt.Sprintf("%.40q", name), func(t *testing.T) {
			got := ""
			if a := digest.NamedIn(name); a != nil {
				got = a.Name
			}
			if got != want {
				t.Errorf("NamedIn = %q, want %q", got, want)
			}
		})
	}
}
