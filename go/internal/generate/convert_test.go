package generate_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/generate"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
)

// converted writes text as a manifest and converts it.
func converted(t testing.TB, name, text string, r generate.ConvertRequest) (string, []string, error) {
	t.Helper()
	dir := t.TempDir()
	manifestIn(t, dir, name, text)
	var c collector
	r.Path = filepath.Join(dir, name)
	if r.ToCaller = r.Output == ""; !r.ToCaller {
		r.Output = filepath.Join(dir, r.Output)
	}
	_, err := generate.Convert(t.Context(), r, c.sink(), &hashpool.Progress{})
	slices.Sort(c.got)
	noTrace(t, dir)
	if !r.ToCaller && err == nil {
		if c.sent, err = os.ReadFile(r.Output); err != nil {
			t.Fatal(err)
		}
	}
	return string(c.sent), c.got, err
}

const (
	md5A    = "0cc175b9c0f1b6a831c399e269772661"
	sha1A   = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"
	sha256A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
)

func TestConvert(t *testing.T) {
	bsd := "SHA1 (b) = " + sha1A + "\nMD5 (a) = " + md5A + "\n"
	for _, c := range []struct{ name, text, to, output, want string }{
		{"SHA1SUMS", sha1A + " *b\n" + sha1A + "  a\n", "bsd", "", "SHA1 (b) = " + sha1A + "\nSHA1 (a) = " + sha1A + "\n"},
		{"list", bsd, "gnu", "list2", sha1A + "  b\n" + md5A + "  a\n"},
		{"list", bsd, "openssl", "", "SHA1(b)= " + sha1A + "\nMD5(a)= " + md5A + "\n"},
		{"list", "MD5 (a) = " + md5A + "\nMD5 (b) = " + md5A + "\nSHA1 (a) = " + sha1A + "\nSHA1 (b) = " + sha1A + "\n", "bsd", "",
			"MD5 (a) = " + md5A + "\nSHA1 (a) = " + sha1A + "\nMD5 (b) = " + md5A + "\nSHA1 (b) = " + sha1A + "\n"},
		{"a.sfv", "a b  e8b7be43\n", "bsd", "x", "CRC32 (a b) = e8b7be43\n"},
		{"x", "%%%% HASHDEEP-1.0\n%%%% size,md5,sha1,filename\n1," + md5A + "," + sha1A + ",a\n", "hashdeep", "",
			"%%%% HASHDEEP-1.0\n%%%% size,md5,sha1,filename\n1," + md5A + "," + sha1A + ",a\n"},
	} {
		t.Run(c.to, func(t *testing.T) {
			text, _, err := converted(t, c.name, c.text, generate.ConvertRequest{To: c.to, Output: c.output})
			if err != nil || text != c.want {
				t.Errorf("%q to %s: %v, got\n%s", c.text, c.to, err, text)
			}
		})
	}
}

func TestConvertLosesNothingInSilence(t *testing.T) {
	sized := "%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n1," + md5A + ",a\n"
	for _, c := range []struct{ text, to, want string }{
		{sha256A + "  a\nbad\n", "bsd", "line 2"},
		{sha256A + "  a\n", "sfv", "crc32"},
		{sha256A + "  a\n", "hashdeep", "line 1, \"a\": the format needs the file's size"},
		{sized, "gnu", "line 3, \"a\": its size would be lost"},
		{"\\" + sha256A + "  a\\nb\n", "openssl", `line 1, "a\nb"`},
		{sha256A + "  b\n" + sha256A + "   a\n", "pipe", `line 2, " a"`},
		{"BLAKE3 (a) = " + sha256A + "\nSHA256 (a) = " + sha256A + "\n", "gnu", "blake3"},
		{sha256A + "  a\n", "release", "can be read, but not written"},
		{sha256A + "  a\n", "none", "unknown format"},
		{sha256A + "  a\n", "", "name the format to write"},
		{sha256A + "  a\n" + sha256A + "  b\n", "sidecar", "one file"},
		{"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + sha256A + "  a\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n",
			"bsd", "signature would be lost"},
	} {
		t.Run(c.want, func(t *testing.T) {
			text, _, err := converted(t, "list", c.text, generate.ConvertRequest{To: c.to})
			if err == nil || !strings.Contains(err.Error(), c.want) || text != "" {
				t.Errorf("%q to %s: %v, got\n%s", c.text, c.to, err, text)
			}
		})
	}
	text, told, err := converted(t, "list", "# one\n"+sha256A+"  a\n# two\n", generate.ConvertRequest{To: "bsd"})
	if err != nil || text != "SHA256 (a) = "+sha256A+"\n" || !slices.Equal(told, []string{"comment # one", "comment # two"}) {
		t.Errorf("%q, told %q, %v", text, told, err)
	}
	_, _, err = converted(t, "list", sha256A+"  a\n", generate.ConvertRequest{To: "bsd", Output: "MD5SUMS"})
	if err != nil { // a tag says what the name does not
		t.Error(err)
	}
	_, _, err = converted(t, "list", "SHA256 (a) = "+sha256A+"\n", generate.ConvertRequest{To: "gnu", Output: "MD5SUMS"})
	var refused *generate.WriteError
	if !errors.As(err, &refused) {
		t.Errorf("SHA-256 under the name of MD5: %v", err)
	}
}

// FuzzConvert holds for any name: what can be written in a format is read back from it as it was,
// and by way of any other format that can say it.
func FuzzConvert(f *testing.F) {
	f.Add("name", uint8(0), uint8(1))
	f.Add("two\nlines\r", uint8(2), uint8(3))
	f.Add("\\ * ./\xff\xfe", uint8(4), uint8(5))
	f.Add("(a) = b", uint8(6), uint8(7))
	f.Add("", uint8(8), uint8(9))
	f.Add("-", uint8(10), uint8(11))
	f.Add("#x", uint8(12), uint8(13))
	f.Fuzz(func(t *testing.T, name string, from, to uint8) {
		if name == "" || strings.ContainsRune(name, 0) {
			t.Skip("no name")
		}
		a := manifest.Formats[int(from)%len(manifest.Formats)]
		b := manifest.Formats[int(to)%len(manifest.Formats)]
		if a.Write == nil || b.Write == nil || a.Base != b.Base {
			t.Skip("is only read")
		}
		algorithm := digest.ByName("sha256")
		if a == manifest.SFV || b == manifest.SFV {
			algorithm = digest.ByName("crc32")
		}
		h := algorithm.New()
		e := manifest.Entry{Name: name, Algorithm: algorithm, Digest: h.Sum(nil), HasSize: true}
		text := []byte{}
		var err error
		if a.Write.Begin != nil {
			if text, err = a.Write.Begin(text, []*digest.Algorithm{algorithm}); err != nil {
				return
			}
		}
		if text, err = a.Write.File(text, []manifest.Entry{e}); err != nil {
			return
		}
		first, _, err := converted(t, "list", string(text), generate.ConvertRequest{Format: a.Name, Algorithm: algorithm.Name, To: b.Name})
		if err != nil {
			return
		}
		back, _, err := converted(t, "list", first, generate.ConvertRequest{Format: b.Name, Algorithm: algorithm.Name, To: a.Name})
		if err != nil {
			var refused *generate.WriteError
			if !errors.As(err, &refused) { // the size may be what b cannot say
				t.Fatalf("%s, %s: %q was written as %q, which is not read: %v", a.Name, b.Name, name, first, err)
			}
			return
		}
		if back != string(text) && a != manifest.RECORD {
			t.Fatalf("%s, %s: %q became %q, and then %q", a.Name, b.Name, text, first, back)
		}
	})
}
