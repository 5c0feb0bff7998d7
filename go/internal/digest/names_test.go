package digest_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"checksig/internal/digest"
)

// tags has the tags that tools write, separated by blanks. The tools are BSD's (NetBSD, FreeBSD's
// sha512t256), OpenSSL 1.1 and 3, coreutils, Perl's shasum, RHash, b3sum, xxhsum, PowerShell's
// Get-FileHash, certutil, and those for BagIt (RFC 8493).
var tags = map[string]string{
	"crc32":          "CRC32 crc32 CRC-32 crc32b",
	"crc32c":         "CRC32C crc-32c",
	"adler32":        "ADLER32 adler32 Adler-32",
	"ripemd160":      "RIPEMD160 RMD160 ripemd160 RIPEMD-160",
	"xxh64":          "XXH64 xxh64",
	"xxh3":           "XXH3 XXH3_64",
	"xxh128":         "XXH128 XXH3_128",
	"md5":            "MD5 md5 MD-5",
	"sha1":           "SHA1 sha1 SHA-1",
	"sha224":         "SHA224 SHA2-224 SHA-224",
	"sha256":         "SHA256 SHA2-256 SHA-256 sha256 Sha_256",
	"sha384":         "SHA384 SHA2-384",
	"sha512":         "SHA512 SHA2-512",
	"crc64nvme":      "CRC64NVME CRC-64/NVME crc64_nvme",
	"gitblob-sha1":   "gitBlob gitblob-sha1 git-blob-sha1 sha1_git",
	"gitblob-sha256": "gitblob-sha256 sha256_git",
	"sha512-224":     "SHA512/224 SHA2-512/224 SHA512t224 sha512224",
	"sha512-256":     "SHA512/256 SHA2-512/256 SHA512-256 SHA512t256 SHA512_256 sha512256",
	"sha3-224":       "SHA3-224",
	"sha3-256":       "SHA3-256 SHA3_256 sha3256",
	"sha3-384":       "SHA3-384",
	"sha3-512":       "SHA3-512",
	"blake2b":        "BLAKE2b BLAKE2B BLAKE2b512 BLAKE2B-512 blake2b-512",
	"blake2s":        "BLAKE2s BLAKE2S BLAKE2s256 BLAKE2S-256",
	"blake2b-8":      "BLAKE2b-8",
	"blake2b-256":    "BLAKE2b-256 blake2b256 BLAKE2B_256",
	"blake2s-128":    "BLAKE2s-128",
	"blake3":         "BLAKE3 blake3",
	"sm3":            "SM3 sm3",
	"bsdsum":         "bsdsum",
	"sysvsum":        "sysvsum",
	"cksum":          "cksum CKSUM",
}

func TestByTag(t *testing.T) {
	for name, spellings := range tags {
		for tag := range strings.FieldsSeq(spellings) {
			t.Run(tag, func(t *testing.T) {
				if got := digest.ByTag(tag); got != named(t, name) {
					t.Errorf("ByTag = %+v, want %s", got, name)
				}
			})
		}
	}
	for _, a := range digest.Table {
		t.Run(a.Name, func(t *testing.T) {
			if tags[a.Name] == "" {
				t.Error("no tag was tried")
			}
			for _, tag := range append([]string{a.Name}, a.Spellings...) {
				if got := digest.ByTag(tag); got != a {
					t.Errorf("ByTag(%q) = %+v", tag, got)
				}
			}
		})
	}
}

func TestUnknownTags(t *testing.T) {
	for _, tag := range []string{"", "-", "SHA", "SHA2", "SHA3", "SHA0", "SHA1-1", "SHA255", "SHA512/225", "SHA3-128", "MD4",
		"XXH32", "XXH64_LE", "XXH128_LE", "CRC", "ADLER", "RIPEMD", "RIPEMD128", "RIPEMD320", "B2", "SFV", "BLAKE2", "BLAKE2b-0", "BLAKE2b-4", "BLAKE2b-08", "BLAKE2b-520",
		"BLAKE2s-512", "BLAKE2bp", "BLAKE3-512", "SHA256 ", " SHA256", "SHA 256", "ſha256", "SHA256\x00", "256", "SHA256256",
		strings.Repeat("-", 99) + "sha256"} {
		t.Run(fmt.Sprintf("%.40q", tag), func(t *testing.T) {
			if a := digest.ByTag(tag); a != nil {
				t.Errorf("ByTag = %s", a.Name)
			}
		})
	}
}

