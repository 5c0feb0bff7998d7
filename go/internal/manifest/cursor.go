package manifest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDocument is the largest JSON document that is read as a whole, in bytes.
const MaxDocument = 32 << 20

// maxValues is how many strings, arrays and objects such a document may hold, each of which takes memory.
const maxValues = 1_000_000

// maxNesting is how deep arrays and objects may lie in each other.
const maxNesting = 64

// jsonCursor reads JSON (RFC 8259) that is in memory, value by value, strictly: a key that an object has
// twice is an error, as programs differ in which of the two they use, and so is text that is not UTF-8.
// The strings that it returns are parts of the document, and take no memory of their own.
//
// A method that returns an error has left the cursor where the document breaks.
type jsonCursor struct {
	text  string
	at    int
	line  int64 // newlines before counted
	upTo  int   // where the newlines were counted
	depth int
	count int // of strings, arrays and objects so far
}

var errTruncatedJSON = errors.New("truncated: the JSON document has no end")

// lineNumber returns the number of the line where the cursor is.
func (c *jsonCursor) lineNumber() int64 {
	c.line += int64(strings.Count(c.text[c.upTo:c.at], "\n"))
	c.upTo = c.at
	return c.line + 1
}

// peek returns the byte that begins the next value, 0 at the end.
func (c *jsonCursor) peek() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return b
		}
	}
	return 0
}

// expect consumes one byte.
func (c *jsonCursor) expect(b byte) error {
	if found := c.peek(); found != b {
		return c.unexpected(fmt.Sprintf("%q", b))
	}
	c.at++
	return nil
}

func (c *jsonCursor) unexpected(expected string) error {
	if c.peek() == 0 && c.at == len(c.text) {
		return errTruncatedJSON
	}
	return fmt.Errorf("invalid JSON: expected %s, found %q", expected, c.text[c.at])
}

// end returns an error if anything follows the value.
func (c *jsonCursor) end() error {
	if c.peek() != 0 || c.at < len(c.text) {
		return errors.New("invalid JSON: the document goes on after its end")
	}
	return nil
}

