package manifest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// maxJSONDepth is how deep arrays and objects may be nested.
	maxJSONDepth = 200
	// maxJSONKeys is how many members of an object may be read, or are compared with later ones; see
	// jsonKeys.
	maxJSONKeys = 10_000
	// maxJSONScalar is the longest number, in bytes.
	maxJSONScalar = 400
)

// jsonReader reads the values of a JSON document (RFC 8259) in their order.
//
// It is stricter than encoding/json, whose readers take the last of several members with one key, ignore the
// case of keys, and replace what is not Unicode: each of them would let two programs see different
// manifests in one document.
type jsonReader struct {
	r        *bufio.Reader
	doc      *Document
	line     func() int64 // returns the number of the current line
	offset   int64        // of the next byte
	depth    int
	skipping bool // nothing of the value is kept
	buffer   []byte
}

func newJSONReader(doc *Document) *jsonReader {
	r := &jsonReader{r: bufio.NewReader(doc), doc: doc}
	r.line = func() int64 { return doc.Line(r.offset) }
	return r
}

// valueError is the error for a value that was read but is not what its format expects. Reading can
// continue after it.
type valueError struct{ cause string }

func (e *valueError) Error() string { return e.cause }

func valueErrorf(format string, values ...any) error {
	return &valueError{fmt.Sprintf(format, values...)}
}

func (r *jsonReader) byte() (byte, error) {
	c, err := r.r.ReadByte()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	r.offset++
	if r.skipping && r.offset&0xfff == 0 {
		r.doc.Line(r.offset) // the bound on an item is not for what is not kept
	}
	return c, nil
}

// peek skips white space and returns the byte after it.
func (r *jsonReader) peek() (byte, error) {
	for {
		c, err := r.byte()
		if err != nil {
			return 0, err
		}
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			r.offset--
			return c, r.r.UnreadByte()
		}
	}
}

// atEnd reports whether only white space follows.
func (r *jsonReader) atEnd() (bool, error) {
	_, err := r.peek()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return true, nil
	}
	return false, err
}

func (r *jsonReader) unexpected(c byte, expected string) error {
	return fmt.Errorf("not JSON: expected %s, found %q", expected, rune(c))
}

// enter reads the beginning of an array or object.
func (r *jsonReader) enter() error {
	if r.depth++; r.depth > maxJSONDepth {
		return fmt.Errorf("arrays and objects in more than %d levels", maxJSONDepth)
	}
	_, err := r.byte()
	return err
}

// more reports whether another element follows in an array or object, and reads the comma before it, or
// the end.
func (r *jsonReader) more(first bool, end byte) (bool, error) {
	c, err := r.peek()
	switch {
	case err != nil:
		return false, err
	case c == end:
		r.depth--
		_, err = r.byte()
		return false, err
	case first:
		return true, nil
	case c != ',':
		return false, r.unexpected(c, fmt.Sprintf("a comma or %q", rune(end)))
	}
	_, err = r.byte()
	return true, err
}

// key reads a key and the colon after it.
func (r *jsonReader) key() (string, error) {
	c, err := r.peek()
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", r.unexpected(c, "a key")
	}
	key, err := r.quoted()
	if isValueError(err) {
		err = errors.New("a key that is not Unicode") // fatal: it may be any key
	}
	if err != nil {
		return "", err
	}
	c, err = r.peek()
	if err != nil {
		return "", err
	}
	if c != ':' {
		return "", r.unexpected(c, "a colon")
	}
	_, err = r.byte()
	return key, err
}

// jsonKeys are the keys of an object so far. Those of an object that is read member by member are compared
// with the first maxJSONKeys only, so that memory is bounded; each of its members is an entry anyway.
type jsonKeys map[[16]byte]bool // the beginnings of their SHA-256 digests, as keys may be long

