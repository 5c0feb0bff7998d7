package manifest_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

const (
	sha256A   = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
	sha512256 = "455e518824bc0601f9fb858ff5c37d417d67c2f8e0df2babe4808858aea830f8"
	sha512A   = "1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75"
	crcA      = "e8b7be43"
	pgpHead   = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n"
	pgpTail   = "-----BEGIN PGP SIGNATURE-----\n\niQIzBAEBCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n"
)

// inBase64 converts a digest from hex to base64.
func inBase64(encoding *base64.Encoding, digits string) string {
	sum, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return encoding.EncodeToString(sum)
}

var (
	std64     = inBase64(base64.StdEncoding, sha256A)
	url64     = inBase64(base64.RawURLEncoding, sha256A)
	signature = "untrusted comment: verify with k.pub\n" +
		base64.StdEncoding.EncodeToString([]byte("Ed"+strings.Repeat("k", 72))) + "\n"
	release = "Origin: Debian\nLabel: d\nDescription: a\n b c\nDate: Sat, 09 Nov 2024 10:07:13 UTC\n"
)

type sample struct {
	name, fileName, text, format string
	want                         []string // as readAll returns them
}

var samples = []sample{
	{"BSD", "x", "SHA256 (a b) = " + sha256A + "\nMD5 (c) = " + md5A + "\n", "bsd", []string{"1 sha256 a b", "2 md5 c"}},
	{"BSD, odd names", "x", "SHA1 (a) = b) = " + sha1A + "\n\\SHA1 (a\\nb) = " + sha1A + "\n", "bsd",
		[]string{"1 sha1 a) = b", "2 sha1 a\nb"}},
	{"BSD with GNU lines", "x", "# c\nSHA1 (a) = " + sha1A + "\n" + sha1A + "  b\n", "bsd", []string{"2 sha1 a", "3 sha1 b"}},
	{"GNU with BSD lines", "MD5SUMS", md5A + "  b\nSHA1 (a) = " + sha1A + "\n", "gnu", []string{"1 md5 b", "2 sha1 a"}},
	{"BSD, bad lines", "x", "SHA1 (a) = " + sha1A + "\nWHIRLPOOL (a) = 00\nSHA1 (a) = " + md5A + "\nSHA1 () = " + sha1A +
		"\n\\SHA1 (a\\x) = " + sha1A + "\nHMAC-SHA1 (a) = " + sha1A + "\nSHA1 (a) " + sha1A + "\n", "bsd", []string{"1 sha1 a",
		`2! unknown algorithm "WHIRLPOOL"`, "3! expected 40 hex digits for sha1, found 32",
		"4! no file name between the parentheses", `5! unknown escape \x in the file name, expected \\, \n or \r`,
		`6! unknown algorithm "HMAC-SHA1"`, "7! expected a hex digest at the beginning of the line"}},
	{"tags with a length", "x", "BLAKE2b-256 (a) = " + sha256A + "\nSHA3-256 (b) = " + sha256A + "\nSHA512/256 (c) = " + sha512256 + "\n",
		"bsd", []string{"1 blake2b-256 a", "2 sha3-256 b", "3 sha512-256 c"}},
	{"OCFL", "inventory.json", "{\"manifest\": {\n\"" + sha256A + "\": [\"v1/content/a\",\n\"v1/content/b\"],\n\"00\": [\"c\"]},\n" +
		"\"digestAlgorithm\": \"sha256\",\n\"fixity\": {\"md5\": {\"" + md5A + "\": [\"v1/content/a\"]},\n\"x9\": {\"00\": [\"a\"]}}, \"x\": 1}",
		"ocfl", []string{`7! E102: unknown key "x"`, "2 sha256 v1/content/a", "3 sha256 v1/content/b",
			"4! E030: expected a sha256 digest of 64 hex digits", "6 md5 v1/content/a",
			`7! the fixity block's digests by the unknown algorithm "x9" were not compared`}},
	{"OCFL, without an algorithm", "inventory.json", `{"manifest": {}, "type": "https://ocfl.io/1.0/spec/#inventory"}`, "ocfl",
		[]string{`1! E025: unknown digestAlgorithm "", expected sha512 or sha256`}},
	{"OCFL, truncated", "inventory.json", "{\"digestAlgorithm\": \"sha256\",\n\"manifest\": {", "ocfl",
		[]string{"2! E033: truncated: the JSON document has no end"}},
	{"OCI", "index.json", "{\"schemaVersion\": 2, \"manifests\": [\n{\"digest\": \"sha256:" + sha256A + "\", \"size\": 1},\n" +
		"{\"digest\": \"x:00\", \"size\": 1}]}", "oci", []string{"2 sha256 blobs/sha256/" + sha256A + " 1", `3! unknown algorithm "x"`}},
	{"OCI, truncated", "index.json", "{\"schemaVersion\": 2, \"manifests\": [\n", "oci",
		[]string{"2! truncated: the JSON document has no end"}},
	{"base64", "x", "SHA256 (a) = " + std64 + "\nSHA256 (b) = " + sha256A + "\n", "base64", []string{"1 sha256 a", "2 sha256 b"}},
	{"base64 as long as hexadecimal", "x", "CRC32 (a) = 9NvfIQ==\nCRC32 (b) = f4dbdf21\n", "base64", []string{"1 crc32 a", "2 crc32 b"}},
	{"base64 without a tag", "x", std64 + "  a\n", "gnu", []string{"1 sha256 a"}},
	{"OpenSSL", "x", "SHA256(a)= " + sha256A + "\nSHA2-256(b (1).c)= " + sha256A + "\n", "openssl",
		[]string{"1 sha256 a", "2 sha256 b (1).c"}},
	{"shorter digests of BLAKE2", "B2SUMS", sha256A + "  a\n" + sha512256 + sha256A + "  b\n", "gnu",
		[]string{"1 blake2b-256 a", "2 blake2b b"}},
	{"a word is not a short digest in base64", "B2SUMS", "this means nothing\n" + sha256A + "  a\n", "gnu",
		[]string{"1! expected a hex digest at the beginning of the line", "2 blake2b-256 a"}},
	{"the manifest's name selects among digests of one length", "B3SUMS", sha256A + "  a\n", "gnu", []string{"1 blake3 a"}},

	{"UTF-16", "x", inUTF16(false, sha1A+"  \u00e9\U0001f600\r\n"), "gnu", []string{"1 sha1 \u00e9\U0001f600"}},
	{"UTF-16, big-endian", "x", inUTF16(true, sha1A+"  \u00e9\n\n"+sha1A+"  b"), "gnu", []string{"1 sha1 \u00e9", "3 sha1 b"}},
	{"UTF-16, unpaired surrogate", "x", inUTF16(false, sha1A+"  a") + "\x00\xd8\n\x00", "gnu", []string{"1 sha1 a\xed\xa0\x80"}},
	{"UTF-16, truncated", "x", inUTF16(false, sha1A+"  a\n"+sha1A+"  b") + "c", "gnu", []string{
		"1 sha1 a", "2! the manifest ends in the middle of a UTF-16 character"}},
	{"UTF-16, NUL", "x", inUTF16(false, sha1A+"  a\x00"), "gnu", []string{"1! contains a NUL byte"}},

	{"sidecar", "disc.iso.sha256", sha256A + "\n", "sidecar", []string{"1 sha256 disc.iso"}},
	{"sidecar, leading space", "disc.iso.sha256.txt", "\n " + strings.ToUpper(sha256A), "sidecar", []string{"2 sha256 disc.iso"}},
	{"sidecar, standard input", "disc.iso.sha256", sha256A + " *-\n", "sidecar", []string{"1 sha256 disc.iso"}},
	{"a file called -", "SHA256SUMS", sha256A + "  -\n", "gnu", []string{"1 sha256 -"}},
	{"a file called - among others", "x.sha256", sha256A + "  -\n" + sha256A + "  b\n", "gnu", []string{"1 sha256 -", "2 sha256 b"}},
	{"a file called by a space", "x.sha256", sha256A + "   ", "gnu", []string{"1 sha256  "}},
	{"a digest without a name", "x.sha256", sha256A + "  \n", "gnu", []string{"1! no file name after the digest"}},
	{"sidecar not named after a file", "SHA256SUMS", sha256A + "\n", "sidecar", []string{
		"1! no file name, and the manifest is not named after a file, as in name.sha256"}},
	{"sidecar not named after a file, hidden", ".sha256", sha256A + "\n", "sidecar", []string{
		"1! no file name, and the manifest is not named after a file, as in name.sha256"}},
	{"two digests without names", "a.sha256", sha256A + "\n" + sha256A + "\n", "gnu", []string{
		"1! expected a digest and a file name", "2! expected a digest and a file name"}},

	{"name first", "x", "# c\na b \t" + sha1A + "\nc  " + md5A + "\n", "name-first", []string{"2 sha1 a b", "3 md5 c"}},
	{"name first, bad lines", "x", "a " + sha1A + "\n" + sha1A + "\nb " + sha1A[1:] + "\nSHA1(a)= " + sha1A + "\n", "name-first",
		[]string{"1 sha1 a", "2! expected a file name and a digest", "3! expected the hex digest of a known algorithm at the end of the line",
			"4! expected a file name and a digest, found a line with a tag"}},
	{"SFV", "x", "; by hand\na b.txt E8B7BE43\nc\t" + crcA + "\n", "sfv", []string{"2 crc32 a b.txt", "3 crc32 c"}},
	{"SFV that resembles GNU", "x.sfv", crcA + "  " + crcA + "\n", "sfv", []string{"1 crc32 " + crcA}},
	{"GNU that resembles SFV", "x", crcA + "  " + crcA + "\n", "gnu", []string{"1 crc32 " + crcA}},
	{"SFV, bad lines", "x.sfv", "a " + crcA + "\nb " + crcA[1:] + "\n" + crcA + "\nb " + sha1A + "\nCRC32 (a) = " + crcA + "\n", "sfv",
		[]string{"1 crc32 a", "2! expected 8 hex digits at the end of the line", "3! expected a file name and a digest",
			"4! expected 8 hex digits at the end of the line", "5! expected a file name and a digest, found a line with a tag"}},
	{"pipe", "x", sha1A + " | a b\n" + md5A + "     | c\n", "pipe", []string{"1 sha1 a b", "2 md5 c"}},
	{"pipe, bad lines", "x", sha1A + " | a\n" + sha1A + " |  b\n" + sha1A + " | b \n" + sha1A + "  b\n" + sha1A + " | \n", "pipe", []string{
		"1 sha1 a", "2! the file name is empty, or begins or ends with a blank",
		"3! the file name is empty, or begins or ends with a blank",
		`4! expected "<digest> | <file name>"`,
		"5! the file name is empty, or begins or ends with a blank"}},

	{"hashdeep", "x", "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /\n## \n1," + md5A + "," + sha256A + ",./a,b\n",
		"hashdeep", []string{"5 md5 ./a,b 1", "5 sha256 ./a,b 1"}},
	{"hashdeep, bad lines", "x", "%%%% HASHDEEP-1.0\n1," + md5A + ",a\n%%%% size,md5,tiger,filename\n1," + md5A + ",00,a\n1," + md5A +
		",a\n-1," + md5A + ",0,a\n1,0,0,a\n%%%% size,filename\n%%%% x\n", "hashdeep", []string{
		"2! no header that names the columns before this line", `3! unknown algorithm "tiger": its column is not verified`,
		"4 md5 a 1", "5! expected a size, 2 digests and a file name", `6! expected a size in bytes, found "-1"`,
		"7! expected 32 hex digits for md5, found 1",
		`8! expected "size", algorithms and "filename" in the header`, "9! unknown hashdeep header"}},

	{"BagIt", "manifest-sha256.txt", sha256A + " data/a%0D%0a%25%7E\n" + sha256A + "\t  *data/b\n", "bagit",
		[]string{"1 sha256 data/a\r\n%%7E", "2 sha256 data/b"}},
	{"BagIt, tag manifest", "tagmanifest-sha3256.txt", sha256A + " bagit.txt\n", "bagit", []string{"1 sha3-256 bagit.txt"}},
	{"BagIt, bad lines", "manifest-md5.txt", md5A + " data/%250A\n" + sha1A + " data/b\n" + md5A + "\n" + md5A + " *\n# c\n", "bagit", []string{
		"1 md5 data/%0A", "2! expected 32 hex digits for md5, found 40",
		"3! expected a digest and a file name", "4! no file name after the digest", "5! expected a hex digest at the beginning of the line"}},
	{"GNU with percent signs", "SHA1SUMS", sha1A + "  data/a%0D\n", "gnu", []string{"1 sha1 data/a%0D"}},
	{"dpkg", "base-files.md5sums", md5A + "  usr/bin/a\n" + md5A + "  usr/share/b\n", "dpkg", []string{"1 md5 usr/bin/a", "2 md5 usr/share/b"}},
	{"not dpkg", "release.md5sums", md5A + "  disc.iso\n", "gnu", []string{"1 md5 disc.iso"}},

	{"Release", "Release", release + "MD5Sum:\n " + md5A + "        1 main/a\nSHA256:\n " + sha256A + " 1 main/a b\n", "release",
		[]string{"7 md5 main/a 1", "9 sha256 main/a b 1"}},
	{"Release, bad lines", "Release", release + "SHA256:\n " + sha256A + " 1 a\n " + md5A + " 1 a\n x\nTiger:\n " + md5A +
		" 1 a\nSHA1: x\nhello\n", "release", []string{"7 sha256 a 1",
		"8! expected 64 hex digits for sha256, found 32", "9! expected a digest, a size and a file name",
		`11! unknown algorithm "Tiger"`, "12! expected the digests on the lines after the colon",
		"13! expected a field or a continuation line"}},
	{"Release, digests passed over", "Release", release + "Signed-By:\n " + sha1A + "\n " + sha1A + "!\nSHA1:\n " + sha1A + " 1 a\nSHA-256-Digest:\n " + sha256A + " b\n " + std64 +
		" b\n x " + sha256A + "\nX: " + sha256A + " 1 b\nSigned-By: " + sha1A + "\n", "release", []string{"10 sha1 a 1", `12! unknown algorithm "SHA-256-Digest"`,
		`13! unknown algorithm "SHA-256-Digest"`, `14! unknown algorithm "SHA-256-Digest"`, `15! unknown algorithm "X"`}},
	{"InRelease", "InRelease", pgpHead + release + "SHA1:\n " + sha1A + " 1 a\n" + pgpTail, "release", []string{"10 sha1 a 1"}},

	{"distinfo, FreeBSD", "distinfo", "TIMESTAMP = 1711722453\nSHA256 (d/a b) = " + sha256A + "\nSIZE (d/a b) = 1\n", "distinfo",
		[]string{"2 sha256 d/a b 1"}},
	{"distinfo, OpenBSD", "distinfo", "SHA256 (a) = " + std64 + "\nSHA256 (b) = " + std64 + "\nSIZE (a) = 1\nSIZE (b) = 2\n", "distinfo",
		[]string{"1 sha256 a 1", "2 sha256 b 2"}},
	{"distinfo, pkgsrc", "x", "$NetBSD: distinfo,v 1.2 2024/01/02 03:04:05 a Exp $\n\nSize (a) = 1 bytes\nMD5 (a) = " + md5A +
		"\nBLAKE2s (a) = " + sha256A + "\nRMD1 (a) = " + sha1A + "\nSHA1 (patch-aa) = " + sha1A + "\n", "distinfo", []string{"4 md5 a 1", "5 blake2s a 1",
		`6! unknown algorithm "RMD1"`,
		"7! no digest of this file: that of a pkgsrc patch is of its lines without $NetBSD, and cannot be verified"}},
	{"distinfo, a file called patch", "x", "TIMESTAMP = 1\nSHA1 (patch-aa) = " + sha1A + "\n", "distinfo", []string{"2 sha1 patch-aa"}},
	{"distinfo, bad lines", "distinfo", "SHA1 (a) = " + sha1A + "\nSIZE (b) = 1\nSIZE (a) = 1\nSIZE (a) = 2\nSIZE (a) = x\nSIZE (a) = 1\nSHA1 (a) = " +
		sha1A[1:] + "\nhello\nTIMESTAMP = x\nSHA1 (c\x00) = 1\nSIZE (a) = 99999999999999999999\n", "distinfo", []string{"1 sha1 a 1", "2! no digest of this file",
		"4! contradicts line 3: another size of the same file", `5! unknown algorithm "SIZE"`, "7! expected 40 hex digits for sha1, found 39",
		"8! expected a digest or a size with a tag", "9! expected a digest or a size with a tag", "10! contains a NUL byte",
		`11! expected a size in bytes, found "99999999999999999999"`}},
	{"distinfo, only a size", "distinfo", "SIZE (a) = 1\n", "distinfo", []string{"1! no digest of this file"}},
	{"distinfo, the same file twice", "distinfo", "SHA1 (a) = " + sha1A + "\nSHA1 (a) = " + sha1A + "\nSIZE (a) = 1\n", "distinfo",
		[]string{"1 sha1 a 1", "2 sha1 a 1"}},

	{"Gentoo", "Manifest", "AUX a.patch 1 SHA512 " + sha512A + "\nDIST a-1.tar.gz 2 BLAKE2B " + sha512A + " SHA512 " + sha512A + "\nEBUILD a-1.ebuild 3 SHA256 " +
		sha256A + "\nMISC metadata.xml 4 SHA256 " + sha256A + "\n", "gentoo", []string{"1 sha512 files/a.patch 1", "2 blake2b a-1.tar.gz 2",
		"2 sha512 a-1.tar.gz 2", "3 sha256 a-1.ebuild 3", "4 sha256 metadata.xml 4"}},
	{"Gentoo, GLEP 74", "x", pgpHead + "IGNORE distfiles\nTIMESTAMP 2017-10-30T10:11:12Z\nOPTIONAL ChangeLog\nMANIFEST a/Manifest.gz 1 SHA256 " + sha256A +
		"\nDATA a\\x20b\\u00e9\\U0001F600 2 SHA256 " + sha256A + "\n" + pgpTail, "gentoo", []string{"7 sha256 a/Manifest.gz 1", "8 sha256 a b\u00e9\U0001f600 2"}},
	{"Gentoo, unknown algorithms", "x", "DIST a 1 TIGER 00 SHA256 " + sha256A + " WHIRLPOOL 00\nDIST b 1 TIGER 00\n", "gentoo",
		[]string{`1! unknown algorithm "TIGER"`, "1 sha256 a 1", `2! unknown algorithm "TIGER"`}},
	{"Gentoo, bad lines", "x", "DATA a 1 SHA256 " + sha256A + "\nDATA a 1\nDATA a 1 SHA256\nDATA a x SHA256 " + sha256A + "\nDATA a 1 SHA256 " + sha256A[1:] +
		"\nDATA a\\x0 1 SHA256 " + sha256A + "\nDATA a\\x00 1 SHA256 " + sha256A + "\nDATA a\\n 1 SHA256 " + sha256A + "\nDIST a/b 1 SHA256 " + sha256A +
		"\nIGNORE\nIGNORE a b\nTIMESTAMP now\nDATA\nFILE a 1 SHA256 " + sha256A + "\ndata a 1\n", "gentoo", []string{"1 sha256 a 1", "2! no digest of this file",
		"3! expected a name, a size, and pairs of an algorithm and a digest", `4! expected a size in bytes, found "x"`,
		"5! expected 64 hex digits for sha256, found 63", `6! unknown escape in the file name, expected \xHH, \uHHHH or \UHHHHHHHH`,
		`7! unknown escape in the file name, expected \xHH, \uHHHH or \UHHHHHHHH`, `8! unknown escape in the file name, expected \xHH, \uHHHH or \UHHHHHHHH`,
		"9! the name of a DIST file must not contain a slash", "10! expected a name without blanks", "11! expected a name without blanks",
		"12! expected a time, as in 2024-03-29T14:47:33Z", "13! expected a name, a size, and pairs of an algorithm and a digest",
		`14! unknown tag "FILE"`, `15! unknown tag "data"`}},
	{"Gentoo, nothing but a name", "Manifest", "DIST a\n", "gentoo", []string{"1! expected a name, a size, and pairs of an algorithm and a digest"}},
	{"not Gentoo", "Manifest", sha256A + "  a\n", "gnu", []string{"1 sha256 a"}},

	{"dsc", "a_1.dsc", "Format: 3.0 (quilt)\nSource: a\nPackage-List:\n a deb x optional\nChecksums-Sha256:\n " + sha256A + " 1 a_1.tar.gz\nFiles:\n " + md5A +
		" 1 a_1.tar.gz\n", "dsc", []string{"6 sha256 a_1.tar.gz 1", "8 md5 a_1.tar.gz 1"}},
	{"dsc, signed", "a_1.dsc", pgpHead + "Source: a\nFiles:\n " + md5A + " 1 a\n" + pgpTail, "dsc", []string{"6 md5 a 1"}},
	{"changes", "a_1.changes", "Source: a\nFiles:\n " + md5A + " 1 libs/x optional a_1.deb\n", "dsc", []string{"3 md5 a_1.deb 1"}},
	{"Sources", "Sources", "# c\nPackage: a\nFiles:\n " + md5A + " 1 a.dsc\nDirectory: pool/a\nChecksums-Sha1:\n " + sha1A + " 1 a.dsc\n\n\nPackage: b\nFiles:\n " +
		md5A + " 2 b.dsc\n", "dsc", []string{"4 md5 pool/a/a.dsc 1", "7 sha1 pool/a/a.dsc 1", "12 md5 b.dsc 2"}},
	{"dsc, bad lines", "x", "Files:\n " + md5A + " 1 a\n " + md5A + " 1 s p b c\n " + md5A + "\n x 1 d\n " + md5A + " x e\nhello\nChecksums-Tiger:\n 00 1 a\nFiles: x\n",
		"dsc", []string{"2 md5 a 1", "3! expected a digest, a size and a file name", "4! expected a digest, a size and a file name",
			`5! expected 32 hex digits for md5, found "x"`, `6! expected a size in bytes, found "x"`, "7! expected a field or a continuation line",
			`8! unknown algorithm "tiger"`, "10! the field was there before"}},
	{"dsc, lists that differ", "x", "Checksums-Sha256:\n " + sha256A + " 1 a\nFiles:\n " + md5A + " 1 a\n " + md5A + " 1 b\n", "dsc",
		[]string{`1! no digest of "b", which "files" lists`, "2 sha256 a 1", "4 md5 a 1", "5 md5 b 1"}},
	{"dsc, truncated", "x", "Files:\n " + md5A + " 1 a\nBuild-Origin: De", "dsc", []string{"2 md5 a 1", "4! truncated: the last line has no end"}},
	{"dsc, a misspelt field", "x", "Checksum-Sha256:\n " + sha256A + " 1 a\nFiles:\n " + md5A + " 1 a\n", "dsc",
		[]string{`2! a digest in the field "checksum-sha256", which lists no files`, "4 md5 a 1"}},
	{"dsc, digests passed over", "x", "Dgit: " + sha1A + " debian\nGit-Tag-Info: tag=" + sha1A + " fp=" + sha1A + "\nDescription:\n " + sha1A + "\nFiles:\n " + md5A + " 1 a\nChecksum-Sha256:\n " + sha256A +
		" a\nX: " + sha256A + " 1 a\nY: " + std64 + "\nChanges:\n " + sha1A + " x\nZ: x " + sha1A + "\n", "dsc", []string{"6 md5 a 1",
		`8! a digest in the field "checksum-sha256", which lists no files`, `9! a digest in the field "x", which lists no files`,
		`10! a digest in the field "y", which lists no files`}},
	{"dsc, a stanza without files", "x", "Package: a\nFiles:\n " + md5A + " 1 a\n\nPackage: b\n", "dsc", []string{"3 md5 a 1",
		"5! no digest of this file: the stanza lists no file"}},
	{"Packages", "Packages", "Package: a\nDescription: x\n y\nFilename: pool/a.deb\nSize: 1\nMD5sum: " + md5A + "\nDescription-md5: " + md5A + "\nSHA256: " + sha256A +
		"\n\nPackage: b\nSHA1: " + sha1A + "\nFilename: ./b.deb\n", "packages", []string{"6 md5 pool/a.deb 1", "8 sha256 pool/a.deb 1", "11 sha1 ./b.deb"}},
	{"Packages, bad lines", "x", "Filename: a\nSHA1: " + sha1A + "\n\nPackage: b\nSHA1: " + sha1A + "\n\nFilename: c\nSize: 1\n\nFilename: d\nSize: x\nSHA1: " + md5A +
		"\n\nhello\nFilename: e\nFilename: e\nSHA1: " + sha1A + "\n x\n", "packages", []string{"2 sha1 a", "4! the stanza has no Filename",
		"7! no digest of this file", `11! expected a size in bytes, found "x"`, "12! expected 40 hex digits for sha1, found 32",
		"14! expected a field or a continuation line", "16! the field was there before", "17! expected a digest on one line"}},

	{"Packages, digests passed over", "x", "Package: a\nVersion: 1.0+git" + sha1A + "\nHomepage: https://x.example/" + sha1A + "\nBuild-Ids: " + sha1A + "\nDescription: " + md5A + "\n " + md5A +
		" 1 x\nDepends: a-package-of-22-letter, application/javascript (= 1)\nFilename: a\nSHA1: " + sha1A + "\nSHA256-Digest: " + sha256A + "\nX: sha256:" + sha256A + "\nY: sha256=" + sha256A + "\nZ: " + std64 +
		"\nSRI: sha256-" + std64 + "\nSHA512-256:\nLists:\n x\n " + sha256A + "\n", "packages", []string{"9 sha1 a",
		`10! a digest in the field "sha256-digest", which is not verified`, `11! a digest in the field "x", which is not verified`,
		`12! a digest in the field "y", which is not verified`, `13! a digest in the field "z", which is not verified`,
		`14! a digest in the field "sri", which is not verified`, `15! expected 64 hex digits for sha512-256, found ""`, `18! a digest in the field "lists", which is not verified`}},

	{"a digest in the name of a field", "Packages", "Package: a\nA" + sha256A + "Maintainer: x\nFilename: a\nSHA1: " + sha1A + "\n\nPackage: b\nFilename: b\nSHA1: " + sha1A + "\n",
		"packages", []string{`2! a digest in the field "aca978112ca1bbdcafac231b39a23dc4da786eff", which is not verified`, "4 sha1 a", "8 sha1 b"}},
	{"dsc, a damaged line elsewhere", "x", "Source: a\nPackage-List:\n " + sha1A[:20] + "(" + sha1A[21:] + " 1 a\nFiles:\n " + md5A + " 1 a\n", "dsc", []string{
		`3! a digest in the field "package-list", which lists no files`, "5 md5 a 1"}},
	{"Release, a damaged line elsewhere", "Release", "Origin: x\nSHA1:\n " + sha1A + " 1 a\nSuite: stable\n " + sha1A[:20] + "(" + sha1A[21:] + " 1 b\n", "release",
		[]string{"3 sha1 a 1", `5! unknown algorithm "Suite"`}},
	{"Release, a digest in another field", "Release", "Origin: x\n   \"sha256\": \"" + sha256A + "\"\nDescription: a\n see (" + sha1A + "), or so\nSigned-By: x\n (" + sha1A + ")\nSHA1:\n " + sha1A + " 1 a\n",
		"release", []string{`2! unknown algorithm "Origin"`, `4! unknown algorithm "Description"`, "8 sha1 a 1"}},
	{"RECORD, text after a row without a digest", "RECORD", "a,sha256=" + strings.TrimRight(url64, "=") + ",1\np-1.dist-info/RECORD,,SHA1 (a.txt) = " + sha1A +
		"\n__pycache__/x.pyc,,7\n", "record", []string{"1 sha256 a 1", `2! expected a size in bytes, found "SHA1 (a.txt) = 86f7e"`}},
	{"mtree, a digest in another keyword", "x", "#mtree\na type=file mode=0644 sha1=" + sha1A + "\nb type=file mode=64" + sha1A + " link=" + sha1A + " sha1=" + sha1A + "\n",
		"mtree", []string{"2 sha1 a", "3! a digest in the keyword mode, which has none", "3 sha1 b"}},
	{"mtree, a digest in a comment", "x", "#mtree\n# ./" + sha1A + "\n# b type=file sha1=" + sha1A + "\na type=file sha1=" + sha1A + "\n", "mtree",
		[]string{"3! a comment with a digest in it, which could be an entry", "4 sha1 a"}},
	{"pipe, under a heading", "x", "Files:\n\n" + sha1A + " | a\n", "pipe", []string{`1! expected "<digest> | <file name>"`, "3 sha1 a"}},
	{"labels of a file", "a.md5", "MD5SUM: " + md5A + "\nSHA1SUM: " + sha1A + "\nSHA256SUM: " + sha256A + "\n", "sidecar",
		[]string{"1 md5 a", "2 sha1 a", "3 sha256 a"}},
	{"labels of no file", "x", "MD5SUM: " + md5A + "\n", "sidecar", []string{
		"1! no file name, and the manifest is not named after a file, as in name.sha256"}},
	{"a label among names", "x", "a " + md5A + "\nMD5SUM: " + md5A + "\n", "name-first", []string{"1 md5 a",
		"2! a digest without a file name, and this manifest is not named after one file, as name.sha256 is"}},
	{"labels, one twice", "a.md5", "MD5SUM: " + md5A + "\nMD5: " + md5A + "\n", "sidecar", []string{"1 md5 a", "2! second digest in a manifest of one file"}},
	{"labels, a digest without one", "a.md5", "MD5SUM: " + md5A + "\nSHA1SUM: " + sha1A + "\n" + md5A + "\n", "gnu", []string{"1! expected a hex digest at the beginning of the line", "2! expected a hex digest at the beginning of the line",
		"3! expected a digest and a file name"}},
	{"Packages, long fields", "Packages", "Package: a\nProvides: " + strings.Repeat("x, ", 40_000) + "\nFilename: a\nSHA1: " + sha1A + "\n\nPackage: b\nDescription: b\n " +
		strings.Repeat("y", 200_000) + "\nFilename: b\nSHA1: " + sha1A + "\n\n", "packages", []string{"4 sha1 a", "10 sha1 b"}},
	{"Packages, truncated in a long field", "x", "Filename: a\nSHA1: " + sha1A + "\nProvides: " + strings.Repeat("x, ", 40_000), "packages",
		[]string{"2 sha1 a", "4! truncated: the last line has no end"}},
	{"Packages, an endless field", "x", "Filename: a\nSHA1: " + sha1A + "\nProvides: " + strings.Repeat("x, ", 6_000_000), "packages",
		[]string{"2 sha1 a", "3! line too long: over 65536 bytes; nothing after it was read"}},
	{"Packages, a long digest", "Packages", "Package: a\nFilename: a\nSHA1: " + strings.Repeat("0", 70_000) + "\nMD5sum: " + md5A + "\n", "packages",
		[]string{"2! no digest of this file", "3! line too long: over 65536 bytes; nothing after it was read"}},
	{".SRCINFO", ".SRCINFO", "# by hand\npkgbase = p\n\tpkgver = 1\n\tsha256sums = " + sha256A + "\n\tsource = n::https://x/v1\n\tsource = git+https://x/r.git\n\tsource = a b\n" +
		"\tsha256sums = SKIP\n\tsha256sums = " + sha256A + "\n\tsource_x86_64 = https://x/y.bin\n\tmd5sums_x86_64 = " + md5A + "\n\tb2sums_x86_64 = " + sha512A +
		"\n\tvalidpgpkeys = " + sha1A + "\n\npkgname = p\n", "srcinfo", []string{"4 sha256 n", "9 sha256 a b", "11 md5 y.bin", "12 blake2b y.bin"}},
	{".SRCINFO, bad lines", "x", "pkgbase = p\n\tsource = a\n\tsource = b\n\tsha1sums = " + sha1A + "\n\tmd5sums = " + md5A + "\n\tmd5sums = x\n\tmd5sums = " + md5A +
		"\n\tsource_arm = c\n\tmd6sums = 0\nhello\n\tsha256sum = " + sha256A + "\n\tsha1sums_i686 = " + sha1A + "\n", "srcinfo", []string{
		"3! no digest of this file among the sha1sums", "4 sha1 a", "5 md5 a", `6! expected 32 hex digits for md5, found "x"`, "7! a digest without its source",
		"8! no digest of this file", `9! unknown algorithm "md6"`, `10! expected "<key> = <value>"`, `11! a digest in the field "sha256sum", which is not verified`,
		"12! a digest without its source"}},
	{".SRCINFO, truncated", "x", "pkgbase = p\n\tsource = a\n\tsha1sums = " + sha1A, "srcinfo", []string{"3 sha1 a", "4! truncated: the last line has no end"}},
	{"APKBUILD", "APKBUILD", "pkgname=p\n_commit=" + sha1A + "\nsource=\"a\"\nmd5sums=\"" + md5A + "  a\n" + md5A + "  b c\"\nbuild() {\n\tmake\n}\nsha256sums=\"\n" + sha256A +
		"  a\n\n\"\n", "apkbuild", []string{"4 md5 a", "5 md5 b c", "10 sha256 a"}},
	{"APKBUILD, a digest of another form", "x", "pkgname=p\n" + sha256A + " ?SHA256*b\nmd5sums=\"\n" + md5A + "  a\n\"\n" + md5A, "apkbuild", []string{
		"2! a digest outside of the lists of digests", "4 md5 a", "6! a digest outside of the lists of digests"}},
	{"APKBUILD, bad lines", "x", "pkgname=p\nsha1sums=\"\n" + sha1A + "  $a\nhello\n" + md5A + "  a\n" + sha1A + "  b\n\"\nsha256sum=\"\n" + sha256A + "  c\n\"\nmd5sums=\"", "apkbuild", []string{
		"3! expected a digest and a file name", "4! expected a digest and a file name", "5! expected 40 hex digits for sha1, found 32", "6 sha1 b",
		"9! a digest outside of the lists of digests", "12! truncated: the list of digests is not closed with a quotation mark"}},
	{"FreeBSD", "MANIFEST", "base.txz\t" + sha256A + "\t29\tbase\t\"Base system (MANDATORY)\"\ton\nb\t" + sha256A + "\t1\tb\t\"\"\tmaybe\nc\t" + md5A +
		"\t1\tb\t\"\"\toff\n", "freebsd", []string{"1 sha256 base.txz", "2! expected a name, a digest, a number of files, a short name, a description, and on or off, with TABs between",
		"3! expected 64 hex digits for sha256, found 32"}},
	{"half a digest before a heading", "x", "XXH3_4beaafaffddac41e  a\nXXH3_c4b1ccda8a4b0c1SHA1:\nXXH3_83038b946710abce  c\n", "gnu",
		[]string{"1 xxh3 a", "2! expected a digest and a file name", "3 xxh3 c"}},
	{"sum", "CHECKSUMS", "00097     1 a b\n61417 845 c\n\n", "sum", []string{"1 bsdsum a b 1*1024", "2 bsdsum c 845*1024"}},
	{"sum, a line of another form", "CHECKSUMS", "00097 1 a\nhello\n", "gnu", []string{"1! no known algorithm has digests of 5 hex digits",
		"2! expected a digest and a file name"}},
	{"cksum", "x", "1220704766 1 a b\n97 0 c\n", "cksum", []string{"1 cksum a b 1", "2 cksum c 0"}},
	{"cksum that resembles GNU", "a.cksum", "12345678 1 a\n", "cksum", []string{"1 cksum a 1"}},
	{"cksum that resembles sum", "a.cksum", "12345 1 a\n", "cksum", []string{"1 cksum a 1"}},
	{"GNU that resembles cksum", "x", "12345678 1 a\n", "gnu", []string{"1 crc32 1 a"}},

	{"table, Export-Csv", "hashes.csv", "#TYPE Microsoft.PowerShell.Commands.FileHashInfo\r\n\"Algorithm\",\"Hash\",\"Path\"\r\n\"SHA256\",\"" + strings.ToUpper(sha256A) +
		"\",\"C:\\dl\\a, b\"\r\n\"MD5\",\"" + md5A + "\",\"c \"\"d\"\"\"\r\n", "table", []string{`3 sha256 C:\dl\a, b`, `4 md5 c "d"`}},
	{"table, R", "md5sum.txt", "\"file\" \"checksum\" \"built\" \"date\"\n\"a b\" \"" + md5A + "\" \"site/built/a b\" \"2024-03-29\"\n\"c\" \"" + md5A + "\" \"x\"\n", "table",
		[]string{"2 md5 a b", "3! expected 4 columns as in the first line, found 3"}},
	{"table, GDC", "gdc_manifest.txt", "id\tfilename\tmd5\tsize\tstate\nu-1\ta.bam\t" + md5A + "\t1\tvalidated\n", "table", []string{"2 md5 u-1/a.bam 1"}},
	{"Markdown", "x.md", "# v1.0\n\n## SHA256 checksums\n\n| Asset | Size | SHA256 |\n|---|---:|:-:|\n| `a\\|b` | 1 | `" + sha256A + "` |\n| [c\\_d](https://x/c_d) | 2 MB | " + sha256A + " |\n\n" +
		"name | hash\n--- | ---\ne|" + md5A + "\n``f`g`` | " + sha1A + "\nh\\i | " + sha1A, "markdown", []string{
		"7 sha256 a|b 1", "8 sha256 c_d", "12! expected 64 hex digits for sha256, found 32", "13! expected 64 hex digits for sha256, found 40", "14! expected 64 hex digits for sha256, found 40"}},
	{"Markdown, without outer bars", "x.md", "name | hash\n--- | ---\ne|" + md5A + "\n``f`g`` | " + sha1A + "\n`h` \\i | " + sha1A + "\n", "markdown", []string{
		"3 md5 e", "4 sha1 f`g", "5 sha1 `h` \\i"}},
	{"Markdown, in text", "x.md", "Hello,\n\nfeature | note\n---|---\nx | y\nfile | md5 | commit\n|-|-|-|\na | " + md5A + " | x\nb | " + md5A + "\nend " + md5A + "\n# " + md5A + "\nc | " + md5A + "|" + md5A + "\n",
		"markdown", []string{"1! not in a table whose first row names a file and its digest", "3! not in a table whose first row names a file and its digest",
			"4! not in a table whose first row names a file and its digest", "5! not in a table whose first row names a file and its digest", "8 md5 a",
			"9! expected 3 columns as in the first line, found 2", "10! not in a table whose first row names a file and its digest",
			"11! a comment with a digest in it, which could be an entry", "12! not in a table whose first row names a file and its digest"}},
	{"Markdown, bad rows", "x.md", "| file | md5 | sha9 | crc64 |\n|-|-|-|-|\n| a | " + md5A + " | | |\n| | " + md5A + " | | |\n| b | x | | |\n| c | " + md5A + " | " + md5A + " | |\n| d | " + md5A + " | | 0",
		"markdown", []string{`1! unknown algorithm "crc64": its column is not verified`, "3 md5 a", "4! no file name", `5! expected 32 hex digits for md5, found "x"`,
			`6! the column "sha9", which checksig does not understand, has a digest`, "6 md5 c", `7! expected "|" at the end of the row, as in the first`}},
	{"S3 batch", "x", "b,d/a%2B+%0A,v,succeeded,200,," + s3("MD5", "FULL_OBJECT", md5A) + "\r\n\nb,a,,succeeded,200,," + s3("CRC32", "FULL_OBJECT", "6D2F5339") + "\n",
		"s3-batch", []string{"1 md5 d/a+ \n", "3 crc32 a"}},
	{"S3 batch, both spellings", "x", "b,a,,succeeded,200,,\"{\"\"checksum_base64\"\":\"\"bS9TOQ\\u003d\\u003d\"\",\"\"checksumAlgorithm\"\":\"\"CRC32\"\",\"\"checksumType\"\":\"\"FULL_OBJECT\"\",\"\"checksum_hex\"\":\"\"6D2F5339\"\"}\"\n" +
		"b,a,,succeeded,200,,\"{\"\"checksum_base64\"\":\"\"bS9TOQ\\\\u003d\\\\u003d\"\",\"\"checksumAlgorithm\"\":\"\"CRC32\"\",\"\"checksumType\"\":\"\"FULL_OBJECT\"\"}\"\n" +
		"b,a,,succeeded,200,,\"{\"\"checksum_base64\"\":\"\"bS9TOQ==\"\",\"\"checksumAlgorithm\"\":\"\"CRC32\"\",\"\"checksumType\"\":\"\"FULL_OBJECT\"\",\"\"checksum_hex\"\":\"\"6D2F5338\"\"}\"\n",
		"s3-batch", []string{"1 crc32 a", "2 crc32 a", "3! checksum_hex and checksum_base64 are different digests"}},
	{"S3 batch, bad lines", "x", "b,a,,failed,400,InvalidRequest,no such object\nb,a,,succeeded,200,," + s3("CRC32", "COMPOSITE", "6D2F5339") +
		"\nb,a,,succeeded,200,," + s3("CRC32", "", "6D2F5339") + "\nb,a%2,,succeeded,200,," + s3("CRC32", "FULL_OBJECT", "6D2F5339") +
		"\nb,a,,succeeded,200,," + s3("SHA256", "FULL_OBJECT", "6D2F5339") + "\nb,a,,succeeded,200,," + s3("X", "FULL_OBJECT", "6D2F5339") +
		"\nb,a,,succeeded,200,,\nb,a,,done,200,,\nb,a\nb,a,,succeeded,200,,\"{}x\"\nb,a,,succeeded,200,,{\nb,a,,succeeded,200,,{}", "s3-batch", []string{
		`1! the checksum of this object could not be computed: "no such object"`,
		"2! the digest is one of the digests of an upload's parts: give their size with --part-size (part_size=)",
		`3! expected checksumType FULL_OBJECT or COMPOSITE, found ""`, `4! expected the key of an object, percent-encoded, found "a%2"`,
		"5! expected 64 hex digits for sha256 in checksum_hex", `6! unknown algorithm "X"`, "7! no digest of this file",
		`8! expected "succeeded" or "failed", found "done"`, "9! expected 7 columns, found 2",
		"10! expected a JSON object in the last column: something follows the object",
		"11! expected a JSON object in the last column: unexpected EOF", "12! no digest of this file"}},
	{"table, Gen3", "x", "file_name\tguid\tmd5sum\tfile_size\na.bam\tx/1\t" + md5A + "\t1\n", "table", []string{"2 md5 a.bam 1"}},
	{"table, several algorithms", "x", "File Path;MD5 checksum;hash_sha256;Length\na;" + md5A + ";" + std64 + ";1\n\nb;" + md5A + ";;\nc;;;\n", "table",
		[]string{"2 md5 a 1", "2 sha256 a 1", "4! no digest of this file in the column of sha256", "4 md5 b", "5! no digest of this file in the column of md5"}},
	{"table, by length", "x", "key,checksum\na," + md5A + "\nb," + std64 + "\nc,\nd,x\n", "table", []string{"2 md5 a", "3 sha256 b", "4! no digest of this file",
		"5! expected a hex digest at the beginning of the line"}},
	{"table, by name", "x.sha256.csv", "file,hash\na," + md5A + "\nb," + sha256A + "\n", "table", []string{"2! expected 64 hex digits for sha256, found 32", "3 sha256 b"}},
	{"table, bad lines", "x", "Algorithm,Hash,Path,Size\nMD5," + md5A + ",a,x\nTIGER,00,b,1\nMD5,00,c,1\nMD5," + md5A + "\nMD5," + md5A + ",,1\n\"MD5\"x,,,\nM\"D5,,,\n\"MD5",
		"table", []string{`2! expected a size in bytes, found "x"`, `3! unknown algorithm "TIGER"`, "4! expected 32 hex digits for md5, found 2",
			"5! expected 4 columns as in the first line, found 2", "6! no file name", "7! expected ',' after the quoted field",
			"8! quotation mark in a field without quotes", "9! truncated in a quoted field"}},
	{"table, unknown algorithm", "x", "file,tiger,md5\na,00," + md5A + "\n", "table", []string{`1! unknown algorithm "tiger": its column is not verified`, "2 md5 a"}},
	{"table, two columns of names", "x", "file,name,md5\na,b," + md5A + "\n", "table", []string{`1! the columns "file" and "name" could have the same meaning`}},
	{"table, two columns of digests", "x", "file,md5,MD5sum\na," + md5A + "," + md5A + "\n", "table", []string{"1! two columns of md5"}},
	{"table, digests of two kinds", "x", "file,md5,hash\na," + md5A + "," + sha1A + "\n", "table", []string{`1! the column "hash" has digests of an unknown algorithm`}},
	{"table, GDC, bad lines", "x", "id\tfilename\tmd5\tsize\n../u\ta\t" + md5A + "\t1\n\ta\t" + md5A + "\t1\n", "table", []string{
		"2! expected an identifier, which names a folder", "3! expected an identifier, which names a folder"}},
	{"table, words beside the algorithm", "x", "file,SHA-256 (hex),md5_hex,expected sha1\na," + sha256A + "," + md5A + "," + sha1A + "\n", "table",
		[]string{"2 sha256 a", "2 md5 a", "2 sha1 a"}},
	{"table, an unknown algorithm with words beside it", "x", "file,md5,whirlpool (hex)\na," + md5A + ",0\n", "table",
		[]string{`1! unknown algorithm "whirlpool (hex)": its column is not verified`, "2 md5 a"}},
	{"table, digests in other columns", "x", "file,sha,sha2,note,e-tag,md5\na," + sha1A + ",,," + md5A + "," + md5A + "\nb,," + std64 + ",,," + md5A +
		"\nc,1,2,f47ac10b-58cc-4372-a567-0e02b2c3d479,," + md5A + "\n", "table", []string{
		`2! the column "sha", which checksig does not understand, has a digest`, "2 md5 a",
		`3! the column "sha2", which checksig does not understand, has a digest`, "3 md5 b", "4 md5 c"}},
	{"table, digests in a column of text", "x", "file,note,md5\na,sha256:" + sha256A + "," + md5A + "\nb,D5" + strings.Repeat("-8A", 15) + "," + md5A +
		"\nc,is 0X" + sha1A + "," + md5A + "\n", "table", []string{
		`2! the column "note", which checksig does not understand, has a digest`, "2 md5 a",
		`3! the column "note", which checksig does not understand, has a digest`, "3 md5 b",
		`4! the column "note", which checksig does not understand, has a digest`, "4 md5 c"}},
	{"table, a digest beside a column of digests", "x", "path,hash,shasum\na," + md5A + "," + url64 + "\n", "table",
		[]string{`2! the column "shasum", which checksig does not understand, has a digest`, "2 md5 a"}},
	{"table, truncated", "x", "id\tfilename\tmd5\tsize\tstate\nu\ta\t" + md5A + "\t1\tvali", "table", []string{"2 md5 u/a 1", "3! truncated: the last line has no end"}},
	{"not a table", "x", "file,other\n" + sha1A + "  a\n", "gnu", []string{"1! expected a digest and a file name", "2 sha1 a"}},
	{"ENA, several groups", "x", "submitted_ftp\tsubmitted_md5\tsra_md5\tsra_ftp\nx/a;x/b\t" + md5A + ";" + md5A + "\t" + md5A + "\tx/c\n\t\t" + md5A + "\tx/d\nx/e\t\t\t\n",
		"ena", []string{"2 md5 a", "2 md5 b", "2 md5 c", "3 md5 d", "4! no digest of this file"}},

	{"certutil, German", "x", "SHA256-Hash von a b.txt:\r\n" + sha256A + "\r\nCertUtil: -hashfile-Befehl wurde erfolgreich ausgeführt.\r\nMD5-Hash der Datei c d:\n" +
		spacedOut(md5A) + "\nCertUtil: -hashfile-Befehl wurde erfolgreich ausgeführt.\n", "certutil", []string{"2 sha256 a b.txt", "5 md5 c d"}},
	{"certutil, French", "x", "Hachage SHA256 de a b.txt\u00a0:\n" + sha256A + "\nCertUtil: -hashfile La commande s\u2019est termin\x82e correctement.\nHachage MD5 du fichier c :\n" +
		spacedOut(md5A) + "\nCertUtil: -hashfile La commande s\u2019est terminée correctement.\n", "certutil", []string{"2 sha256 a b.txt", "5 md5 c"}},
	{"certutil, Spanish", "x", "SHA1 hash de a b:\n" + sha1A + "\nCertUtil: -hashfile comando completado correctamente.\nHash SHA1 de c d:\n" + sha1A +
		"\nCertUtil: -hashfile comando completado correctamente.\n", "certutil", []string{"2 sha1 a b", "5 sha1 c d"}},
	{"certutil, Italian", "x", "Hash SHA1 di a b:\n" + sha1A + "\nCertUtil: - Esecuzione comando -hashfile riuscita.\n", "certutil", []string{"2 sha1 a b"}},
	{"certutil, Chinese", "x", "SHA1 的 a b 哈希:\n" + sha1A + "\nCertUtil: -hashfile 命令成功完成。\n", "certutil", []string{"2 sha1 a b"}},
	{"certutil, Japanese", "x", "SHA1 ハッシュ (対象 a b):\n" + sha1A + "\nCertUtil: -hashfile コマンドは正常に完了しました。\n", "certutil", []string{"2 sha1 a b"}},
	{"certutil, Russian", "x", "Хэш SHA1 a b:\n" + sha1A + "\nCertUtil: -hashfile — команда успешно выполнена.\n", "certutil", []string{"2 sha1 a b"}},
	{"certutil, German, bad lines", "x", "MD5-Hash von a:\n" + md5A + "\nCertUtil: -hashfile-Befehl ist fehlgeschlagen: 0x80070002 (WIN32: 2).\nMD4-Hash von a:\n" +
		"MD5-Hash von b:\n" + md5A + "\nCertUtil: Das System kann die Datei nicht finden.\nMD5-Hash von c:\n" + md5A + "\nCertUtil: -hashfile-Befehl wurde\n", "certutil",
		[]string{"2 md5 a", "3! expected certutil's message of success", `4! unknown algorithm "MD4"`, "6 md5 b", "7! expected certutil's message of success",
			"9 md5 c", "10! expected certutil's message of success"}},
	{"certutil, French, a digest before it", "x", "Hachage MD5 de a :\n" + md5A + "\nCertUtil: -hashfile La commande s\u2019est.\n" + sha256A + "Hachage MD5 de b :\n",
		"certutil", []string{"2 md5 a", `4! expected "<algorithm> hash of <name>:"`}},
	{"not certutil", "x", "These are the sums:\n" + md5A + "  a\n", "gnu", []string{"1! expected a hex digest at the beginning of the line", "2 md5 a"}},

	{"mtree, FreeBSD", "x", "#\t   user: a\n\n/set type=file uid=0 mode=0644\n.               type=dir mode=0755\n    a\\sb       size=4 cksum=815791956 \\\n" +
		"                sha256=" + sha256A + "\n# ./sub\nsub             type=dir\n    c           size=1 md5digest=" + md5A + "\n    l type=link link=a\n..\nd size=2 sha1=" +
		sha1A + "\n..\n", "mtree", []string{"5 cksum a b 4", "5 sha256 a b 4", "9 md5 sub/c 1", "12 sha1 d 2"}},
	{"mtree, bsdtar", "x", "#mtree\n. mode=755 type=dir\n./\\043e\\075\\303\\251\\134 mode=644 type=file size=1 md5digest=" + md5A + " sha256digest=" + sha256A +
		"\n./sub type=dir\n./sub/d type=file sha1digest=" + sha1A + "\n", "mtree", []string{"3 md5 ./#e=\u00e9\\ 1", "3 sha256 ./#e=\u00e9\\ 1", "5 sha1 ./sub/d"}},
	{"mtree, NetBSD -C", "x", ". type=dir uid=0 \n./a\\M-C\\M-)\\^A\\M^A type=file size=1 sha1=" + sha1A + " \n", "mtree", []string{"2 sha1 ./a\u00e9\x01\x81 1"}},
	{"mtree, NetBSD -D", "x", "type=dir uid=0 .\ntype=file size=1 sha1=" + sha1A + " ./a=b\n", "mtree", []string{"2 sha1 ./a=b 1"}},
	{"mtree, /unset", "x", "/set type=dir size=1\na\n/unset size type\nb sha1=" + sha1A + "\n/set size=2\n/unset all\nc sha1=" + sha1A + "\n..\n", "mtree",
		[]string{"4 sha1 a/b", "7 sha1 a/c"}},
	{"mtree, bad lines", "x", "#mtree\na type=file size=1\nb type=file nochange\nc type=file ignore\nd type=file optional\ne type=file size=x sha1=" + sha1A + "\nf type=file tigerdigest=00 sha1=" +
		sha1A + "\ng type=file sha1=00\nh type=door\ni type=file x=1 sha1=" + sha1A + "\nj type=file y\n..\n.. x\nk type=file contents=a sha1=" + sha1A +
		"\nl\\q type=file\nm\\057n type=file\no\\000 type=file\n\\400 type=file\np\\ type=file\nq cksum=x\nr \\\n", "mtree", []string{
		"2! no digest of this file", "3! no digest of this file", "4! no digest of this file", "5! no digest of this file",
		`6! expected a size in bytes, found "x"`, `7! unknown algorithm "tigerdigest"`, "7 sha1 f", "8! expected 40 hex digits for sha1, found 2", `9! unknown type "door"`,
		`10! unknown keyword "x"`, "10 sha1 i", `11! unknown keyword "y"`, "12! no folder is open that could be closed", "13! no folder is open that could be closed",
		"14! contents: the content is that of another file, and not verified", "14 sha1 k", "15! unknown escape in the file name, expected one of vis(3)",
		"16! unknown escape in the file name, expected one of vis(3)", "17! unknown escape in the file name, expected one of vis(3)",
		"18! unknown escape in the file name, expected one of vis(3)", "19! unknown escape in the file name, expected one of vis(3)",
		`20! expected a CRC up to 4294967295, found "x"`, "21! truncated: a line that continues this one is missing"}},
	{"mtree, an open folder", "x", "/set type=file\n. type=dir\nsub type=dir\na sha1=" + sha1A + "\n", "mtree", []string{"4 sha1 sub/a",
		`5! truncated: a folder is not closed with ".."`}},
	{"mtree, truncated", "x", "#mtree\na type=file sha1=" + sha1A + "\n./b type=di", "mtree", []string{"2 sha1 a", `3! unknown type "di"`,
		"4! truncated: the last line has no end"}},
	{"mtree, the same file twice", "x", "#mtree\n./a type=file sha1=" + sha1A + "\n./a type=file sha1=" + sha1A + " sha1digest=" + sha1A + "\n", "mtree", []string{
		"2 sha1 ./a", "3 sha1 ./a", "3 sha1 ./a"}},
	{"mtree, digests passed over", "x", "#mtree\n/set type=file sha1=" + sha1A + "\na sha1=" + sha1A + "\nb type=dir sha1=" + sha1A + "\n..\n./c type=link cksum=1\n/set type=dir\n./d md5=" +
		md5A + "\n/unset type sha1=" + sha1A + "\n/unset " + sha1A + "\n./e size= sha1=" + sha1A + "\n. md5=" + md5A + "\n..\n", "mtree", []string{
		"2! a digest in /set, which is about no file", "3 sha1 a", "4! a digest with type=dir: only files have digests",
		"6! a digest with type=link: only files have digests", "8! a digest with type=dir: only files have digests",
		"9! expected keywords without values after /unset", "10! expected keywords without values after /unset",
		"11! expected a size in bytes, found none", "11 sha1 ./e", "12! a digest with type=dir: only files have digests"}},
	{"mtree, repeated keywords", "x", "#mtree\n/set type=file type=dir\n/set type=dir size=2\n./a type=file size=1 sha1=" + sha1A + "\n./b type=file type=dir\n./c type=file size=1 size=3 sha1=" +
		sha1A + "\n./d type=file sha1=" + sha1A + " uid=0 uid=1\n./e type=file md5=" + md5A + " md5=" + md5A + "\n", "mtree", []string{
		`2! the keyword "type" was there before`, "4 sha1 ./a 1", `5! the keyword "type" was there before`, `6! the keyword "size" was there before`,
		"6 sha1 ./c 3", `7! the keyword "uid" was there before`, "7 sha1 ./d 2", `8! the keyword "md5" was there before`, "8 md5 ./e 2", "8 md5 ./e 2"}},
	{"not mtree", "x", sha1A + "  type=file\n", "gnu", []string{"1 sha1 type=file"}},

	{"JAR", "MANIFEST.MF", "Manifest-Version: 1.0\r\nCreated-By: x\r\n\r\nName: a/very/long/name/which\r\n  is continued\r\nSHA-256-Digest: " + std64[:20] + "\r\n " + std64[20:] +
		"\r\nX-Other: y\r\n\r\nName: a/\r\nSealed: true\r\n\r\nname: b\r\nSHA1-Digest: " + inBase64(base64.StdEncoding, sha1A) + "\r\nsha-256-digest: " + std64 + "\r\n\r\n", "jar",
		[]string{"6 sha256 a/very/long/name/which is continued", "14 sha1 b", "15 sha256 b"}},
	{"JAR, bad lines", "x", "Manifest-Version: 1.0\nSHA-256-Digest: " + std64 + "\n\n\n x\nName: a\nX: y\n\nName: b\nTIGER-Digest: x\nSHA1-Digest: " + std64 +
		"\nhello\n\nSHA-256-Digest: " + std64 + "\n\nName: \nSHA-256-Digest: " + std64 + "\n\nName: c\nSHA-256-Digest: " + sha256A + "\n", "jar", []string{
		"2! a digest in the first section, which is about no file", "5! no line before this one that it could continue", "6! no digest of this file",
		`10! unknown algorithm "tiger"`, "11! expected a sha1 digest in base64", `12! expected an attribute, as in "Name: value"`,
		"14! expected the name of a file", "16! expected the name of a file", "20! expected a sha256 digest in base64"}},
	{"JAR, truncated", "x", "Manifest-Version: 1.0\n\nName: a\nSHA-256-Digest: " + std64 + "\n\nName: b/", "jar", []string{"4 sha256 a", "7! truncated: the last line has no end"}},
	{"JAR, the same file twice", "x", "Manifest-Version: 1.0\n\nName: a\nSHA-256-Digest: " + std64 + "\n\nName: a\nSHA-256-Digest: " + std64 + "\n", "jar",
		[]string{"4 sha256 a", "7 sha256 a"}},
	{"JAR, a section with two names", "x", "Manifest-Version: 1.0\n\nName: a\nSHA-256-Digest: " + std64 + "\nname: b\nSHA-512-Digest: " +
		inBase64(base64.StdEncoding, sha512A) + "\nSHA-256-Digest: " + std64 + "\n", "jar", []string{
		"4 sha256 a", "5! the attribute was there before", "6 sha512 a", "7! the attribute was there before"}},
	{"JAR, a name in the first section", "x", "Manifest-Version: 1.0\nName: b\n\nX: y\nName: c\nSHA-256-Digest: " + std64 + "\n\nName: a\nSHA-256-Digest: " + std64 + "\n", "jar",
		[]string{"2! the name of a file in the first section: expected an empty line before it", "4! expected the name of a file", "9 sha256 a"}},
	{"JAR, digests passed over", "x", "Manifest-Version: 1.0\nX: " + std64 + "\nSHA-256-Digest-Manifest: " + std64 + "\nCommit: " + sha1A + "\nBuild: " + sha256A +
		"\n\nName: a\nSHA1-Digest: " + inBase64(base64.StdEncoding, sha1A) + "\nSHA-512-Digests: " + inBase64(base64.StdEncoding, sha512A) + "\nSHA256: " + std64 +
		"\nContent-Type: application/javascript\nSHA-256-Digest-en: " + url64 + "\nSHA-256: " + sha256A + "\nX: y\n\nName: b.txt/\nSHA256: " + std64 + "\n", "jar", []string{
		`2! a digest in the attribute "X", which is not verified`, "8 sha1 a", `9! a digest in the attribute "SHA-512-Digests", which is not verified`,
		`10! a digest in the attribute "SHA256", which is not verified`, `12! a digest in the attribute "SHA-256-Digest-en", which is not verified`,
		`13! a digest in the attribute "SHA-256", which is not verified`, `17! a digest in the attribute "SHA256", which is not verified`}},
	{"JAR, a file of a signature", "X.md5", "Signature-Version: 1.0\n\nName: a\nSHA-256-Digest: " + std64 + "\n", "gnu", []string{
		"1! expected a hex digest at the beginning of the line", "3! expected a hex digest at the beginning of the line", "4! expected a hex digest at the beginning of the line"}},

	{"RECORD", "RECORD", "p/a.py,sha256=" + url64 + ",1\np/__pycache__/a.cpython-311.pyc,,\np-1.dist-info/RECORD,,\n", "record",
		[]string{"1 sha256 p/a.py 1"}},
	{"RECORD, quotes", "RECORD", "\"p/a,\"\"\nb\",sha256=" + url64 + ",\r\n\"c\r\n\",sha256=" + url64 + "=,2", "record",
		[]string{"1 sha256 p/a,\"\nb", "3 sha256 c\r\n 2"}},
	{"RECORD, hex", "RECORD", "a,sha256=" + sha256A + ",1\nb,sha256=" + sha256A[1:] + ",1\n", "record",
		[]string{"1 sha256 a 1", "2! expected a sha256 digest in base64url"}},
	{"RECORD, bad lines", "RECORD", "a,sha256=" + url64 + ",1\nb.pyc,,\nc,sha256=" + url64[1:] + ",1\nd,tiger=00,1\ne,sha256=" + url64 +
		"\nf,sha256=" + url64 + ",x\n\"g\"h,,\ni\"j,,\n\"k", "record", []string{"1 sha256 a 1", "2! no digest of this file",
		"3! expected a sha256 digest in base64url", `4! unknown algorithm "tiger"`,
		"5! expected a file name, a digest and a size", `6! expected a size in bytes, found "x"`, "7! expected ',' after the quoted field",
		"8! quotation mark in a field without quotes", "9! truncated in a quoted field"}},

	{"ENA", "filereport.tsv", "run_accession\tfastq_ftp\tfastq_md5\tfastq_bytes\nR1\tftp.x/1/a_1.gz;ftp.x/1/a_2.gz\t" + md5A + ";" + md5A +
		"\t5;6\nR2\tftp.x/b.gz\t" + md5A + "\t\n", "ena", []string{"2 md5 a_1.gz 5", "2 md5 a_2.gz 6", "3 md5 b.gz"}},
	{"ENA, bad lines", "x", "fastq_ftp\tfastq_md5\nftp.x/a;ftp.x/b\t" + md5A + "\n\t\nx\nftp.x/\t" + md5A + "\nftp.x/a\t00\n\t" + md5A +
		"\n", "ena", []string{"2! expected 2 digests, one for each address, found 1", "3! the row lists no file",
		"4! expected 2 columns as in the first line, found 1", "5! the address has no file name at its end",
		"6! expected 32 hex digits for md5, found 2", "7! the address has no file name at its end"}},
	{"ENA without addresses", "x", "run\tfastq_md5\na\t" + md5A + "\n", "ena", []string{
		"1! no column of addresses (_ftp) for a column of MD5 digests (_md5)", "2! the row lists no file"}},

	{"certutil", "x", "SHA256 hash of file x:\r\n" + sha256A + "\r\nCertUtil: -hashfile command completed successfully.\r\n" +
		"MD5 hash of file b:\n" + spacedOut(md5A) + "\nCertUtil: -hashfile command completed successfully.\n", "certutil",
		[]string{"2 sha256 file x", "5 md5 b"}},
	{"certutil, bad lines", "x", "MD5 hash of a:\nCertUtil: -hashfile command FAILED: 0x80070002\nTIGER hash of a:\nMD5 hash of a:\n" +
		md5A + "\nMD5 hash of b:\n", "certutil", []string{`2! expected 32 hex digits for md5, found "CertUtil: -hashfile command FAILED: 0x80"`,
		"3! expected certutil's message of success", "5 md5 a", "6! expected certutil's message of success"}},
	{"certutil, truncated", "x", "MD5 hash of a:\n" + md5A + "\n", "certutil", []string{"2 md5 a",
		"3! truncated: certutil's message of success is missing"}},

	{"Get-FileHash", "x", "\r\nAlgorithm       Hash          Path\r\n---------       ----          ----\r\nSHA256          " +
		strings.ToUpper(sha256A) + "  C:\\dl\\a b   \r\n\r\n\r\n", "get-filehash", []string{`4 sha256 C:\dl\a b`}},
	{"Get-FileHash, narrow window", "x", "Algorithm Hash Path\n--------- ---- ----\nMD5  " + md5A + "  C:\\a\\b...\nMD5  " + md5A +
		"  C:\\a\\b…\nMD5  " + md5A + "  C:\\a\n                c.iso\nMD5 ABC... C:\\x\n", "get-filehash", []string{
		"3! the path was truncated by a narrow window", "4! the path was truncated by a narrow window", `5 md5 C:\a`,
		"6! continuation of the line above, which a narrow window wrapped", "7! expected an algorithm, a digest and a path"}},
	{"Get-FileHash, list", "x", "\nAlgorithm : MD5\nHash      : " + md5A + "\nPath      : C:\\a\n\nAlgorithm : SHA1\nHash      : " + sha1A +
		"\nPath      : C:\\b\n", "get-filehash", []string{`4 md5 C:\a`, `8 sha1 C:\b`}},
	{"Get-FileHash, list, bad lines", "x", "Algorithm : MD5\nPath      : C:\\a\nAlgorithm : TIGER\nHash      : 00\nPath      : C:\\a\n" +
		"Path      : b\nAlgorithm : MD5\nHash      : " + md5A + "\n", "get-filehash", []string{
		"2! expected Algorithm, Hash and Path of one file, in this order", `5! unknown algorithm "TIGER"`,
		"6! expected Algorithm, Hash and Path of one file, in this order", "9! truncated: the Path of the last file is missing"}},

	{"PGP", "SHASUMS256.txt.asc", pgpHead + sha256A + "  a\n- " + sha256A + "  -b\n\n" + pgpTail, "gnu", []string{"4 sha256 a", "5 sha256 -b"}},
	{"PGP around BSD", "CHECKSUM", pgpHead + "# a: 12 bytes\nSHA256 (a) = " + sha256A + "\n# x: 1 bytes\nSHA256 (b) = " + sha256A + "\n" + pgpTail,
		"bsd", []string{"5 sha256 a 12", "7 sha256 b"}},
	{"PGP, text after the signature", "x", pgpHead + sha1A + "  a\n" + pgpTail + sha1A + "  b\n" + pgpHead, "gnu", []string{"4 sha1 a",
		"10! outside the signed text", "11! outside the signed text", "12! outside the signed text"}},
	{"PGP, text before it", "x", sha1A + "  b\n" + pgpHead + sha1A + "  a\n" + pgpTail, "gnu", []string{"1 sha1 b",
		"2! expected a hex digest at the beginning of the line",
		"5! expected 64 hex digits for sha256, found 40", "6! expected a hex digest at the beginning of the line", "8! expected a digest and a file name",
		"9! expected a digest and a file name", "10! expected a hex digest at the beginning of the line"}},
	{"PGP, unknown header", "x", strings.Replace(pgpHead, "Hash", "NotDashEscaped", 1) + sha1A + "  a\n" + pgpTail, "gnu", []string{
		`2! expected a "Hash" header or an empty line before the signed text`, "4 sha1 a"}},
	{"PGP, unescaped dash", "x", pgpHead + "-" + sha1A + "  a\n" + pgpTail, "gnu", []string{
		`4! unescaped dash at the beginning of a signed line, expected "- -"`}},
	{"PGP, hidden in the signature", "x", pgpHead + sha1A + "  a\n" + strings.Replace(pgpTail, "\n\n", "\n"+sha1A+"  b\n\n"+sha1A+"  b\n", 1),
		"gnu", []string{"4 sha1 a", "6! expected a line of the PGP signature",
			"8! expected a line of the PGP signature"}},
	{"PGP, truncated in the text", "x", pgpHead + sha1A + "  a\n", "gnu", []string{"4 sha1 a",
		"5! truncated: the end of the PGP signature is missing"}},
	{"PGP, truncated in the signature", "x", pgpHead + sha1A + "  a\n" + pgpTail[:60], "gnu", []string{"4 sha1 a",
		"9! expected a line of the PGP signature", "10! truncated: the end of the PGP signature is missing"}},
	{"signify", "SHA256.sig", signature + "SHA256 (a) = " + sha256A + "\n", "bsd", []string{"3 sha256 a"}},
	{"signify, bad signature", "SHA256.sig", "untrusted comment: x\n" + sha1A + "  b\nSHA256 (a) = " + sha256A + "\n", "bsd", []string{
		"2! expected a signify signature in base64", "3 sha256 a"}},
	{"signify, truncated", "SHA256.sig", "untrusted comment: x\n", "gnu", []string{"2! truncated: the signify signature is missing"}},
}

