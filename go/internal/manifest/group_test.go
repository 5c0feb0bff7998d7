package manifest_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"checksig/internal/manifest"
)

// endless repeats a text.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

// Hostile lines that depend on one another take no time that grows faster than they do.
func TestHostileGroups(t *testing.T) {
	many := func(n int, line func(i int) string) string {
		var text strings.Builder
		for i := range n {
			text.WriteString(line(i))
		}
		return text.String()
	}
	for name, text := range map[string]string{
		"dsc, many fields": "Files:\n " + md5A + " 1 a\n" + many(200_000, func(i int) string { return fmt.Sprintf("f%d:\n", i) }),
		"dsc, many lists": many(20_000, func(i int) string {
			tag := strings.NewReplacer("0", "-", "1", "_").Replace(fmt.Sprintf("s%bh%ba%b1", i%32, i/32%32, i/1024))
			return fmt.Sprintf("Checksums-%s:\n %s 1 %d\n", tag, sha1A, i)
		}),
		"dsc, a long folder": "Directory: " + strings.Repeat("d", 60_000) + "\nFiles:\n" + strings.Repeat(" "+md5A+" 1 a\n", 40_000),
		"jar, a long name": "Manifest-Version: 1.0\n\nName: a\n" + strings.Repeat(" "+strings.Repeat("b", 60_000)+"\n", 20) +
			strings.Repeat("SHA1-Digest: "+inBase64(base64.StdEncoding, sha1A)+"\n", 15_000),
		"mtree, nested folders": "#mtree\n" + strings.Repeat("a type=dir\n", 70_000),
	} {
		t.Run(name, func(t *testing.T) {
			got := readAll(t, "x", text)
			if len(got) == 0 {
				t.Error("nothing was reported")
			}
		})
	}
}

// A format whose lines depend on one another keeps a bounded number of them.
func TestGroupsAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ head, text string }{
		"mtree":    {"a \\\n", "uid=0 \\\n"},
		"jar":      {"Manifest-Version: 1.0\n", " a\n"},
		"dsc":      {"Files:\n", " " + md5A + " 1 a\n"},
		"packages": {"Filename: a\n", " a\n"},
		"distinfo": {"TIMESTAMP = 1\n", "SHA1 (a) = " + sha1A + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := io.MultiReader(strings.NewReader(c.head), &endless{text: c.text})
			format, err := manifest.FormatNamed(name)
			if err != nil {
				t.Fatal(err)
			}
			reading, err := manifest.Read(r, manifest.Options{FileName: "x", Format: format})
			if err != nil {
				t.Fatal(err)
			}
			for range 1_000_000 {
				_, err = reading.Next()
				var bad *manifest.LineError
				if errors.As(err, &bad) && bad.Fatal {
					return
				}
				if errors.Is(err, io.EOF) {
					t.Fatal("the end of an endless manifest")
				}
			}
			t.Error("an endless group of lines is read without end")
		})
	}
}