func (k jsonKeys) add(key string) error {
	short := shortKey(key)
	if k[short] {
		return fmt.Errorf("two members with the key %.40q in one object", key)
	}
	if len(k) < maxJSONKeys {
		k[short] = true
	}
	return nil
}

func shortKey(key string) [16]byte {
	sum := sha256.Sum256([]byte(key))
	return [16]byte(sum[:16])
}

// members reads an object. each reads the value of a key.
//
// The error is a [*valueError] if the value is not an object, or the first one of each.
func (r *jsonReader) members(each func(key string) error) error {
	if c, err := r.peek(); err != nil || c != '{' {
		return r.mismatch(err, "an object")
	}
	if err := r.enter(); err != nil {
		return err
	}
	keys := jsonKeys{}
	var wrong error
	for first := true; ; first = false {
		if more, err := r.more(first, '}'); err != nil || !more {
			return orElse(err, wrong)
		}
		if len(keys) == maxJSONKeys {
			return fmt.Errorf("an object of over %d members", maxJSONKeys)
		}
		key, err := r.key()
		if err == nil {
			err = keys.add(key)
		}
		if err != nil {
			return err
		}
		if err = each(key); err != nil {
			bad, ok := err.(*valueError)
			if !ok {
				return err
			}
			wrong = orElse(wrong, valueErrorf("%.40q: %s", key, bad.cause))
		}
	}
}

// elements reads an array. each reads an element. The error is as that of members.
func (r *jsonReader) elements(each func() error) error {
	if c, err := r.peek(); err != nil || c != '[' {
		return r.mismatch(err, "an array")
	}
	if err := r.enter(); err != nil {
		return err
	}
	var wrong error
	for first := true; ; first = false {
		if more, err := r.more(first, ']'); err != nil || !more {
			return orElse(err, wrong)
		}
		if err := each(); err != nil {
			if !isValueError(err) {
				return err
			}
			wrong = orElse(wrong, err)
		}
	}
}

func isValueError(err error) bool { _, ok := err.(*valueError); return ok }

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// mismatch skips a value that is not what was expected. null is a value that is absent.
func (r *jsonReader) mismatch(err error, expected string) error {
	if err != nil {
		return err
	}
	c, err := r.peek()
	if err != nil {
		return err
	}
	if err := r.skip(); err != nil || c == 'n' {
		return err
	}
	return valueErrorf("expected %s", expected)
}

// text reads a string; null is the empty one.
func (r *jsonReader) text() (string, error) {
	c, err := r.peek()
	if err != nil || c != '"' {
		return "", r.mismatch(err, "a string")
	}
	return r.quoted()
}

// texts reads a string, or an array of strings.
func (r *jsonReader) texts() ([]string, error) {
	if c, err := r.peek(); err != nil || c != '[' {
		text, err := r.text()
		return []string{text}, err
	}
	var all []string
	err := r.elements(func() error {
		text, err := r.text()
		all = append(all, text)
		return err
	})
	return all, err
}

// quoted reads a string at its quotation mark.
func (r *jsonReader) quoted() (string, error) {
	if _, err := r.byte(); err != nil {
		return "", err
	}
	r.buffer = r.buffer[:0]
	for {
		more, err := r.character()
		if err != nil {
			return "", err
		}
		if !more {
			break
		}
	}
	if !utf8.Valid(r.buffer) {
		return "", valueErrorf("a string that is not Unicode")
	}
	return string(r.buffer), nil
}

