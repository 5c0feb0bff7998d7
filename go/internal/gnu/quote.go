package gnu

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The letters behind the backslash for what C escapes by a letter.
var escapeLetters = map[byte]byte{
	'\a': 'a', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v',
}

// quote returns word as coreutils shows it in a message about arguments: in the quotation marks of
// the locale, what cannot be printed as in C.
func (p *program) quote(word string) string {
	utf := p.utf8()
	left, right := "'", "'"
	if utf {
		left, right = "‘", "’"
	}
	var b strings.Builder
	b.WriteString(left)
	for rest := word; rest != ""; {
		c := nextChar(rest, utf)
		rest = rest[len(c.text):]
		letter := escapeLetters[c.text[0]]
		switch {
		case c.text == right || c.text == `\`:
			b.WriteString(`\` + c.text)
		case letter != 0:
			b.Write([]byte{'\\', letter})
		case !c.printable:
			b.WriteString(octal(c.text))
		default:
			b.WriteString(c.text)
		}
	}
	return b.String() + right
}

// quoteName returns a file's name as coreutils shows it in front of a message: as it is if a shell
// would read that as one word and nobody could take it for another, and otherwise quoted for a shell.
func (p *program) quoteName(name string) string {
	utf := p.utf8()
	if !needsQuotes(name, utf) {
		return name
	}
	if strings.Contains(name, "'") && fitsDoubleQuotes(name, utf) {
		return `"` + name + `"`
	}
	quoted, escaped := shellQuote(name, utf, false)
	if escaped && strings.Contains(name, "'") {
		quoted, _ = shellQuote(name, utf, true)
	}
	return quoted
}

// shellQuote returns name in single quotes, with $'...' for what cannot be printed, and whether it
// ends within such a part. Names with an apostrophe go through coreutils twice, and the second time
// starts in the part that the first has ended in; pending does it likewise.
func shellQuote(name string, utf, pending bool) (quoted string, escaped bool) {
	var b strings.Builder
	b.WriteByte('\'')
	for rest := name; rest != ""; {
		c := nextChar(rest, utf)
		rest = rest[len(c.text):]
		letter := escapeLetters[c.text[0]]
		if letter != 0 || !c.printable {
			if !pending {
				b.WriteString(`'$'`)
				pending = true
			}
			if letter != 0 {
				b.Write([]byte{'\\', letter})
			} else {
				b.WriteString(octal(c.text))
			}
			continue
		}
		if c.text == "'" {
			b.WriteString(`'\'`)
			pending = false
		} else if pending {
			b.WriteString("''")
			pending = false
		}
		b.WriteString(c.text)
	}
	b.WriteByte('\'')
	return b.String(), pending
}

// needsQuotes reports whether a shell would not read name as one plain word. A colon counts, as
// messages separate their parts with it.
func needsQuotes(name string, utf bool) bool {
	if name == "" || strings.ContainsAny(name, " :?'!\"$&()*;<=>[\\^`|") || strings.ContainsAny(name[:1], "#~") ||
		name == "{" || name == "}" {
		return true
	}
	return !printable(name, utf)
}

// fitsDoubleQuotes reports whether name means the same in double quotes, in a shell and in C.
func fitsDoubleQuotes(name string, utf bool) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case strings.IndexByte("?!\"$&()*;<=>[^`|\\", c) >= 0,
			(c == '#' || c == '~') && i != 0,
			(c == '{' || c == '}') && len(name) != 1:
			return false
		}
	}
	return printable(name, utf)
}

func printable(name string, utf bool) bool {
	for name != "" {
		c := nextChar(name, utf)
		if !c.printable {
			return false
		}
		name = name[len(c.text):]
	}
	return true
}

type char struct {
	text      string
	printable bool
}

// nextChar returns the first character of s, a single byte where it is none.
func nextChar(s string, utf bool) char {
	if s[0] < utf8.RuneSelf || !utf {
		return char{s[:1], ' ' <= s[0] && s[0] < 0x7f}
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 {
		return char{s[:1], false}
	}
	// iswprint(3) in glibc: all that is assigned, but for controls and line ends.
	return char{s[:size], unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S,
		unicode.Zs, unicode.Cf, unicode.Co)}
}

func octal(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, `\%03o`, text[i])
	}
	return b.String()
}
