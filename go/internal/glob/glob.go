// Package glob matches names of files with patterns, in the language of .gitignore without "!".
//
// A name is bytes, relative to the folder that patterns start from, with "/" between its components. A pattern
// that has a "/" at its beginning or in its middle starts from that folder; any other matches at any depth:
//
//	*.tmp       files and folders of such a name, anywhere
//	build/      folders called build, anywhere; a "/" at the end stands for folders only
//	/build      the file or folder build at the top
//	src/*.o     in the folder src at the top, not in those below it
//	src/**/*.o  in that folder and in all below it
//	**/x/y      what is called y in a folder called x, anywhere
//	src/**      everything in the folder src at the top
//
// In a component:
//
//   - any characters, also none and a "." at the beginning
//     ?       one character
//     [a-z]   one character of these; [!a-z] or [^a-z] one of any others; a "]" that comes first stands for itself
//     \*      the character after the backslash, whatever it is
//
// "**" crosses folders only as a whole component; elsewhere it is "*". A character is one in UTF-8, or a byte that is
// not part of any. Upper and lower case differ, as do the normal forms of Unicode.
//
// A pattern that matches a folder stands for everything in it. Matching takes time in proportion to the length of
// the name, whatever the pattern; see [MaxPattern].
package glob

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// The bounds of patterns: what is longer, or more, is an error.
const (
	MaxPattern  = 4096    // bytes of one
	MaxPatterns = 10_000  // of each kind in a [Filter]
	MaxTotal    = 1 << 20 // bytes of all of these

	maxParts = 62 // components, each of which is a bit of a set
)

// Error says why a pattern cannot be used.
type Error struct {
	Option  string // "include" or "exclude"
	Pattern string
	Cause   string
}

func (e *Error) Error() string {
	if e.Pattern == "" {
		return e.Option + ": " + e.Cause
	}
	return fmt.Sprintf("%s: %.80q: %s", e.Option, e.Pattern, e.Cause)
}

// pattern is a pattern that was parsed.
type pattern struct {
	parts      []part
	folderOnly bool
}

// part is one component of a pattern.
type part struct {
	anyDepth bool   // any number of components
	literal  string // the whole component, if units is nil
	units    []unit
}

type unitKind uint8

const (
	exactly unitKind = iota
	anyOne
	anyNumber
	oneOf
)

// unit stands for one character of a component, or for any number of them.
type unit struct {
	kind    unitKind
	char    rune
	negated bool
	ranges  []span // of oneOf
}

// span is a range of characters, both ends included.
type span struct{ low, high rune }

// badByte plus a byte that is not part of a character in UTF-8 is how that byte is counted as one.
const badByte = utf8.MaxRune + 1

// decode returns the first character of text, and its size.
func decode(text string) (rune, int) {
	if c := text[0]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && size == 1 {
		return badByte + rune(text[0]), 1
	}
	return r, size
}

// parse returns the pattern that text stands for, or why it cannot be used.
func parse(text string) (*pattern, string) {
	p := &pattern{}
	rest, folderOnly := strings.CutSuffix(text, "/")
	p.folderOnly = folderOnly
	rest, anchored := strings.CutPrefix(rest, "/")
	switch {
	case text == "":
		return nil, "an empty pattern matches nothing"
	case len(text) > MaxPattern:
		return nil, fmt.Sprintf("longer than %d bytes", MaxPattern)
	case text[0] == '!':
		return nil, `"!" is not supported at the beginning: include says what is kept, and \! stands for the character`
	case rest == "":
		return nil, "names no file"
	}
	components := strings.Split(rest, "/")
	if !anchored && len(components) == 1 {
		p.parts = append(p.parts, part{anyDepth: true})
	}
	for i, component := range components {
		switch component {
		case "":
			return nil, `has "//" in it, which no name has`
		case ".", "..":
			return nil, fmt.Sprintf("has the component %q, which no name has; a / at the beginning stands for the top folder", component)
		case "**":
			if n := len(p.parts); n == 0 || !p.parts[n-1].anyDepth {
				p.parts = append(p.parts, part{anyDepth: true})
			}
			if i == len(components)-1 { // what is in the folder, not the folder itself
				p.parts = append(p.parts, part{units: []unit{{kind: anyNumber}}})
			}
			continue
		}
		parsed, cause := parsePart(component)
		if cause != "" {
			return nil, cause
		}
		p.parts = append(p.parts, parsed)
	}
	if len(p.parts) > maxParts {
		return nil, fmt.Sprintf("more than %d components", maxParts-1)
	}
	return p, ""
}