// character appends the next character of a string to the buffer, or reports its end. An unpaired surrogate
// becomes bytes that are not valid UTF-8.
func (r *jsonReader) character() (bool, error) {
	c, err := r.byte()
	switch {
	case err != nil:
		return false, err
	case c == '"':
		return false, nil
	case c < ' ':
		return false, errors.New("not JSON: control character in a string")
	case c != '\\':
		r.buffer = append(r.buffer, c)
		return true, nil
	}
	if c, err = r.byte(); err != nil {
		return false, err
	}
	if at := strings.IndexByte(`"\/bfnrt`, c); at >= 0 {
		r.buffer = append(r.buffer, "\"\\/\b\f\n\r\t"[at])
		return true, nil
	}
	if c != 'u' {
		return false, fmt.Errorf("not JSON: unknown escape %q", `\`+string(rune(c)))
	}
	digits, err := r.r.Peek(4)
	unit, ok := codeUnit(digits)
	if !ok {
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		return false, errors.New(`not JSON: expected four hex digits after \u`)
	}
	r.discard(4)
	if !utf16.IsSurrogate(unit) {
		r.buffer = utf8.AppendRune(r.buffer, unit)
		return true, nil
	}
	if next, _ := r.r.Peek(6); len(next) == 6 && next[0] == '\\' && next[1] == 'u' {
		if low, ok := codeUnit(next[2:]); ok && utf16.DecodeRune(unit, low) != utf8.RuneError {
			r.discard(6)
			r.buffer = utf8.AppendRune(r.buffer, utf16.DecodeRune(unit, low))
			return true, nil
		}
	}
	r.buffer = append(r.buffer, 0xff)
	return true, nil
}

func (r *jsonReader) discard(n int) {
	_, _ = r.r.Discard(n) // Peek has them
	r.offset += int64(n)
}

// codeUnit returns the value of four hex digits.
func codeUnit(digits []byte) (unit rune, ok bool) {
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			unit = unit<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return unit, len(digits) == 4
}

// scalar reads a number, true, false or null.
func (r *jsonReader) scalar() (string, error) {
	c, err := r.peek()
	if err != nil {
		return "", err
	}
	var text []byte
	for isScalar(c) {
		if text = append(text, c); len(text) > maxJSONScalar {
			return "", errors.New("not JSON: a number that is too long")
		}
		_, _ = r.byte() // it was peeked at
		next, err := r.r.Peek(1)
		if err != nil {
			if errors.Is(err, io.EOF) {
				break // a document may end here
			}
			return "", err
		}
		c = next[0]
	}
	switch {
	case len(text) == 0:
		return "", r.unexpected(c, "a value")
	case !isJSONScalar(text):
		return "", fmt.Errorf("not JSON: expected a value, found %.40q", text)
	}
	return string(text), nil
}

// isJSONScalar reports whether text is a number, true, false or null.
func isJSONScalar(text []byte) bool {
	switch string(text) {
	case "true", "false", "null":
		return true
	}
	digits := func() (n int) {
		for len(text) > 0 && '0' <= text[0] && text[0] <= '9' {
			n, text = n+1, text[1:]
		}
		return n
	}
	text = bytes.TrimPrefix(text, []byte("-"))
	leadingZero := len(text) > 0 && text[0] == '0'
	if n := digits(); n == 0 || leadingZero && n > 1 {
		return false
	}
	if rest, ok := bytes.CutPrefix(text, []byte(".")); ok {
		if text = rest; digits() == 0 {
			return false
		}
	}
	if len(text) > 0 && text[0]|0x20 == 'e' {
		text = text[1:]
		if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
			text = text[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return len(text) == 0
}

func isScalar(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '+' || c == '.'
}

// size reads a size in bytes; ok is false for null.
func (r *jsonReader) size() (size int64, ok bool, err error) {
	c, err := r.peek()
	if err != nil || c == '"' || c == '{' || c == '[' {
		return 0, false, r.mismatch(err, "a size in bytes")
	}
	text, err := r.scalar()
	if err != nil || text == "null" {
		return 0, false, err
	}
	if size, err = parseSize([]byte(text)); err != nil {
		return 0, false, &valueError{err.Error()}
	}
	return size, true, nil
}

// number reads a number, and returns its text.
func (r *jsonReader) number() (string, error) {
	c, err := r.peek()
	if err != nil || c == '"' || c == '{' || c == '[' {
		return "", r.mismatch(err, "a number")
	}
	return r.scalar()
}

// boolean reads true or false; null is false.
func (r *jsonReader) boolean() (bool, error) {
	c, err := r.peek()
	if err != nil || c != 't' && c != 'f' {
		return false, r.mismatch(err, "true or false")
	}
	text, err := r.scalar()
	return text == "true", err
}

// skip reads a value and keeps nothing of it.
func (r *jsonReader) skip() error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	switch c {
	case '{', '[':
		return r.skipAll(c)
	case '"':
		return r.skipQuoted()
	}
	_, err = r.scalar()
	return err
}

// skipAll skips an array or object.
func (r *jsonReader) skipAll(begin byte) error {
	if err := r.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.more(first, begin+2) // in ASCII, "]" and "}" are two after "[" and "{"
		if err != nil || !more {
			return err
		}
		if begin == '{' {
			if c, err := r.peek(); err != nil || c != '"' {
				return orElse(err, r.unexpected(c, "a key"))
			}
			if err := r.skipQuoted(); err != nil {
				return err
			}
			if c, err := r.peek(); err != nil || c != ':' {
				return orElse(err, r.unexpected(c, "a colon"))
			}
			if _, err := r.byte(); err != nil {
				return err
			}
		}
		if err := r.skip(); err != nil {
			return err
		}
	}
}

func (r *jsonReader) skipQuoted() error {
	if _, err := r.byte(); err != nil {
		return err
	}
	for more := true; more; {
		r.buffer = r.buffer[:0]
		var err error
		if more, err = r.character(); err != nil {
			return err
		}
	}
	return nil
}

// jsonHead returns the keys of the object that head begins with, as far as head reaches, with those of
// their values that are strings. It is nil if head does not begin with a JSON object.
func jsonHead(head []byte) map[string]string {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 || head[0] != '{' {
		return nil
	}
	found := map[string]string{}
	r := newJSONReader(&Document{r: bytes.NewReader(head)})
	_ = r.members(func(key string) error {
		found[key] = ""
		c, err := r.peek()
		if err != nil || c != '"' {
			return orElse(err, r.skip())
		}
		text, err := r.quoted()
		found[key] = text
		return err
	})
	if len(found) == 0 {
		return nil
	}
	return found
}

// hasKeys reports whether an object has all of the keys.
func hasKeys(object map[string]string, keys ...string) bool {
	for _, key := range keys {
		if _, ok := object[key]; !ok {
			return false
		}
	}
	return true
}

// unknownJSON and wrappedJSON refuse JSON that no format accepts with one error, instead of one for each
// line. They are not in [Formats].
var (
	unknownJSON = refuse("json", "JSON that is no known kind of manifest; known: in-toto statements, "+
		"DSSE envelopes, Sigstore bundles, OpenSSF model signatures, conda's paths.json and conda-meta, "+
		"datapackage.json, RO-Crate, Croissant, package-lock.json, .cargo-checksum.json, CycloneDX, SPDX, simplestreams, objects of names and digests")
	wrappedJSON = refuse("json", "JSON inside a signature; only JSON without one is read")
)

// refuse returns a format whose manifests have one error and no entries.
func refuse(name, cause string) *Format {
	return &Format{Name: name, Read: func(*Lines, Options) Next {
		refused := false
		return func() (Entry, error) {
			if refused {
				return Entry{}, io.EOF
			}
			refused = true
			return Entry{}, &LineError{Line: 1, Fatal: true, Cause: cause}
		}
	}}
}

// detectJSON accepts what begins as a JSON object, or as an array of objects, arrays or strings.
func detectJSON(head []byte) bool {
	if jsonHead(head) != nil {
		return true
	}
	switch text := strings.Join(strings.Fields(string(head[:min(len(head), 100)])), ""); {
	case text == "{}", text == "[]":
		return true
	default:
		return strings.HasPrefix(text, "[{") || strings.HasPrefix(text, "[[") || strings.HasPrefix(text, `["`)
	}
}