// object calls member with each key of an object, the cursor before the value, which member must consume.
func (c *jsonCursor) object(member func(key string) error) error {
	if err := c.open('{'); err != nil {
		return err
	}
	var seen map[string]struct{}
	for first := true; ; first = false {
		if done, err := c.next('}', first); done || err != nil {
			return err
		}
		if c.peek() != '"' {
			return c.unexpected("a key")
		}
		key, err := c.string()
		if err != nil {
			return err
		}
		if _, twice := seen[key]; twice {
			return fmt.Errorf("the key %.80q is there twice", key)
		}
		if seen == nil {
			seen = map[string]struct{}{}
		}
		seen[key] = struct{}{}
		if err := c.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
}

// array calls element for each element of an array, the cursor before it; element must consume it.
func (c *jsonCursor) array(element func() error) error {
	if err := c.open('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		if done, err := c.next(']', first); done || err != nil {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
}

func (c *jsonCursor) open(bracket byte) error {
	if err := c.expect(bracket); err != nil {
		return err
	}
	if err := c.counted(); err != nil {
		return err
	}
	if c.depth++; c.depth > maxNesting {
		return fmt.Errorf("nested more than %d levels deep", maxNesting)
	}
	return nil
}

// counted counts a value, and returns an error for one too many.
func (c *jsonCursor) counted() error {
	if c.count++; c.count > maxValues {
		return fmt.Errorf("document too large: more than %d strings, arrays and objects", maxValues)
	}
	return nil
}

// next consumes the comma before the next element, or the closing bracket: then it returns true.
func (c *jsonCursor) next(closing byte, first bool) (done bool, err error) {
	switch b := c.peek(); {
	case b == closing:
		c.at++
		c.depth--
		return true, nil
	case first:
		return false, nil
	case b != ',':
		return false, c.unexpected(fmt.Sprintf("a comma or %q", closing))
	}
	c.at++
	return false, nil
}

// string reads a string.
func (c *jsonCursor) string() (string, error) {
	if err := c.expect('"'); err != nil {
		return "", err
	}
	if err := c.counted(); err != nil {
		return "", err
	}
	start := c.at
	for i := start; i < len(c.text); i++ {
		switch b := c.text[i]; {
		case b == '"':
			c.at = i + 1
			if text := c.text[start:i]; utf8.ValidString(text) {
				return text, nil
			}
			return "", errors.New("invalid JSON: a string that is not UTF-8")
		case b == '\\':
			return c.escaped(start, i)
		case b < ' ':
			c.at = i
			return "", errors.New("invalid JSON: a control character in a string")
		}
	}
	c.at = len(c.text)
	return "", errTruncatedJSON
}

// escaped reads a string that began at start, from its first backslash on.
func (c *jsonCursor) escaped(start, at int) (string, error) {
	out := []byte(c.text[start:at])
	for at < len(c.text) {
		switch b := c.text[at]; {
		case b == '"':
			c.at = at + 1
			if !utf8.Valid(out) {
				return "", errors.New("invalid JSON: a string that is not UTF-8")
			}
			return string(out), nil
		case b < ' ':
			c.at = at
			return "", errors.New("invalid JSON: a control character in a string")
		case b != '\\':
			out = append(out, b)
			at++
		default:
			char, size, err := unescapeJSON(c.text[at:])
			if err != nil {
				c.at = at
				return "", err
			}
			out = utf8.AppendRune(out, char)
			at += size
		}
	}
	c.at = len(c.text)
	return "", errTruncatedJSON
}

// unescapeJSON returns the character that the escape at the beginning of text stands for, and its length.
func unescapeJSON(text string) (char rune, size int, err error) {
	if len(text) < 2 {
		return 0, 0, errTruncatedJSON
	}
	if i := strings.IndexByte(`"\/bfnrt`, text[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2, nil
	}
	first, ok := jsonUnit(text)
	if !ok {
		return 0, 0, errors.New("invalid JSON: an unknown escape in a string")
	}
	if !utf16.IsSurrogate(first) {
		return first, 6, nil
	}
	second, _ := jsonUnit(text[6:])
	if char = utf16.DecodeRune(first, second); char == utf8.RuneError {
		return 0, 0, errors.New("invalid JSON: half of a character in a string")
	}
	return char, 12, nil
}

// jsonUnit returns the UTF-16 unit of an escape \uXXXX.
func jsonUnit(text string) (rune, bool) {
	if len(text) < 6 || text[:2] != `\u` {
		return 0, false
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(unit), err == nil && text[2] != '+'
}

// skip reads over a value of any kind.
func (c *jsonCursor) skip() error {
	switch b := c.peek(); {
	case b == '{':
		return c.object(func(string) error { return c.skip() })
	case b == '[':
		return c.array(c.skip)
	case b == '"':
		_, err := c.string()
		return err
	}
	start := c.at
	for c.at < len(c.text) && strings.IndexByte("+-.0123456789abcdefghijklmnopqrstuvwxyzE", c.text[c.at]) >= 0 {
		c.at++
	}
	word := c.text[start:c.at]
	if word == "true" || word == "false" || word == "null" || jsonNumber().MatchString(word) {
		return nil
	}
	c.at = start
	return c.unexpected("a value")
}

var jsonNumber = pattern(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$`)

// number reads a whole number of at most 63 bits that is not negative.
func (c *jsonCursor) number() (int64, error) {
	c.peek()
	start := c.at
	if err := c.skip(); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(c.text[start:c.at], 10, 63)
	if err != nil {
		return 0, fmt.Errorf("expected a whole number, found %.20q", c.text[start:c.at])
	}
	return int64(n), nil
}

// ParseStrings reads a JSON object strictly, and returns those of its values that are strings.
func ParseStrings(text string) (map[string]string, error) {
	c, all := &jsonCursor{text: text}, map[string]string{}
	err := c.object(func(key string) (err error) {
		if c.peek() != '"' {
			return c.skip()
		}
		all[key], err = c.string()
		return err
	})
	if err == nil {
		err = c.end()
	}
	return all, err
}

// readDocument returns the whole document as text.
func readDocument(doc *Document) (string, error) {
	var text strings.Builder
	_, err := io.Copy(&text, &wholeDocument{doc: doc})
	return text.String(), err
}

// wholeDocument reads a document that its format keeps in memory, up to [MaxDocument].
type wholeDocument struct {
	doc  *Document
	size int64
}

func (w *wholeDocument) Read(p []byte) (int, error) {
	if w.size > MaxDocument {
		return 0, fmt.Errorf("a document of over %d bytes", MaxDocument)
	}
	n, err := w.doc.Read(p)
	w.size += int64(n)
	w.doc.done, w.doc.newlines = w.size, w.doc.newlines[:0] // the format counts lines itself
	return n, err
}
