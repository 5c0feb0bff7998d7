package verify

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("names of POSIX")
	}
	for _, c := range []struct {
		paths               Paths
		listed              string
		name, slashed, fail string
	}{
		{Paths{}, "a/../b", "a/../b", "", ""},
		{Paths{}, `d\x`, `d\x`, "d/x", ""},
		{Paths{Strip: 1}, "a/b/c", "b/c", "", ""},
		{Paths{Strip: 1}, "./a//b/./c", "b/c", "", ""},
		{Paths{Strip: 1}, "/a/b", "b", "", ""},
		{Paths{Strip: 1}, `a\b`, "b", "", ""},
		{Paths{Strip: 1}, "a", "a", "", "has only 1 component, cannot strip 1"},
		{Paths{Strip: 3}, "a/b", "a/b", "", "has only 2 components, cannot strip 3"},
		{Paths{Strip: 1}, "./", "./", "", "names no file"},
		{Paths{Basename: true}, "/a/b", "b", "", ""},
		{Paths{Basename: true}, `C:\a\b`, `C:\a\b`, "b", ""},
		{Paths{Remap: []Prefix{{"/a", ""}, {"/a/b", "x"}}}, "/a/b/c", "x/c", "", ""},
		{Paths{Remap: []Prefix{{"/a/b", "x/"}, {"/a", ""}}}, "/a/b/c", "x/c", "", ""},
		{Paths{Remap: []Prefix{{"/a", ""}}}, "/ab", "/ab", "", ""},
		{Paths{Remap: []Prefix{{"/a", "b"}}}, "/a", "b", "", ""},
		{Paths{Remap: []Prefix{{"/", ""}}}, "/a/b", "a/b", "", ""},
		{Paths{Remap: []Prefix{{"", "x"}}}, "a", "x/a", "", ""},
		{Paths{Remap: []Prefix{{`C:\dl\`, ""}}}, `C:\dl\a\b`, `a\b`, "a/b", ""},
		{Paths{Remap: []Prefix{{`C:\dl`, "x"}}}, "C:/dl/a", "x/a", "", ""},
		{Paths{Remap: []Prefix{{"dist", "a/b"}}, Strip: 1}, "dist/c", "b/c", "", ""},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			name, slashed, err := c.paths.resolve(c.listed)
			failed := ""
			if err != nil {
				failed = err.Error()
			}
			if name != c.name || slashed != c.slashed || failed != c.fail {
				t.Errorf("%+v: %q gives %q, %q, %v", c.paths, c.listed, name, slashed, err)
			}
		})
	}
}

func TestSpellings(t *testing.T) {
	for _, c := range []struct {
		name, slashed string
		want          []string
	}{
		{"plain", "", nil},
		{`a\b`, "a/b", []string{"a/b"}},
		{"\u00e9", "", []string{"e\u0301"}},
		{"e\u0301", "", []string{"\u00e9"}},
		{"\xff\u00e9", "", nil}, // not UTF-8, so of no form
		{"\\\u00e9", "/\u00e9", []string{"\\e\u0301", "/\u00e9", "/e\u0301"}},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			if got := spellings(c.name, c.slashed); !slices.Equal(got, c.want) {
				t.Errorf("%q: %q, want %q", c.name, got, c.want)
			}
		})
	}
}

// FuzzResolve compares the names with those that a plain reading of the rules gives.
func FuzzResolve(f *testing.F) {
	f.Add("/home/x/a", "/home", "y", 1, false)
	f.Add(`C:\a\..\b`, `C:\`, "", 0, true)
	f.Add("a//./b/", "", "c/", 2, false)
	f.Fuzz(func(t *testing.T, listed, from, to string, strip int, basename bool) {
		if strip < 0 || strip > 10 {
			return
		}
		p := Paths{Strip: strip, Basename: basename}
		name, _, err := p.resolve(listed)
		if err == nil && (strip > 0 || basename) {
			all := components(listed)
			if len(all) <= strip { // as it stands; with slashes it has more
				all = components(strings.ReplaceAll(listed, `\`, "/"))
			}
			parts := components(name)
			if len(parts) == 0 || path.IsAbs(name) || !slices.Equal(parts, all[len(all)-len(parts):]) {
				t.Fatalf("%+v: %q gives %q", p, listed, name)
			}
		}
		p.Remap = []Prefix{{from, to}}
		once, _, _ := (&Paths{Remap: p.Remap}).resolve(listed)
		if after, cut := p.Remap[0].cut(listed); cut && !strings.HasSuffix(once, after) || !cut && once != listed {
			t.Fatalf("%+v: %q gives %q", p, listed, once)
		}
		_, _, _ = p.resolve(listed)
	})
}
