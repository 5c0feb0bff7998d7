package manifest_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

const hex128 = hex64 + hex64

// lineSamples are the shapes of lines that several text formats have in common.
var lineSamples = []sample{
	{"Gentoo", "a.DIGESTS", "# BLAKE2B HASH\n" + hex128 + "  a\n# SHA512 HASH\n" + hex128 + "  a\n" + hex128 + "  b\n", "gnu",
		[]string{"2 blake2b a", "4 sha512 a", "5 sha512 b"}},
	{"Gentoo, inside PGP", "a.DIGESTS", pgpHead + "# BLAKE2B HASH\n" + hex128 + "  a\n" + pgpTail, "gnu", []string{"5 blake2b a"}},
	{"Gentoo, unknown algorithm", "a.DIGESTS", "# WHIRLPOOL HASH\n" + hex128 + "  a\n# FOO HASH\n" + hex128 + "  a\n" + std64 + "  a\n" +
		"SHA256 (c) = " + hex64 + "\nsha256:" + hex64 + "  d\n# SHA512 HASH\n" + hex128 + "  a\n", "gnu",
		[]string{`2! unknown algorithm "WHIRLPOOL"`, `4! unknown algorithm "FOO"`, `5! unknown algorithm "FOO"`, "6 sha256 c", "7 sha256 d", "9 sha512 a"}},
	{"Gentoo, other length", "a.DIGESTS", "# SHA512 HASH\n" + hex128 + "  a\n" + md5A + "  b\n", "gnu",
		[]string{"2 sha512 a", "3! expected 128 hex digits for sha512, found 32"}},
	{"a heading weaker than the name", "SHA256SUMS", "# MD5 HASH\n" + md5A + "  a\n# SHA512 HASH\n" + hex128 + "  b\n", "gnu",
		[]string{"2! md5 is weaker than sha256, the algorithm in the manifest's name", "4 sha512 b"}},
	{".NET", "8.0.1-sha.txt", "Hash: SHA512\r\n\r\n" + hex128 + "  a\r\n", "gnu", []string{"3 sha512 a"}},
	{".NET, unknown algorithm", "8.0.1-sha.txt", "Hash: WHIRLPOOL\n\n" + hex128 + "  a\n", "gnu", []string{`3! unknown algorithm "WHIRLPOOL"`}},
	{"the name of an unknown algorithm", "a.whirlpool", hex128 + "  a\n", "gnu", []string{`1! unknown algorithm "whirlpool"`}},
	{"the same in capitals", "TIGERSUMS.txt", hex128[:48] + "  a\n", "gnu", []string{`1! unknown algorithm "TIGER"`}},
	{"a digest only, of the same", "a.iso.md4", hex128[:32] + "\n", "sidecar", []string{`1! unknown algorithm "md4"`}},
	{"a file that is called like one", "tiger.jpg.sums", hex64 + "  a\n", "gnu", []string{"1 sha256 a"}},
	{"headings", "x", "SHA3-256:\n" + hex64 + "  a\n\nblake2b sums\n" + hex128 + "  b\nMD5:\n" + md5A + "  c\n# sha1sums\n" + sha1A + "  d\n", "gnu",
		[]string{"2 sha3-256 a", "5 blake2b b", "7 md5 c", "9 sha1 d"}},
	{"a heading at the end", "x", hex64 + "  a\nSHA512:\n# foo\n", "gnu", []string{"1 sha256 a", "4! truncated: no digest after the heading"}},
	{"a heading at the end, names first", "x", "a " + hex64 + "\nSHA512:\n", "name-first", []string{"1 sha256 a", "3! truncated: no digest after the heading"}},
	{"what is left of a tag", "x", "SHA256 (a) = " + hex64 + "\nSHA256", "bsd", []string{"1 sha256 a", "2! expected a digest and a file name"}},
	{"a heading without its end", "x", "# SHA512 HASH\n" + hex128 + "  a\n# SHA512 HASH " + hex128 + "  b\n", "gnu", []string{"2 sha512 a",
		"3! a comment with a digest in it, which could be an entry"}},
	{"headings that are none", "x", "Hash: " + sha1A + "\n# foo\nFiles:\nHash: x\nSHA:\n" + md5A + "  a\n", "name-first", []string{
		"1 sha1 Hash:", "3! expected a file name and a digest", "4! expected the hex digest of a known algorithm at the end of the line",
		"5! expected a file name and a digest", "6! expected the hex digest of a known algorithm at the end of the line"}},
	{"a heading above names first", "x", "SHA3-256:\na  " + hex64 + "\n", "name-first", []string{"2 sha3-256 a"}},
	{"a heading above a pipe table", "x", "## BLAKE3\n" + hex64 + " | a\n", "pipe", []string{"2 blake3 a"}},
	{"a heading above a sidecar", "a.txt", "# SM3 HASH\n" + hex64 + "\n", "sidecar", []string{"2 sm3 a"}},
	{"an unknown heading above a sidecar", "a.iso.txt", "# TIGER HASH\n" + hex64 + "\n", "sidecar", []string{`2! unknown algorithm "TIGER"`}},
	{"a heading in a bag", "manifest-sha256.txt", "SHA512:\n" + hex64 + " a\n", "gnu", []string{"2! expected 128 hex digits for sha512, found 64"}},

	{"aligned tags", "CHECKSUM", "MD5   (a) = " + md5A + "\nSHA1  (b) = " + sha1A + "\nSHA1  (c)= " + sha1A + "\n", "bsd",
		[]string{"1 md5 a", "2 sha1 b", "3 sha1 c"}},
	{"xxhsum", "x", "XXH3_" + hex16 + "  a\nxxh3_" + hex16 + "  b\nXXH64_" + hex16 + "  c\n" + hex16 + "  d\nXXH3_" + hex16[1:] + "  e\n", "gnu",
		[]string{"1 xxh3 a", "2 xxh3 b", "3! expected a hex digest at the beginning of the line", "4 xxh64 d",
			"5! expected 16 hex digits for xxh3, found 15"}},
	{"FSUM", "a.sha256", hex64 + " ?SHA256*a\n" + sha1A + " ?SHA1*a\n" + hex64 + " ?BLAKE3*c d\n" + hex64 + " ?SHA512*a\n" + hex64 + " ?TIGER*a\n" +
		hex64 + " ?foo*a\n" + hex64 + "  ?SHA1*a\n", "gnu", []string{"1 sha256 a", "2! sha1 is weaker than sha256, the algorithm in the manifest's name",
		"3 blake3 c d", "4! expected 128 hex digits for sha512, found 64", `5! unknown algorithm "TIGER"`, "6 sha256 ?foo*a", "7 sha256  ?SHA1*a"}},
	{"prefixed", "x", "sha256:" + hex64 + "  a\nmd5:" + md5A + " *b\nsha512-256:" + sha512256 + "  c\nsha512:" + hex128 + "  d\n", "gnu",
		[]string{"1 sha256 a", "2 md5 b", "3 sha512-256 c", "4 sha512 d"}},
	{"prefixed, bad lines", "SHA256SUMS", "md5:" + md5A + "  a\nsha256:" + md5A + "  b\ntiger:" + hex64 + "  c\nfoo:" + hex64 + "  d\nsha256:  e\n:" + hex64 +
		"  f\nsha256:" + hex64 + "0  g\n", "gnu", []string{"1! md5 is weaker than sha256, the algorithm in the manifest's name",
		"2! expected 64 hex digits for sha256, found 32", `3! unknown algorithm "tiger"`, "4! expected a hex digest at the beginning of the line",
		`5! expected 64 hex digits for sha256, found ""`, "6! expected a hex digest at the beginning of the line",
		"7! expected 64 hex digits for sha256, found 65"}},
	{"SRI", "x", "sha256-" + std64 + "  a\nsha512-" + std64 + "  b\nsha256-" + std64 + "?opt  c\n", "gnu", []string{"1 sha256 a",
		`2! expected 128 hex digits for sha512, found "` + std64[:40] + `"`,
		`3! expected 64 hex digits for sha256, found "` + std64[:40] + `"`}},
	{"prefixed, alone", "a.bin.sha256", "sha256:" + hex64 + "\n", "sidecar", []string{"1 sha256 a.bin"}},
	{"prefixed, alone, weaker", "a.bin.sha256", "md5:" + md5A + "\n", "sidecar", []string{"1! md5 is weaker than sha256, the algorithm in the manifest's name"}},
	{"SRI, alone", "a.bin.txt", "sha384-" + base64.StdEncoding.EncodeToString(make([]byte, 48)) + "\n", "sidecar", []string{"1 sha384 a.bin"}},
	{"sidecar with a tag", "a.bin.sha", "SHA1: " + sha1A + "\n", "sidecar", []string{"1 sha1 a.bin"}},
	{"sidecar with a tag, equals sign", "a.bin.txt", "SHA3-256 = " + hex64 + "\n", "sidecar", []string{"1 sha3-256 a.bin"}},
	{"sidecar by length", "a.bin.sha", sha1A + "\n", "sidecar", []string{"1 sha1 a.bin"}},
	{"sidecar, standard input by length", "a.bin.sha", sha1A + "  -\n", "sidecar", []string{"1 sha1 a.bin"}},
	{"sidecar of OpenSSL", "a.bin.sha256", "SHA2-256(stdin)= " + hex64 + "\n", "sidecar", []string{"1 sha256 a.bin"}},
	{"sidecar of OpenSSL, old", "a.bin.sha256", "(stdin)= " + hex64 + "\n", "sidecar", []string{"1 sha256 a.bin"}},
	{"sidecar of cksum", "a.bin.sha256", "SHA256 (-) = " + hex64 + "\n", "sidecar", []string{"1 sha256 a.bin"}},
	{"a file called stdin", "CHECKSUM", "SHA256 (stdin) = " + hex64 + "\n", "bsd", []string{"1 sha256 stdin"}},

	{"semicolons", "sums.md5", "; MD5 checksums generated by TeraCopy\n; teracopy.com\n\n// by hand\n" + md5A + " *a\n;\n", "gnu", []string{"5 md5 a"}},
	{"semicolons above tags", "x", "; FSUM\nMD5 (a) = " + md5A + "\n; b\n", "bsd", []string{"2 md5 a"}},
	{"a digest behind a semicolon", "sums.md5", md5A + " *a\n; " + md5A + " *b\n// MD5 (c) = 00\n;c " + sha1A + "\n", "gnu", []string{"1 md5 a",
		"2! a comment with a digest in it, which could be an entry", "3! a comment with a digest in it, which could be an entry",
		"4! a comment with a digest in it, which could be an entry"}},
	{"a digest behind a semicolon, names first", "x", "; by hand\na " + md5A + "\n;b " + md5A + "\n//c/d " + md5A + "\n; " + md5A + "\n// e " + md5A[1:] + "\n",
		"name-first", []string{"2 md5 a", "3 md5 ;b", "4 md5 //c/d", "5 md5 ;", "6! a comment with a digest in it, which could be an entry"}},
	{"a name that could be a comment", "x", "a " + md5A + "\n#b " + md5A + "\n# b " + md5A + "\n# on 20260102\n#c " + crcA + "\n", "name-first", []string{"1 md5 a",
		`2! a comment, or a file whose name begins with "#"`, `3! a comment, or a file whose name begins with "#"`,
		`5! a comment, or a file whose name begins with "#"`}},
	{"a name that could be a comment of SFV", "x.sfv", "a " + crcA + "\n; on 20260102\n;b " + crcA + "\n", "sfv", []string{"1 crc32 a",
		`3! a comment, or a file whose name begins with ";"`}},
	{"digests of .NET and Nix behind a semicolon", "sums.md5", md5A + " *a\n; D5" + strings.Repeat("-8A", 15) + " *b\n; sha256:" +
		strings.Repeat("1zyx", 13) + " c\n", "gnu", []string{"1 md5 a", "2! a comment with a digest in it, which could be an entry",
		"3! a comment with a digest in it, which could be an entry"}},
	{"a semicolon in a sidecar", "a.md5", "; x\n" + md5A + "\n; " + md5A + "\n", "sidecar", []string{"2 md5 a", "3! a comment with a digest in it, which could be an entry"}},
}

