package glob_test

import (
	"errors"
	"path"
	"regexp"
	"strings"
	"testing"

	"checksig/internal/glob"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, matches, not string }{
		{"*.tmp", "a.tmp|d/a.tmp|.tmp|d.tmp/x", "a.tmp2|a.TMP"},
		{"build", "build|d/build|build/x|d/build/x/y", "rebuild|build2"},
		{"build/", "build/x|d/build/x", "build|d/build"},
		{"/build", "build|build/x", "d/build"},
		{"/build/", "build/x", "build|d/build/x"},
		{"src/*.o", "src/a.o|src/.o", "src/d/a.o|d/src/a.o|a.o"},
		{"src/**/*.o", "src/a.o|src/d/a.o|src/d/e/a.o", "d/src/a.o"},
		{"**/x/y", "x/y|d/x/y|d/e/x/y/z", "y|x/d/y"},
		{"src/**", "src/a|src/d/e", "src|d/src/a"},
		{"**", "a|d/a", ""},
		{"**/", "d/a", "a"},
		{"**/a", "a|d/a", "ab"},
		{"/**/a", "a|d/e/a", "ab"},
		{"a/**/**/b", "a/b|a/x/y/b", "a/x"},
		{"a**b", "ab|axxb|d/axb", "a/b"},
		{"/a*b*c", "abc|axbxc|abbbc|abcbc", "abcd|xabc"},
		{"?", "a|ä|\xff|d/x", "ab|äb"},
		{"/a?b", "axb|a\xffb|aäb|a\u20acb", "ab|a/b|axxb"},
		{"[a-c]x", "ax|cx", "dx|-x"},
		{"[!a-c]x", "dx|\xffx|äx", "ax"},
		{"[^a]", "b|^", "a"},
		{"[]a]", "]|a", "b"},
		{"[!]a]", "b", "]|a"},
		{"[a-]", "a|-", "b"},
		{`[\]-a]`, "]|^|_|a", "b"},
		{"[ä-ü]", "ä|ö", "a|\xc3"},
		{"[\xf0-\xff]", "\xf5", "a|ä"},
		{`\*`, "*|d/*", "a"},
		{`\!x`, "!x", "x"},
		{`a\/b`, "", "a/b"}, // a backslash before a slash ends a component, and is refused below
		{"\xff*", "\xff|\xffa", "ÿ|a"},
		{"ä", "ä", "a\u0308"},
		{"#x", "#x", "x"},
		{" x ", " x ", "x"},
		{"[", "", ""},
	} {
		filter, err := glob.NewFilter(nil, []string{c.pattern})
		if err != nil {
			if c.matches != "" {
				t.Errorf("%q: %v", c.pattern, err)
			}
			continue
		}
		for _, name := range split(c.matches) {
			if filter.Keeps(name) {
				t.Errorf("%q does not match %q", c.pattern, name)
			}
		}
		for _, name := range split(c.not) {
			if !filter.Keeps(name) {
				t.Errorf("%q matches %q", c.pattern, name)
			}
		}
	}
}

func split(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, "|")
}

func TestIncludeAndExclude(t *testing.T) {
	filter, err := glob.NewFilter([]string{"*.fq", "/doc/**/*.md", "sub/"}, []string{"bad*", "old/"})
	if err != nil {
		t.Fatal(err)
	}
	for name, keeps := range map[string]bool{
		"a.fq": true, "d/a.fq": true, "a.txt": false, "doc/a.md": true, "doc/x/a.md": true, "x/doc/a.md": false,
		"sub/any": true, "x/sub/any": true, "sub": false, "bad.fq": false, "old/a.fq": false, "d/old/a.fq": false, "old.fq": true,
		"sub/bad1": false,
	} {
		if filter.Keeps(name) != keeps {
			t.Errorf("%q: kept %v", name, !keeps)
		}
	}
	anchored, err := glob.NewFilter([]string{"/a/b/*.x", "/c/**/y"}, []string{"/a/b/no/"})
	if err != nil {
		t.Fatal(err)
	}
	for name, prunes := range map[string]bool{
		"a": false, "a/b": false, "a/c": true, "a/b/no": true, "a/b/d": true, "b": true, "c": false, "c/d/e": false,
	} {
		if anchored.Prunes(name) != prunes {
			t.Errorf("%q: pruned %v", name, !prunes)
		}
	}
	var none *glob.Filter
	if !none.Keeps("a") || none.Prunes("a") || none.Excludes("a") {
		t.Error("no filter leaves something out")
	}
}