func parsePart(text string) (p part, cause string) {
	isPlain := true
	var literal strings.Builder
	for len(text) > 0 {
		c, size := decode(text)
		next := unit{char: c}
		switch c {
		case '*':
			next.kind, isPlain = anyNumber, false
		case '?':
			next.kind, isPlain = anyOne, false
		case '[':
			if next, size, cause = parseSet(text); cause != "" {
				return p, cause
			}
			isPlain = false
		case '\\':
			if len(text) == 1 {
				return p, "ends in a backslash"
			}
			next.char, size = decode(text[1:])
			size++
		}
		text = text[size:]
		if n := len(p.units); next.kind == anyNumber && n > 0 && p.units[n-1].kind == anyNumber {
			continue
		}
		if next.kind == exactly {
			literal.WriteString(encode(next.char))
		}
		p.units = append(p.units, next)
	}
	if isPlain {
		return part{literal: literal.String()}, ""
	}
	return p, ""
}

// encode is the inverse of decode.
func encode(c rune) string {
	if c >= badByte {
		return string([]byte{byte(c - badByte)})
	}
	return string(c)
}

// parseSet parses what begins with "[", and returns how many bytes it takes.
func parseSet(text string) (u unit, size int, cause string) {
	const unclosed = `a "[" without a "]": \[ stands for the character`
	u.kind = oneOf
	at := 1
	if at < len(text) && (text[at] == '!' || text[at] == '^') {
		u.negated = true
		at++
	}
	char := func() (rune, bool) {
		if at < len(text) && text[at] == '\\' {
			at++
		}
		if at >= len(text) {
			return 0, false
		}
		c, n := decode(text[at:])
		at += n
		return c, true
	}
	for first := true; ; first = false {
		switch {
		case at >= len(text):
			return u, 0, unclosed
		case text[at] == ']' && !first:
			return u, at + 1, ""
		case strings.HasPrefix(text[at:], "[:"), strings.HasPrefix(text[at:], "[."), strings.HasPrefix(text[at:], "[="):
			return u, 0, fmt.Sprintf("%q in a set is not supported", text[at:at+2])
		}
		low, ok := char()
		high := low
		if ok && at+1 < len(text) && text[at] == '-' && text[at+1] != ']' {
			at++
			high, ok = char()
		}
		if !ok {
			return u, 0, unclosed
		}
		if high < low {
			return u, 0, "a range in a set that ends before it begins"
		}
		u.ranges = append(u.ranges, span{low, high})
	}
}

func (u *unit) matches(c rune) bool {
	switch u.kind {
	case exactly:
		return c == u.char
	case oneOf:
		for _, r := range u.ranges {
			if r.low <= c && c <= r.high {
				return !u.negated
			}
		}
		return u.negated
	}
	return true
}

// matches reports whether a component has this form. Of several "*", only what the last one takes has to be tried
// again.
func (p *part) matches(name string) bool {
	if p.units == nil {
		return name == p.literal
	}
	at, next := 0, 0
	star, mark := -1, 0 // the last "*", and where what comes after it was looked for
	for at < len(name) {
		if next < len(p.units) && p.units[next].kind == anyNumber {
			star, mark = next, at
			next++
			continue
		}
		c, size := decode(name[at:])
		if next < len(p.units) && p.units[next].matches(c) {
			next++
			at += size
			continue
		}
		if star < 0 {
			return false
		}
		_, size = decode(name[mark:])
		mark += size
		at, next = mark, star+1
	}
	for next < len(p.units) && p.units[next].kind == anyNumber {
		next++
	}
	return next == len(p.units)
}

// progress is how far a pattern has got with a name: bit i is set if the first i parts may be done.
type progress uint64

// begin returns the progress before the first component.
func (p *pattern) begin() progress { return p.skip(1) }

