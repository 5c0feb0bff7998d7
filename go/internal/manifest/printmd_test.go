package manifest_test

import (
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

// grouped returns the digest of "a" as gpg writes it: groups of so many digits, perLine on a line, and
// indentation on the lines after the first.
func grouped(algorithm string, size, perLine, indentation int) string {
	h := digest.ByName(algorithm).New()
	h.Write([]byte("a"))
	const digits = "0123456789ABCDEF"
	var text strings.Builder
	for i, b := range h.Sum(nil) {
		switch {
		case i == 0 || 2*i%size != 0:
		case 2*i/size%perLine == 0:
			text.WriteString("\n" + strings.Repeat(" ", indentation))
		case 2*i/size%perLine == perLine/2 && size < 8:
			text.WriteString("  ")
		default:
			text.WriteString(" ")
		}
		text.WriteString(string([]byte{digits[b>>4], digits[b&15]}))
	}
	return text.String() + "\n"
}

var (
	gpgMD5    = grouped("md5", 2, 16, 0)
	gpgSHA1   = grouped("sha1", 4, 10, 0)
	gpgSHA256 = grouped("sha256", 8, 8, 0)
	gpgSHA512 = grouped("sha512", 8, 8, 7)
)

var printMDSamples = []sample{
	{"gpg, MD5", "a.md5", "a: " + gpgMD5, "print-md", []string{"1 md5 a"}},
	{"gpg, SHA-1", "a.sha", "a b: c: " + gpgSHA1, "print-md", []string{"1 sha1 a b: c"}},
	{"gpg, by length", "x", "a: " + gpgSHA256 + "b : " + gpgSHA256 + "# c\n\n; d\n e\n", "print-md", []string{"1 sha256 a", "2 sha256 b ",
		"6! expected a file name and a digest in groups"}},
	{"gpg, two lines", "a.sha512", "a: " + gpgSHA512 + "b: " + gpgSHA512, "print-md", []string{"1 sha512 a", "3 sha512 b"}},
	{"gpg, name on a line of its own", "x", "a:\n" + grouped("sha512", 8, 9, 1) + "b: \n" + gpgMD5, "print-md", []string{"1 sha512 a", "4 md5 b"}},
	{"gpg, all digests", "x", "a:    MD5 = " + gpgMD5 + "a:   SHA1 = " + gpgSHA1 + "a: RMD160 = " + grouped("ripemd160", 4, 10, 0) +
		"a: SHA256 = " + grouped("sha256", 8, 7, 16) + "a: SHA512 = " + grouped("sha512", 8, 6, 16), "print-md",
		[]string{"1 md5 a", "2 sha1 a", "3 ripemd160 a", "4 sha256 a", "6 sha512 a"}},
	{"gpg, all digests of a long name", "x", "a:\n   MD5 = " + gpgMD5 + "a:\nSHA512 = " + grouped("sha512", 8, 8, 9), "print-md",
		[]string{"1 md5 a", "3 sha512 a"}},
	{"gpg, standard input", "disc.iso.sha512", grouped("sha512", 8, 9, 1), "print-md", []string{"1 sha512 disc.iso"}},
	{"gpg, all digests of standard input", "disc.iso.txt", "   MD5 = " + gpgMD5 + "SHA256 = " + gpgSHA256, "print-md", []string{"1 md5 disc.iso", "2 sha256 disc.iso"}},
	{"gpg, standard input, not named after a file", "sums", gpgMD5, "gnu", []string{"1! no known algorithm has digests of 2 hex digits"}},
	{"gpg, below a heading", "x", "SHA3-256:\na: " + grouped("sha3-256", 8, 8, 0), "print-md", []string{"2 sha3-256 a"}},
	{"gpg, inside PGP", "x", pgpHead + "a: " + gpgSHA512 + pgpTail, "print-md", []string{"4 sha512 a"}},
	{"gpg, CRLF", "x", strings.ReplaceAll("a: "+gpgSHA512, "\n", "\r\n"), "print-md", []string{"1 sha512 a"}},

	{"gpg, cut short", "a.sha512", "b: " + gpgSHA512 + "a: " + gpgSHA512[:81], "print-md", []string{"1 sha512 b",
		"3! expected groups of 8 hex digits"}},
	{"gpg, a line too much", "a.sha256", "b: " + gpgSHA256 + "a: " + gpgSHA256 + " 00000000\n", "print-md", []string{"1 sha256 b",
		"2! expected 64 hex digits for sha256, found 72"}},
	{"gpg, a line without indentation", "a.sha512", "b: " + gpgSHA512 + "a: " + strings.ReplaceAll(gpgSHA512, "\n   ", "\n") + "a: " +
		strings.ReplaceAll(gpgSHA512, "\n       ", "\n"), "print-md", []string{"1 sha512 b", "3 sha512 a", "5! expected 128 hex digits for sha512, found 64",
		"6! expected 128 hex digits for sha512, found 64"}},
	{"gpg, a line apart", "a.sha512", "b: " + gpgSHA512 + "a: " + strings.Replace(gpgSHA512, "\n", "\n\n", 1), "print-md", []string{"1 sha512 b",
		"3! expected 128 hex digits for sha512, found 64", "5! expected a file name and a digest in groups"}},
	{"gpg, another digest under the name", "a.sha256", "b: " + gpgSHA256 + "a: " + gpgMD5 + "c:\n", "print-md", []string{"1 sha256 b",
		"2! expected 64 hex digits for sha256, found 32", "3! no digest after the file name"}},
	{"gpg, uneven groups", "x", "b: " + gpgMD5 + "a: " + strings.Replace(gpgMD5, " ", "", 1) + "a: " + strings.Replace(gpgSHA1, " ", "", 4), "print-md",
		[]string{"1 md5 b", "2! expected groups of 4 hex digits", "3! expected a file name and a digest in groups"}},
	{"gpg, weaker than the name", "a.sha256", "a: SHA256 = " + gpgSHA256 + "a: MD5 = " + gpgMD5, "print-md", []string{"1 sha256 a",
		"2! md5 is weaker than sha256, the algorithm in the manifest's name"}},
	{"gpg, unknown algorithm", "x", "b: " + gpgMD5 + "a: TIGER = " + gpgSHA256 + "# TIGER HASH\na: " + gpgSHA256 + "a: MD5 = " + gpgSHA256, "print-md", []string{
		"1 md5 b", `2! unknown algorithm "TIGER"`, `4! unknown algorithm "TIGER"`, "5! expected 32 hex digits for md5, found 64"}},
	{"gpg, a name with a line break", "x", "b: " + gpgMD5 + "c\nd: " + gpgMD5, "print-md", []string{"1 md5 b",
		"2! expected a file name and a digest in groups", "3 md5 d"}},
	{"gpg, other lines", "x", "b: " + gpgMD5 + md5A + "  a\nMD5 (a) = " + md5A + "\na: " + md5A + "\na:" + gpgMD5 + "a: 0 00\n; a: " + gpgMD5, "print-md",
		[]string{"1 md5 b", "2! expected a file name and a digest in groups", "3! expected a file name and a digest in groups",
			"4! expected a file name and a digest in groups", "5! expected a file name and a digest in groups",
			"6! expected a file name and a digest in groups", "7 md5 ; a"}},
	{"gpg, too short for gpg", "x", "b: 01234567 01234567\n", "sfv", []string{"1 crc32 b: 01234567"}},
	{"gpg, NUL", "x", "b: " + gpgMD5 + "a: " + gpgSHA512[:72] + "\x00\n       00\n", "print-md", []string{"1 md5 b", "2 sha256 a", "3! contains a NUL byte",
		"4! expected a file name and a digest in groups"}},
}

func init() { samples = append(samples, printMDSamples...) }

// A digest without an end needs no memory.
func TestPrintMDIsBounded(t *testing.T) {
	text := "b: " + gpgMD5 + "a:\n" + strings.Repeat(" 00000000 00000000 00000000 00000000\n", 100_000) + "c: " + gpgMD5
	got := readAll(t, "x", text)
	if len(got) != 3 || got[0] != "1 md5 b" || !strings.HasPrefix(got[1], "2! no known algorithm has digests of 1") || got[2] != "100003 md5 c" {
		t.Errorf("%q", got)
	}
	if _, err := manifest.FormatNamed("print-md"); err != nil {
		t.Error(err)
	}
}