// inUTF16 returns text in UTF-16 with a byte order mark; big selects big-endian order.
func inUTF16(big bool, text string) string {
	out := []byte{}
	for _, unit := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
		if big {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return string(out)
}

func spacedOut(digits string) string {
	pairs := []string{}
	for pair := range slices.Chunk([]byte(digits), 2) {
		pairs = append(pairs, string(pair))
	}
	return strings.Join(pairs, " ")
}

// s3 returns the last column of a report of S3 Batch Operations.
func s3(algorithm, kind, digits string) string {
	message := fmt.Sprintf(`{"checksumAlgorithm":%q,"checksumType":%q,"checksum_hex":%q,"etag":"x-2"}`, algorithm, kind, digits)
	return `"` + strings.ReplaceAll(message, `"`, `""`) + `"`
}

func TestEveryFormat(t *testing.T) {
	seen := map[string]bool{}
	for _, tt := range samples {
		t.Run(tt.name, func(t *testing.T) {
			reading, err := manifest.Read(strings.NewReader(tt.text), manifest.Options{FileName: tt.fileName})
			if err != nil {
				t.Fatal(err)
			}
			seen[reading.Format.Name] = true
			if reading.Format.Name != tt.format {
				t.Errorf("detected %s, want %s", reading.Format.Name, tt.format)
			}
			if got := readAll(t, tt.fileName, tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	for _, format := range manifest.Formats {
		if !seen[format.Name] {
			t.Errorf("no sample of %s", format.Name)
		}
	}
}

func TestEncodingAndWrapper(t *testing.T) {
	for _, tt := range []struct{ name, text, encoding, wrapper string }{
		{"plain", sha1A + "  a\n", "utf-8", ""},
		{"UTF-8 with a byte order mark", "\xef\xbb\xbf" + sha1A + "  a\n", "utf-8", ""},
		{"UTF-16", inUTF16(false, sha1A+"  a\n"), "utf-16le", ""},
		{"UTF-16 and PGP", inUTF16(true, pgpHead+sha1A+"  a\n"+pgpTail), "utf-16be", "pgp"},
		{"signify", signature + sha1A + "  a\n", "utf-8", "signify"},
		{"empty", "", "utf-8", ""},
		{"half of a byte order mark", "\xff\n" + sha1A + "  a\n", "utf-8", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reading, err := manifest.Read(strings.NewReader(tt.text), manifest.Options{FileName: "x"})
			if err != nil || reading.Encoding != tt.encoding || reading.Wrapper != tt.wrapper {
				t.Errorf("got %q in %q, %v", reading.Encoding, reading.Wrapper, err)
			}
		})
	}
}

// longSample is up to how many bytes from its ends a longer sample is cut off.
const longSample = 10

// A truncated manifest is read to its end, and has no more entries than lines.
func TestTruncatedAnywhere(t *testing.T) {
	for _, tt := range samples {
		t.Run(tt.name, func(t *testing.T) {
			for size := range len(tt.text) {
				if size > longSample && size < len(tt.text)-longSample {
					continue // within a field of many equal bytes
				}
				got := readAll(t, tt.fileName, tt.text[:size])
				if len(got) > len(strings.Split(tt.text, "\n"))+2 {
					t.Fatalf("%q is read as %q", tt.text[:size], got)
				}
			}
		})
	}
}

func TestRawNameAndAssumed(t *testing.T) {
	for _, tt := range []struct {
		name, fileName, text, rawName string
		assumed                       bool
	}{
		{"GNU", "x", sha1A + "  a\n", "", true},
		{"GNU, named", "SHA1SUMS", sha1A + "  a\n", "", false},
		{"BSD", "x", "SHA1 (a) = " + sha1A + "\n", "", false},
		{"sidecar", "a.x", sha1A + "\n", "", true},
		{"sidecar, named", "a.sha1", sha1A + "\n", "", false},
		{"name first", "x", "a  " + sha1A + "\n", "", true},
		{"ENA", "x", "s_ftp\ts_md5\nftp.x/y/a\t" + md5A + "\n", "ftp.x/y/a", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reading, err := manifest.Read(strings.NewReader(tt.text), manifest.Options{FileName: tt.fileName})
			if err != nil {
				t.Fatal(err)
			}
			e, err := reading.Next()
			if err != nil || e.Name != "a" || e.RawName != tt.rawName || e.Assumed != tt.assumed {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	entry := func(name, algorithm, digits string) manifest.Entry {
		sum, _ := hex.DecodeString(digits)
		return manifest.Entry{Name: name, Algorithm: digest.ByName(algorithm), Digest: sum, HasSize: true, Size: 1}
	}
	one, odd := entry("a b", "sha256", sha256A), entry("a,\"\nb", "sha256", sha256A)
	sum := entry("a b", "md5", md5A)
	crc := entry("a b", "crc32", crcA)
	for _, tt := range []struct {
		name    string
		format  *manifest.Format
		entries []manifest.Entry
		want    string // the text, or the error
	}{
		{"GNU", manifest.GNU, []manifest.Entry{one}, sha256A + "  a b\n"},
		{"GNU, two algorithms", manifest.GNU, []manifest.Entry{sum, one}, md5A + "  a b\n" + sha256A + "  a b\n"},
		{"GNU, ambiguous lengths", manifest.GNU, []manifest.Entry{sum, entry("a", "blake3", sha256A)},
			"the format cannot represent blake3 together with other algorithms: " +
				"it has no tags, and the length of a digest does not identify blake3"},
		{"BSD, escaped name", manifest.BSD, []manifest.Entry{sum, odd}, "MD5 (a b) = " + md5A + "\n\\SHA256 (a,\"\\nb) = " + sha256A + "\n"},
		{"BSD, tags with a length", manifest.BSD, []manifest.Entry{entry("a", "blake2b-256", sha256A), entry("a", "sha512-256", sha256A)},
			"BLAKE2b-256 (a) = " + sha256A + "\nSHA512/256 (a) = " + sha256A + "\n"},
		{"base64", manifest.Base64, []manifest.Entry{one}, "SHA256 (a b) = " + std64 + "\n"},
		{"OpenSSL", manifest.OpenSSL, []manifest.Entry{one, sum, entry("a", "sha512-256", sha256A)}, "SHA2-256(a b)= " + sha256A + "\nMD5(a b)= " + md5A +
			"\nSHA2-512/256(a)= " + sha256A + "\n"},
		{"OpenSSL, line break", manifest.OpenSSL, []manifest.Entry{odd}, "the format cannot represent a name with a line break"},
		{"sidecar", manifest.Sidecar, []manifest.Entry{one}, sha256A + "\n"},
		{"sidecar, two algorithms", manifest.Sidecar, []manifest.Entry{one, sum}, "the format has one algorithm per manifest"},
		{"name first", manifest.NameFirst, []manifest.Entry{one}, "a b " + sha256A + "\n"},
		{"name first, leading blank", manifest.NameFirst, []manifest.Entry{entry(" a", "md5", md5A)}, `the format cannot represent the name " a"`},
		{"name first, comment", manifest.NameFirst, []manifest.Entry{entry("#a", "md5", md5A)}, `the format cannot represent the name "#a": it would not be read as a name`},
		{"SFV", manifest.SFV, []manifest.Entry{crc}, "a b " + crcA + "\n"},
		{"SFV, other algorithm", manifest.SFV, []manifest.Entry{one}, "the format is for crc32 only"},
		{"pipe", manifest.Pipe, []manifest.Entry{one}, sha256A + " | a b\n"},
		{"BagIt, escaped name", manifest.BagIt, []manifest.Entry{entry("data/a\n%", "sha256", sha256A)}, sha256A + "  data/a%0A%25\n"},
		{"BagIt, star", manifest.BagIt, []manifest.Entry{entry("*a", "sha256", sha256A)}, "the format cannot represent a name that begins with a blank or *"},
		{"dpkg", manifest.Dpkg, []manifest.Entry{sum}, md5A + "  a b\n"},
		{"dpkg, other algorithm", manifest.Dpkg, []manifest.Entry{one}, "the format is for md5 only"},
		{"hashdeep", manifest.Hashdeep, []manifest.Entry{sum, one}, "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n1," + md5A + "," + sha256A + ",a b\n"},
		{"hashdeep, unknown algorithm", manifest.Hashdeep, []manifest.Entry{crc}, "the format cannot represent crc32; it has md5, sha1, sha256"},
		{"RECORD, quoted name", manifest.RECORD, []manifest.Entry{odd}, "\"a,\"\"\nb\",sha256=" + url64 + ",1\n"},
		{"RECORD, algorithm with a dash", manifest.RECORD, []manifest.Entry{entry("a", "sha3-256", sha256A)}, "a,sha3_256=" + url64 + ",1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := write(tt.format, tt.entries); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// write returns a manifest of the entries of one file, or the text of the error.
func write(format *manifest.Format, entries []manifest.Entry) string {
	var text []byte
	var err error
	algorithms := []*digest.Algorithm{}
	for _, e := range entries {
		algorithms = append(algorithms, e.Algorithm)
	}
	if format.Write.Begin != nil {
		if text, err = format.Write.Begin(text, algorithms); err != nil {
			return err.Error()
		}
	}
	if text, err = format.Write.File(text, entries); err != nil {
		return err.Error()
	}
	return string(text)
}

func TestBase(t *testing.T) {
	for format, want := range map[*manifest.Format]string{manifest.GNU: "", manifest.RECORD: "..", manifest.Dpkg: "/"} {
		t.Run(format.Name, func(t *testing.T) {
			if format.Base != want {
				t.Errorf("names are relative to %q, want %q", format.Base, want)
			}
		})
	}
}

// A manifest longer than the beginning from which its format is detected is read to its end.
func TestLongManifests(t *testing.T) {
	row := " " + sha1A + " 1 main/a\n"
	for name, text := range map[string]string{
		"release": release + "SHA1:\n" + strings.Repeat(row, 5000),
		"gnu":     inUTF16(false, strings.Repeat(sha1A+"  a\n", 5000)),
		"bsd":     pgpHead + strings.Repeat("SHA1 (a) = "+sha1A+"\n", 5000) + pgpTail,
	} {
		t.Run(name, func(t *testing.T) {
			reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: "x"})
			if err != nil || reading.Format.Name != name {
				t.Fatalf("read as %s, %v", reading.Format.Name, err)
			}
			entries := 0
			for ; ; entries++ {
				if _, err = reading.Next(); err != nil {
					break
				}
			}
			if !errors.Is(err, io.EOF) || entries != 5000 {
				t.Errorf("%d entries, then %v", entries, err)
			}
		})
	}
}

func ExampleReading() {
	text := "# a.iso: 1 bytes\nSHA256 (a.iso) = " + sha256A + "\n"
	reading, _ := manifest.Read(strings.NewReader(text), manifest.Options{FileName: "CHECKSUM"})
	e, _ := reading.Next()
	fmt.Println(reading.Format.Name, e.Name, e.Algorithm.Name, e.Size)
	// Output: bsd a.iso sha256 1
}

// Every format reads back what it writes, for any file names and for one or several algorithms.
func TestWrittenManifestsAreReadBack(t *testing.T) {
	names := []string{"a", "b c", "sub/d", "e\\f", "g\nh", "i\rj", " k", "l ", "m,n", `"o"`, "p%0Aq", "*r", "#s", ";t", "SHA1 (u) = v",
		sha1A, sha1A + "  w", "x | y", "-z", "\xff\xfe", "\xef\xbb\xbf1", "%%%% 2", "data/3", "-----BEGIN PGP SIGNED MESSAGE-----", "4)= 5", "6()="}
	for _, format := range manifest.Formats {
		if format.Write == nil {
			continue
		}
		t.Run(format.Name, func(t *testing.T) {
			listed := 0
			for _, algorithms := range [][]string{{"sha256"}, {"md5"}, {"crc32"}, {"blake2b-160"}, {"md5", "sha256"}, {"sha1", "sha3-256", "xxh128"}} {
				for i := range names {
					listed += readBack(t, format, algorithms, names[i:])
				}
			}
			if listed == 0 {
				t.Error("no file could be listed")
			}
		})
	}
}

// readBack writes a manifest, reads it again and returns the number of entries. Names that the format
// cannot represent are left out.
func readBack(t *testing.T, format *manifest.Format, algorithms, names []string) int {
	t.Helper()
	var table []*digest.Algorithm
	for _, name := range algorithms {
		table = append(table, digest.ByName(name))
	}
	var text []byte
	var err error
	if format.Write.Begin != nil {
		if text, err = format.Write.Begin(nil, table); err != nil {
			return 0
		}
	}
	var want []string
	for _, name := range names {
		var entries []manifest.Entry
		for i, a := range table {
			sum := []byte(strings.Repeat(string(rune('A'+i)), a.Size))
			entries = append(entries, manifest.Entry{Name: name, Algorithm: a, Digest: sum, HasSize: true, Size: int64(len(name))})
		}
		longer, err := format.Write.File(text, entries)
		if err != nil {
			continue
		}
		text = longer
		for _, e := range entries {
			want = append(want, fmt.Sprintf("%s %s %x", e.Name, e.Algorithm.Name, e.Digest))
		}
		if format.Write.Single {
			return len(want)
		}
	}
	if got := entriesOf(t, format, table, string(text)); !slices.Equal(got, want) {
		t.Errorf("%s: got  %q\nwant %q\nfrom\n%s", format.Name, got, want, text)
	}
	return len(want)
}

func entriesOf(t *testing.T, format *manifest.Format, table []*digest.Algorithm, text string) (got []string) {
	t.Helper()
	o := manifest.Options{FileName: "x", Format: format}
	if len(table) == 1 {
		o.Algorithm = table[0]
	}
	reading, err := manifest.Read(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := reading.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", format.Name, err)
			}
			return got
		}
		got = append(got, fmt.Sprintf("%s %s %x", e.Name, e.Algorithm.Name, e.Digest))
	}
}