// skip adds what is reached if an anyDepth takes no component.
func (p *pattern) skip(s progress) progress {
	for i := range p.parts {
		if p.parts[i].anyDepth && s&(1<<i) != 0 {
			s |= 1 << (i + 1)
		}
	}
	return s
}

// step returns the progress after one more component.
func (p *pattern) step(s progress, component string) progress {
	var after progress
	for left := uint64(s); left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		switch {
		case i == len(p.parts):
		case p.parts[i].anyDepth:
			after |= 1 << i
		case p.parts[i].matches(component):
			after |= 1 << (i + 1)
		}
	}
	return p.skip(after)
}

func (p *pattern) isDone(s progress) bool { return s&(1<<len(p.parts)) != 0 }

// matches reports whether the pattern matches name, which may be a folder's, or a folder that it lies in.
func (p *pattern) matches(name string, isFolder bool) bool {
	s := p.begin()
	for s != 0 {
		component, rest, more := strings.Cut(name, "/")
		s = p.step(s, component)
		if p.isDone(s) && (more || isFolder || !p.folderOnly) {
			return true
		}
		if !more {
			return false
		}
		name = rest
	}
	return false
}

// mayMatchIn reports whether the pattern matches the folder called name, or may match something in it.
func (p *pattern) mayMatchIn(name string) bool {
	s := p.begin()
	for s != 0 && !p.isDone(s) {
		component, rest, more := strings.Cut(name, "/")
		if s = p.step(s, component); !more {
			break
		}
		name = rest
	}
	return s != 0
}

// Filter says which files are kept: those that match one of the patterns of include, or all if there is none, without
// those that match one of exclude. A nil one keeps all. It may be used from any goroutine.
type Filter struct{ include, exclude []*pattern }

// NewFilter returns the filter of these patterns; nil if there are none. The error is an [*Error].
func NewFilter(include, exclude []string) (*Filter, error) {
	if len(include)+len(exclude) == 0 {
		return nil, nil
	}
	f := &Filter{}
	var err error
	if f.include, err = parseAll("include", include); err == nil {
		f.exclude, err = parseAll("exclude", exclude)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func parseAll(option string, texts []string) (all []*pattern, _ error) {
	if len(texts) > MaxPatterns {
		return nil, &Error{Option: option, Cause: fmt.Sprintf("more than %d patterns", MaxPatterns)}
	}
	total := 0
	for _, text := range texts {
		p, cause := parse(text)
		if cause == "" {
			if total += len(text); total > MaxTotal {
				cause = fmt.Sprintf("more than %d bytes of patterns", MaxTotal)
			}
		}
		if cause != "" {
			if text == "" {
				return nil, &Error{Option: option, Cause: cause}
			}
			return nil, &Error{option, text, cause}
		}
		all = append(all, p)
	}
	return all, nil
}

// Keeps reports whether the file called name is kept.
func (f *Filter) Keeps(name string) bool {
	return f == nil || (len(f.include) == 0 || matchesOne(f.include, name, false)) && !matchesOne(f.exclude, name, false)
}

// Excludes reports whether exclude matches the file called name, or a folder that it lies in.
func (f *Filter) Excludes(name string) bool { return f != nil && matchesOne(f.exclude, name, false) }

// ExcludesFolder reports whether exclude matches the folder called name, or one that it lies in.
func (f *Filter) ExcludesFolder(name string) bool {
	return f != nil && matchesOne(f.exclude, name, true)
}

// Prunes reports whether nothing is kept that lies in the folder called name.
func (f *Filter) Prunes(name string) bool {
	if f == nil {
		return false
	}
	if f.ExcludesFolder(name) {
		return true
	}
	for _, p := range f.include {
		if p.mayMatchIn(name) {
			return false
		}
	}
	return len(f.include) > 0
}

func matchesOne(patterns []*pattern, name string, isFolder bool) bool {
	for _, p := range patterns {
		if p.matches(name, isFolder) {
			return true
		}
	}
	return false
}

// Quote returns the pattern that matches the file called name at the top folder alone, and everything in it if it is a
// folder.
func Quote(name string) string {
	var b strings.Builder
	b.WriteByte('/')
	for i := range len(name) {
		if strings.IndexByte(`\*?[]`, name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