func init() { samples = append(samples, lineSamples...) }

func TestLooksLikeDigest(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                       false,
		"These are the MD5 message digests.":     false,
		"MD5 message digest       Filename":      false,
		"-----------------------------------":    false,
		"Released on 2026-11-28 at 12:34:56":     false,
		"; Generated by WIN-SFV32 v1.1a":         false,
		"; 29  17:31.17 2026-11-28 b c.bin":      false,
		"aa:bb:cc:dd:ee:00:11:22":                true,
		"built 20261128 from the tag v1.2.3":     false,
		"see https://example.org/a/b?c=d":        false,
		"fingerprint of 0x1234":                  false,
		"a deaf cafe added a facade":             false,
		"a " + hex16:                             true,
		"a" + hex16:                              true,
		"(" + sha1A + ").":                       true,
		"name f817a89":                           true, // a CRC-32 without its last digit
		"commit 1a2b3c4":                         true,
		"a " + std64:                             true,
		"a " + url64:                             true,
		"sha256-x":                               true,
		"a: 5B BF 5A 00":                         true,
		"a: 55555555 55555555 55555555 55555555": true,
		"5B BF 5A":                               false,
		"MD5 (a) = ":                             true,
		"a D5" + strings.Repeat("-8A", 15):       true, // as BitConverter of .NET writes MD5
		"a D5" + strings.Repeat("-8A", 14):       false,
		"a sha256:" + strings.Repeat("1bzq", 13): true, // base 32 of Nix
		"a sha256-" + strings.Repeat("zyxw", 6):  true,
		"MD5: " + strings.Repeat("zyxw", 6):      true,
		"sha256:" + strings.Repeat("z", 23):      false,
		"note:" + strings.Repeat("zyxw", 6):      false,
		"FOO (a) = x":                            true,
		"0000000000000000":                       true,
		strings.Repeat("facade ", 2) + "facade":  false,
	} {
		t.Run(text, func(t *testing.T) {
			if got := manifest.LooksLikeDigest([]byte(text)); got != want {
				t.Errorf("got %t", got)
			}
		})
	}
}

// An algorithm that a heading names does not depend on what the caller asks for, but must not be weaker.
func TestHeadingsAndTheAlgorithmAskedFor(t *testing.T) {
	text := "# SHA512 HASH\n" + hex128 + "  a\n# MD5 HASH\n" + md5A + "  a\n"
	reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: "x", Algorithm: digest.ByName("sha256")})
	if err != nil {
		t.Fatal(err)
	}
	e, err := reading.Next()
	if err != nil || e.Algorithm.Name != "sha512" || e.Assumed {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := reading.Next(); err == nil || !strings.Contains(err.Error(), "md5 is weaker than sha256") {
		t.Errorf("%v", err)
	}
}
