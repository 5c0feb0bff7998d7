package manifest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"checksig/internal/manifest"
)

func TestRecognise(t *testing.T) {
	list := sha1A + "  a\n"
	for _, c := range []struct {
		name, fileName, text string
		want                 manifest.Content
		about                string
	}{
		{"GNU lines", "hashes.txt", list, manifest.Recognised, ""},
		{"GNU lines after comments", "hashes.txt", "# x\n\n" + list, manifest.Recognised, ""},
		{"BSD lines", "hashes.txt", "SHA1 (a) = " + sha1A + "\n", manifest.Recognised, ""},
		{"UTF-16", "hashes.txt", inUTF16(false, list), manifest.Recognised, ""},
		{"clear-signed", "SHA1SUMS.asc", pgpHead + list + pgpTail, manifest.Recognised, ""},
		{"a detached signature", "SHA1SUMS.asc", "-----BEGIN PGP SIGNATURE-----\n\niQEz\n=abcd\n" + pgpTail, manifest.NoDigests, ""},
		{"gzip", "hashes.txt.gz", string(compressors["gzip"](t, list)), manifest.Recognised, ""},
		{"a digest alone", "tool-sha1", sha1A + "\n", manifest.Recognised, "tool"},
		{"a digest alone, with an extension", "disc.iso.sha", sha1A + "\n", manifest.Recognised, "disc.iso"},
		{"a digest alone, of nothing", "hashes", sha1A + "\n", manifest.Unknown, ""},
		{"two digests alone", "hashes.txt", sha1A + "\n" + sha1A + "\n", manifest.Unknown, ""},
		{"a short digest", "hashes.txt", "a 01234567\n", manifest.NoDigests, ""},
		{"a short digest, but a name", "a-crc32", "a 01234567\n", manifest.Recognised, ""},
		{"a heading", "hashes.txt", "the digests\n" + list, manifest.Unknown, ""},
		{"name first", "hashes.txt", "a.iso " + sha1A + "\n", manifest.Recognised, ""},
		{"a sentence before a digest", "hashes.txt", "The digest is " + sha1A + "\n", manifest.Unknown, ""},
		{"a heading before a digest", "sha1.txt", "SHA1: " + sha1A + "\n", manifest.Recognised, "sha1"},
		{"JSON", "hashes.json", `{"a": "` + sha1A + `"}`, manifest.Unknown, ""},
		{"base64 after a heading", "hashes.txt", "hello\nb.txt LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\n", manifest.Unknown, ""},
		{"nothing but comments", "hashes.txt", strings.Repeat("# padding\n", 8000), manifest.Unknown, ""},
		{"a path of many folders", "hashes.txt", "see usr/share/documentation/packages/checksig/examples/hashes\n", manifest.NoDigests, ""},
		{"prose", "hashes.txt", "A hash is a number.\n", manifest.NoDigests, ""},
		{"nothing", "hashes.txt", "", manifest.NoDigests, ""},
		{"blanks", "hashes.txt", strings.Repeat(" ", 100_000), manifest.NoDigests, ""},
		{"binary", "hashes.txt", "\x00\x01" + sha1A + strings.Repeat("\x00", 100), manifest.NoDigests, ""},
		{"AppleDouble", "._SHA1SUMS", "\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", manifest.NoDigests, ""},
		{"text with an AppleDouble's name", "._SHA1SUMS", list, manifest.Recognised, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, about, err := manifest.Recognise(strings.NewReader(c.text), manifest.Options{FileName: c.fileName})
			if err != nil || got != c.want || about != c.about {
				t.Errorf("%d, %q, %v; want %d, %q", got, about, err, c.want, c.about)
			}
		})
	}
	broken := errors.New("broken")
	if _, _, err := manifest.Recognise(iotest.ErrReader(broken), manifest.Options{FileName: "x"}); !errors.Is(err, broken) {
		t.Errorf("a read error: %v", err)
	}
}

// A file that is no manifest is refused after its first block.
func TestReadRefusesData(t *testing.T) {
	for name, c := range map[string]struct {
		fileName, text string
		refused        bool
	}{
		"zeros":                      {"SHA1SUMS", strings.Repeat("\x00", 100), true},
		"binary":                     {"disc.iso", strings.Repeat("\x00\x01\x02abc", 100_000), true},
		"text":                       {"notes.txt", strings.Repeat("all is well\n", 10_000), true},
		"text of a manifest's name":  {"SHA1SUMS", "all is well\n", false},
		"a damaged manifest":         {"x", "\x00" + sha1A[1:] + "  a\n" + sha1A + "  b\n", false},
		"digests in an unknown form": {"x", "digest of a is " + sha1A + "\n", false},
		"a digest that is cut":       {"x", sha1A[1:] + "  a\n", false},
		"nothing":                    {"x", "\n \n", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := manifest.Read(strings.NewReader(c.text), manifest.Options{FileName: c.fileName})
			if errors.Is(err, manifest.ErrNoManifest) != c.refused {
				t.Errorf("got %v", err)
			}
		})
	}
	text := strings.NewReader(strings.Repeat("all is well\n", 1_000_000))
	if _, err := manifest.Read(text, manifest.Options{FileName: "x"}); err == nil || text.Size()-int64(text.Len()) > 2*manifest.MaxLine {
		t.Errorf("%d bytes were read, %v", text.Size()-int64(text.Len()), err)
	}
}
