package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"checksig/internal/manifest"
)

// What a manifest states and no entry covers is noted.
func TestUnverified(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"GNU":                 {sha1A + "  a\n", nil},
		"Gentoo":              {"DATA a 1 SHA1 " + sha1A + "\n", nil},
		"Gentoo, with IGNORE": {"IGNORE b\nDATA a 1 SHA1 " + sha1A + "\nOPTIONAL c\nIGNORE d\n", []string{"IGNORE", "OPTIONAL"}},
		"mtree": {"#mtree\n/set uid=0\n. type=dir\na type=file mode=0644 time=1.0 sha1=" + sha1A + "\nl type=link link=a\nb type=dir ignore\n..\n", []string{
			"ignore", "link", "mode", "time", "type=dir", "type=link", "uid"}},
		"mtree, only files": {"#mtree\na type=file size=1 sha1=" + sha1A + "\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			reading, err := manifest.Read(strings.NewReader(c.text), manifest.Options{FileName: "x"})
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = reading.Next()
			}
			if got := reading.Unverified(); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
