package manifest_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/manifest"
)

const (
	hex16 = "0123456789abcdef"
	hex64 = hex16 + hex16 + hex16 + hex16
)

// Neither the content of a manifest nor its shape leads to a weaker algorithm than its name or the caller
// demands.
func TestNothingWeakerThanDemanded(t *testing.T) {
	for name, c := range map[string]struct {
		file, algorithm, text string
		short                 bool
		want                  string // of each line: an algorithm, or a part of the error
	}{
		"SFV in a file named after SHA-256":        {"SHA256SUMS", "", "a c82514c9\n", false, "crc32 is weaker than sha256"},
		"SFV next to a file named after SHA-256":   {"a.sha256", "", "a c82514c9\n", false, "crc32 is weaker than sha256"},
		"SFV where SHA-512 is asked for":           {"sums", "sha512", "a c82514c9\n", false, "crc32 is weaker than sha512"},
		"SFV in a file of no algorithm":            {"sums.sfv", "", "a c82514c9\n", false, "crc32"},
		"an MD5 tag in SHA256SUMS":                 {"SHA256SUMS", "", "MD5 (a) = " + hex64[:32] + "\n", false, "md5 is weaker than sha256"},
		"an MD5 tag where SHA-1 is asked for":      {"sums", "sha1", "MD5 (a) = " + hex64[:32] + "\n", false, "md5"},
		"a SHA-256 tag in MD5SUMS":                 {"MD5SUMS", "", "SHA256 (a) = " + hex64 + "\n", false, "sha256"},
		"a SHA-256 tag in SHA512SUMS":              {"SHA512SUMS", "", "SHA256 (a) = " + hex64 + "\n", false, "sha256 is weaker than sha512"},
		"a shorter BLAKE2b in B2SUMS":              {"B2SUMS", "", "BLAKE2b-256 (a) = " + hex64 + "\n", false, "blake2b-256"},
		"BLAKE2b of 8 bits":                        {"sums", "", "BLAKE2b-8 (a) = 01\n", false, "fewer than 128 bits"},
		"BLAKE2b of 8 bits in B2SUMS":              {"B2SUMS", "", "01  a\n", false, "fewer than 128 bits"},
		"BLAKE2b of 120 bits":                      {"sums", "", "BLAKE2b-120 (a) = " + hex64[:30] + "\n", false, "fewer than 128 bits"},
		"BLAKE2b of 128 bits":                      {"sums", "", "BLAKE2b-128 (a) = " + hex64[:32] + "\n", false, "blake2b-128"},
		"BLAKE2s of 8 bits in a hashdeep column":   {"sums", "", "%%%% HASHDEEP-1.0\n%%%% size,blake2s-8,filename\n1,01,a\n", false, "fewer than 128 bits"},
		"BLAKE2b of 64 bits, asked for by name":    {"sums", "blake2b-64", hex16 + "  a\n", false, "blake2b-64"},
		"BLAKE2b of 64 bits, by the writer itself": {"sums", "", "BLAKE2b-64 (a) = " + hex16 + "\n", true, "blake2b-64"},
	} {
		t.Run(name, func(t *testing.T) {
			o := manifest.Options{FileName: c.file, AllowShort: c.short}
			if c.algorithm != "" {
				o.Algorithm = digest.ByName(c.algorithm)
			}
			reading, err := manifest.Read(strings.NewReader(c.text), o)
			if err != nil {
				t.Fatal(err)
			}
			e, err := reading.Next()
			got := fmt.Sprint(err)
			if err == nil {
				got = e.Algorithm.Name
			}
			if err == nil && got != c.want || err != nil && !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			var bad *manifest.LineError
			if err != nil && (!errors.As(err, &bad) || bad.Line == 0 || bad.Text != "a") {
				t.Errorf("%+v", err)
			}
			if _, err := reading.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("more than one entry: %v", err)
			}
		})
	}
}

// A PGP signature does not cover blanks at the end of a line, so that they cannot choose another file.
func TestBlanksOutsideAPGPSignature(t *testing.T) {
	for name, end := range map[string]string{"none": "", "a blank": " ", "a TAB": "\t", "several": " \t\r \t"} {
		t.Run(name, func(t *testing.T) {
			text := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + hex64 + "  app.bin" + end +
				"\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
			reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: "SHA256SUMS"})
			if err != nil {
				t.Fatal(err)
			}
			if e, err := reading.Next(); err != nil || e.Name != "app.bin" {
				t.Errorf("%q, %v", e.Name, err)
			}
		})
	}
}