func TestWhatIsRefused(t *testing.T) {
	many := make([]string, glob.MaxPatterns+1)
	for i := range many {
		many[i] = "x"
	}
	for _, patterns := range [][]string{
		{""}, {"/"}, {"//"}, {"a//b"}, {"./a"}, {"../a"}, {"a/.."}, {"a/."}, {"!a"}, {"[a"}, {"["}, {"[]"}, {"[!]"}, {"[b-a]"},
		{`a\`}, {`a\/b`}, {"[[:alpha:]]"}, {"[[.a.]]"}, {`[a\`}, {"[a-"}, {strings.Repeat("x", glob.MaxPattern+1)},
		{strings.Repeat("a/", 62) + "b"}, many, largeOnes(),
	} {
		_, err := glob.NewFilter(patterns, nil)
		var refused *glob.Error
		if !errors.As(err, &refused) || refused.Option != "include" {
			t.Errorf("%.40q: %v", patterns, err)
		}
	}
}

func largeOnes() (all []string) {
	for range glob.MaxTotal/glob.MaxPattern + 1 {
		all = append(all, strings.Repeat("x", glob.MaxPattern))
	}
	return all
}

func TestQuote(t *testing.T) {
	for _, name := range []string{"a", "d/e", `a*b`, `[x]`, `back\slash`, "!x", "\xff?"} {
		filter, err := glob.NewFilter([]string{glob.Quote(name)}, nil)
		if err != nil || !filter.Keeps(name) || !filter.Keeps(name+"/x") || filter.Keeps("x/"+name) || filter.Keeps(name+"x") {
			t.Errorf("%q: %q, %v", name, glob.Quote(name), err)
		}
	}
}

// A name with many components, or a long one, takes no longer than in proportion to its length.
func TestHostileNames(t *testing.T) {
	filter, err := glob.NewFilter(nil, []string{
		strings.Repeat("*a", 100) + "b", strings.Repeat("**/a/", 30) + "b", "a/" + strings.Repeat("**/*a*/", 29) + "b",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{strings.Repeat("a", 60_000), strings.Repeat("a/", 30_000) + "c"} {
		if !filter.Keeps(name) {
			t.Errorf("%.20q is left out", name)
		}
	}
}

// FuzzOneComponent compares with path.Match, FuzzPatterns with a regular expression.
func FuzzOneComponent(f *testing.F) {
	f.Add("a*b?[c-d]", "axxbyc")
	f.Add("*\xff", "\xff\xff")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		want, err := path.Match(pattern, name)
		if err != nil || strings.ContainsAny(pattern, `/\[`) || strings.Contains(name, "/") || pattern == "." || pattern == ".." || pattern == "" ||
			pattern[0] == '!' || strings.ContainsRune(pattern, '\uFFFD') || name == "" || pattern == "**" {
			return
		}
		if filter, err := glob.NewFilter(nil, []string{"/" + pattern}); err == nil && filter.Keeps(name) == want {
			t.Errorf("%q, %q: path.Match says %v", pattern, name, want)
		}
	})
}

func FuzzPatterns(f *testing.F) {
	f.Add("a/**/b*/", "a/x/by/z")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		filter, err := glob.NewFilter(nil, []string{pattern})
		for _, c := range pattern + name {
			if c >= 0x80 || c == '\n' {
				return
			}
		}
		if err != nil || strings.ContainsAny(pattern, `[\`) || path.Clean(name) != name || path.IsAbs(name) || name == "." {
			return
		}
		if expression := translate(pattern); expression.MatchString(name) == filter.Keeps(name) {
			t.Errorf("%q, %q: %v", pattern, name, expression)
		}
	})
}

// translate returns a regular expression for the names that a pattern matches.
func translate(pattern string) *regexp.Regexp {
	body := strings.TrimSuffix(pattern, "/")
	text := "^"
	if !strings.Contains(body, "/") {
		text += "(?:.*/)?"
	}
	components := strings.Split(strings.TrimPrefix(body, "/"), "/")
	for i, component := range components {
		if component == "**" {
			if i == len(components)-1 {
				text += "(?:[^/]+/)*[^/]+"
			} else {
				text += "(?:[^/]+/)*"
			}
			continue
		}
		for _, c := range component {
			switch c {
			case '*':
				text += "[^/]*"
			case '?':
				text += "[^/]"
			default:
				text += regexp.QuoteMeta(string(c))
			}
		}
		if i < len(components)-1 {
			text += "/"
		}
	}
	if strings.HasSuffix(pattern, "/") {
		return regexp.MustCompile("(?s)" + text + "/.+$")
	}
	return regexp.MustCompile("(?s)" + text + "(?:/.*)?$")
}
