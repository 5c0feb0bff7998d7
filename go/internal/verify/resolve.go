package verify

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Paths says how a name in a manifest becomes the name of a file: the longest prefix that matches is
// replaced, then leading components are removed, then all components but the last. The zero value leaves
// names unchanged.
type Paths struct {
	Remap    []Prefix
	Strip    int // leading components to remove
	Basename bool
}

// Prefix replaces the components of From at the beginning of a name by To. A backslash in From stands for
// either separator.
type Prefix struct{ From, To string }

var errNoName = errors.New("names no file")

// resolve returns the name of the file that listed stands for. If listed contains backslashes, slashed is the
// name with those as separators, to be tried if the first one does not exist.
func (p *Paths) resolve(listed string) (name, slashed string, err error) {
	name, err = p.apply(listed)
	if os.PathSeparator == '\\' || strings.IndexByte(listed, '\\') < 0 {
		return name, "", err
	}
	slashed, otherErr := p.apply(strings.ReplaceAll(listed, `\`, "/"))
	switch {
	case otherErr != nil:
		return name, "", err
	case err != nil:
		return slashed, "", nil
	case slashed == name:
		slashed = ""
	}
	return name, slashed, nil
}

func (p *Paths) apply(name string) (string, error) {
	if len(p.Remap) > 0 {
		name = p.remapped(name)
	}
	if p.Strip == 0 && !p.Basename {
		return name, nil
	}
	parts := components(name)
	if len(parts) == 0 {
		return name, errNoName
	}
	if len(parts) <= p.Strip {
		plural := "s"
		if len(parts) == 1 {
			plural = ""
		}
		return name, fmt.Errorf("has only %d component%s, cannot strip %d", len(parts), plural, p.Strip)
	}
	parts = parts[p.Strip:]
	if p.Basename {
		parts = parts[len(parts)-1:]
	}
	return strings.Join(parts, "/"), nil
}

func (p *Paths) remapped(name string) string {
	longest, rest := -1, ""
	for i, prefix := range p.Remap {
		if after, ok := prefix.cut(name); ok && (longest < 0 || len(prefix.From) > len(p.Remap[longest].From)) {
			longest, rest = i, after
		}
	}
	if longest < 0 {
		return name
	}
	to := p.Remap[longest].To
	if to == "" || rest == "" || isSeparator(to[len(to)-1]) {
		return to + rest
	}
	return to + "/" + rest
}

// cut returns the rest of name after the prefix, without separators at its beginning.
func (p Prefix) cut(name string) (string, bool) {
	from, seen := p.From, name
	if strings.Contains(from, `\`) {
		from, seen = strings.ReplaceAll(from, `\`, "/"), strings.ReplaceAll(name, `\`, "/")
	}
	if from == "" {
		return name, true
	}
	trimmed := strings.TrimRight(from, "/")
	if !strings.HasPrefix(seen, trimmed) {
		return "", false
	}
	seen = seen[len(trimmed):]
	if seen != "" && !isSeparator(seen[0]) {
		return "", false
	}
	rest := strings.TrimLeftFunc(seen, func(c rune) bool { return c < utf8.RuneSelf && isSeparator(byte(c)) })
	return name[len(name)-len(rest):], true
}

func isSeparator(c byte) bool { return os.IsPathSeparator(c) }

// components returns the components of a path, without ".".
func components(path string) []string {
	parts := strings.FieldsFunc(path, func(c rune) bool { return c < utf8.RuneSelf && isSeparator(byte(c)) })
	kept := parts[:0]
	for _, part := range parts {
		if part != "." {
			kept = append(kept, part)
		}
	}
	return kept
}

// hasDots reports whether ".." is a component of path: only the system can tell which file it is then.
func hasDots(path string) bool {
	if !strings.Contains(path, "..") {
		return false
	}
	for _, part := range components(path) {
		if part == ".." {
			return true
		}
	}
	return false
}

// spellings returns other names to try if name does not exist: in Unicode's other normal form (UAX #15),
// with backslashes as separators, or both.
func spellings(name, slashed string) []string {
	if slashed == "" && isASCII(name) {
		return nil
	}
	var others []string
	for _, n := range []string{name, slashed} {
		if n == "" {
			continue
		}
		if n != name {
			others = append(others, n)
		}
		if isASCII(n) || !utf8.ValidString(n) {
			continue
		}
		for _, form := range []norm.Form{norm.NFC, norm.NFD} {
			if other := form.String(n); other != n {
				others = append(others, other)
			}
		}
	}
	return others
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hasDrive reports whether path begins with a Windows drive letter, and so is absolute.
func hasDrive(path string) bool {
	return len(path) > 1 && path[1] == ':' && (path[0]|0x20) >= 'a' && (path[0]|0x20) <= 'z' &&
		(len(path) == 2 || path[2] == '/')
}