func TestHeadersOfPGP(t *testing.T) {
	for header, good := range map[string]bool{
		"Hash: SHA256": true, "Hash: SHA512,SHA256": true, "Hash: SHA1, RIPEMD160": true, "Hash: SHA3-256": true,
		"Hash: " + hex64 + "  app.bin": false, "Hash: ": false, "Hash: SHA256 app.bin": false, "Comment: app.bin": false,
	} {
		t.Run(header, func(t *testing.T) {
			text := "-----BEGIN PGP SIGNED MESSAGE-----\n" + header + "\n\n" + hex64 + "  app.bin\n" +
				"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
			reading, err := manifest.Read(strings.NewReader(text), manifest.Options{FileName: "SHA256SUMS"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := reading.Next(); (err == nil) != good {
				t.Error(err)
			}
		})
	}
}

func TestBaseAt(t *testing.T) {
	for _, c := range []struct {
		format *manifest.Format
		dir    string
		chosen bool
		want   string
	}{
		{manifest.GNU, "/var/lib/dpkg/info", false, ""},
		{manifest.Dpkg, "/var/lib/dpkg/info", false, "../../../.."},
		{manifest.Dpkg, "/backup/root/var/lib/dpkg/info", false, "../../../.."},
		{manifest.Dpkg, "/backup/dpkg/info", false, ""},
		{manifest.Dpkg, "/backup", false, ""},
		{manifest.Dpkg, "/backup", true, "/"},
		{manifest.RECORD, "/lib/pkg-1.0.dist-info", false, ".."},
		{manifest.RECORD, "/lib/pkg", false, ""},
		{manifest.RECORD, "/lib/META-INF", false, ""},
		{manifest.Jar, "/x/META-INF", false, ".."},
		{manifest.Jar, "/x/lib-1.0.dist-info", false, ""},
		{manifest.Jar, "/x/NO-META-INF", false, ""},
		{manifest.Jar, "/x", true, ".."},
		{manifest.RECORD, "/lib/pkg", true, ".."},
		{manifest.CondaPaths, "/pkgs/a-1-0/info", false, ".."},
		{manifest.CondaPaths, "/pkgs/a-1-0", false, ""},
		{manifest.CondaMeta, "/env/conda-meta", false, ".."},
		{manifest.CondaMeta, "/env/info", false, ""},
		{manifest.CondaMeta, "/env/xconda-meta", false, ""},
		{manifest.Simplestreams, "/mirror/streams/v1", false, "../.."},
		{manifest.Simplestreams, "/mirror/v1", false, ""},
		{manifest.Repomd, "/srv/repo/repodata", false, ".."},
		{manifest.Repomd, "/srv/repo/xrepodata", false, ""},
		{manifest.RPMPrimary, "/srv/repo/repodata", false, ".."},
		{manifest.ASCMHL, "/reel/ascmhl", false, ".."},
		{manifest.ASCMHL, "/reel/lists", false, ""},
		{manifest.ASCMHLChain, "/reel/ascmhl", false, ""},
		{manifest.MHL, "/reel/ascmhl", false, ""},
	} {
		t.Run(fmt.Sprintf("%s in %s, chosen %t", c.format.Name, c.dir, c.chosen), func(t *testing.T) {
			if got := c.format.BaseAt(c.dir, c.chosen); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A list next to its file is about that file, and about no other one whose name is shorter.
func TestSidecarOfATextFile(t *testing.T) {
	for file, want := range map[string]string{
		"disc.iso.txt": "disc.iso", "disc.iso.sha256.txt": "disc.iso", "disc.iso.sha256": "disc.iso", "disc.txt": "disc",
	} {
		t.Run(file, func(t *testing.T) {
			reading, err := manifest.Read(strings.NewReader(hex64+"\n"), manifest.Options{FileName: file})
			if err != nil {
				t.Fatal(err)
			}
			if e, err := reading.Next(); err != nil || e.Name != want {
				t.Errorf("%q, %v", e.Name, err)
			}
		})
	}
}