func TestEveryLengthIsOneAlgorithm(t *testing.T) {
	for _, row := range digest.Table {
		t.Run(row.Name, func(t *testing.T) {
			if !row.Variable() {
				if row.OfSize(row.Size) != row || row.OfSize(row.Size-1) != nil {
					t.Error("other lengths exist")
				}
				return
			}
			seen := map[*digest.Algorithm]bool{}
			for size := 1; size <= row.Size; size++ {
				a := row.OfSize(size)
				if a == nil || a.Size != size || a.New().Size() != size || seen[a] {
					t.Fatalf("OfSize(%d) = %+v", size, a)
				}
				seen[a] = true
				if digest.ByName(a.Name) != a || digest.ByTag(a.Name) != a || digest.NamedIn("x."+a.Name) != a || a.OfSize(row.Size) != row {
					t.Errorf("a lookup of %s returns another algorithm", a.Name)
				}
			}
			for _, size := range []int{-1, 0, row.Size + 1} {
				if a := row.OfSize(size); a != nil {
					t.Errorf("OfSize(%d) = %s", size, a.Name)
				}
			}
		})
	}
}

func TestLookupsFromManyGoroutinesAgree(t *testing.T) {
	const goroutines = 16
	var found [goroutines]*digest.Algorithm
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() { found[i] = digest.ByTag("BLAKE2s-136") })
	}
	all.Wait()
	for _, a := range found {
		if a == nil || a != found[0] {
			t.Fatalf("one tag is found as %p and %p", a, found[0])
		}
	}
}

func TestLookupsAllocateNothing(t *testing.T) {
	digest.ByTag("BLAKE2b-256")
	if n := testing.AllocsPerRun(100, func() { digest.ByTag("SHA2-512/256") }); n > 0 {
		t.Errorf("%v allocations for a tag", n)
	}
}

// tagPatterns match the tags of an algorithm, in lower case and without separators.
var tagPatterns = map[string]*regexp.Regexp{
	"crc32":          regexp.MustCompile(`^crc32b?$`),
	"crc32c":         regexp.MustCompile(`^crc32c$`),
	"adler32":        regexp.MustCompile(`^adler32$`),
	"ripemd160":      regexp.MustCompile(`^(?:ripemd|rmd)160$`),
	"xxh64":          regexp.MustCompile(`^xxh(?:ash)?64$`),
	"xxh3":           regexp.MustCompile(`^xxh3(?:64)?$`),
	"xxh128":         regexp.MustCompile(`^(?:xxh(?:ash)?|xxh3)128$`),
	"md5":            regexp.MustCompile(`^md5$`),
	"sha1":           regexp.MustCompile(`^sha1$`),
	"sha224":         regexp.MustCompile(`^sha2?224$`),
	"sha256":         regexp.MustCompile(`^sha2?256$`),
	"sha384":         regexp.MustCompile(`^sha2?384$`),
	"sha512":         regexp.MustCompile(`^sha2?512$`),
	"crc64nvme":      regexp.MustCompile(`^crc64nvme$`),
	"gitblob-sha1":   regexp.MustCompile(`^(?:gitblob(?:sha1)?|sha1git)$`),
	"gitblob-sha256": regexp.MustCompile(`^(?:gitblobsha256|sha256git)$`),
	"sha512-224":     regexp.MustCompile(`^sha2?512t?224$`),
	"sha512-256":     regexp.MustCompile(`^sha2?512t?256$`),
	"sha3-224":       regexp.MustCompile(`^sha3224$`),
	"sha3-256":       regexp.MustCompile(`^sha3256$`),
	"sha3-384":       regexp.MustCompile(`^sha3384$`),
	"sha3-512":       regexp.MustCompile(`^sha3512$`),
	"blake2s":        regexp.MustCompile(`^blake2s(?:256)?$`),
	"blake2b":        regexp.MustCompile(`^blake2b(?:512)?$`),
	"blake3":         regexp.MustCompile(`^blake3(?:256)?$`),
	"sm3":            regexp.MustCompile(`^sm3$`),
	"bsdsum":         regexp.MustCompile(`^bsdsum$`),
	"sysvsum":        regexp.MustCompile(`^sysvsum$`),
	"cksum":          regexp.MustCompile(`^cksum$`),
}

var withLength = regexp.MustCompile(`^(blake2[bs])([1-9][0-9]*)$`)

// FuzzByTag compares ByTag with a second implementation by regular expressions.
func FuzzByTag(f *testing.F) {
	for _, spellings := range tags {
		for tag := range strings.FieldsSeq(spellings) {
			f.Add(tag)
		}
	}
	separators := strings.NewReplacer("-", "", "_", "", "/", "")
	f.Fuzz(func(t *testing.T, tag string) {
		if len(tag) > 32 {
			t.Skip("longer than any tag")
		}
		plain, want := separators.Replace(tag), ""
		if isASCII(plain) {
			plain = strings.ToLower(plain)
		}
		for name, pattern := range tagPatterns {
			if pattern.MatchString(plain) {
				want = name
			}
		}
		if found := withLength.FindStringSubmatch(plain); found != nil {
			if a := digest.ByName(found[1] + "-" + found[2]); a != nil {
				want = a.Name
			}
		}
		got := digest.ByTag(tag)
		if (got == nil) != (want == "") || got != nil && got.Name != want {
			t.Fatalf("ByTag(%q) = %+v, want %q", tag, got, want)
		}
	})
}

// isASCII reports whether s can be converted to lower case: ByTag ignores the case of ASCII letters only.
func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0 }
