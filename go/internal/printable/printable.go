// Package printable shows the names of files, and other texts that may be hostile, in messages.
//
// It does what src/checksig/_printable.py does, so that the C API and the Python package show a name in the
// same way. tests/golden/quoting.json holds examples that the tests of both read. (Characters that are
// newer than the Unicode tables of Go or of Python may differ.)
package printable

import (
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote returns name in double quotes, on one line and harmless to a terminal.
//
// Quotes, backslashes, characters that are not printable and bytes that are not UTF-8 are escaped:
// \", \\, \n, \r, \t, \x1b, \u2028, \U000e0001, \xff. On Windows backslashes separate folders and are
// not escaped.
func Quote(name string) string { return `"` + escape(name, os.PathSeparator == '\\', true) + `"` }

// Text returns text on one line and harmless to a terminal. Quotes and backslashes stay as they are: a
// text can hold names that are quoted already, and can pass through Text twice.
func Text(text string) string { return escape(text, os.PathSeparator == '\\', false) }

// escape returns name with an escape for everything that is not printable, and with quotes also for
// quotes and, except on Windows, for backslashes.
func escape(name string, windows, quotes bool) string {
	var s strings.Builder
	s.Grow(len(name))
	// Names on Windows may hold lone surrogates, encoded as if they were characters.
	surrogates := windows && isWTF8(name)
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		if surrogates {
			r, size = decodeWTF8(name)
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&s, `\x%02x`, name[0])
		case 0xDC80 <= r && r <= 0xDCFF: // Python's form of a byte that is not UTF-8
			fmt.Fprintf(&s, `\x%02x`, r-0xDC00)
		case quotes && (r == '"' || r == '\\' && !windows):
			s.WriteByte('\\')
			s.WriteRune(r)
		case unicode.IsPrint(r):
			s.WriteRune(r)
		case r == '\n':
			s.WriteString(`\n`)
		case r == '\r':
			s.WriteString(`\r`)
		case r == '\t':
			s.WriteString(`\t`)
		case r < 0x100:
			fmt.Fprintf(&s, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&s, `\u%04x`, r)
		default:
			fmt.Fprintf(&s, `\U%08x`, r)
		}
		name = name[size:]
	}
	return s.String()
}

// isWTF8 reports whether name is UTF-8, but for lone surrogates.
func isWTF8(name string) bool {
	for len(name) > 0 {
		r, size := decodeWTF8(name)
		if r == utf8.RuneError && size == 1 {
			return false
		}
		name = name[size:]
	}
	return true
}

// decodeWTF8 is [utf8.DecodeRuneInString], and decodes surrogates, too.
func decodeWTF8(name string) (rune, int) {
	if len(name) >= 3 && name[0] == 0xED && 0xA0 <= name[1] && name[1] <= 0xBF && 0x80 <= name[2] && name[2] <= 0xBF {
		return 0xD000 | rune(name[1]&0x3F)<<6 | rune(name[2]&0x3F), 3
	}
	return utf8.DecodeRuneInString(name)
}
