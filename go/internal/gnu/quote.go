package gnu

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapeLetters has the letter after the backslash for characters that C escapes with a letter.
var escapeLetters = map[byte]byte{
	'\a': 'a', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v',
}

// quote returns word as coreutils prints it in a message about arguments: in the quotation marks of
// the locale, with C escapes for unprintable characters.
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

// quoteName returns a file's name as coreutils prints it before a message: unchanged if a shell would
// read it as one plain word, and otherwise quoted for a shell.
func (p *program) quoteName(name string) string {
	utf := p.utf8()
	if !needsQuotes(name, utf) {
		return name
	}
	if strings.Contains(name, "'") && fitsDoubleQuotes(name, utf) {
		return `"` + name + `"`
	}
	return shellQuote(name, utf)
}

// shellQuote returns name in single quotes, with $'...' for unprintable characters.
func shellQuote(name string, utf bool) string {
	var b strings.Builder
	pending := false // in such a part
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
	return b.String()
}

// needsQuotes reports whether a shell would not read name as one plain word. Names with a colon are
// quoted, too, because colons separate the parts of a message.
func needsQuotes(name string, utf bool) bool {
	if name == "" || strings.ContainsAny(name, " :?'!\"$&()*;<=>[\\^`|") || strings.ContainsAny(name[:1], "#~") ||
		name == "{" || name == "}" {
		return true
	}
	return !printable(name, utf)
}

// fitsDoubleQuotes reports whether a shell and C read name in double quotes unchanged.
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

// nextChar returns the first character of s, or its first byte if that is not one.
func nextChar(s string, utf bool) char {
	if s[0] < utf8.RuneSelf || !utf {
		return char{s[:1], ' ' <= s[0] && s[0] < 0x7f}
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 {
		return char{s[:1], false}
	}
	// iswprint(3) in glibc: all assigned characters except controls and line separators.
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
