package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"checksig/internal/digest"
)

// jsonNode says what a format reads of a value. One of the fields fields, each, members, read and payload is
// set. null stands for a value that is absent.
type jsonNode struct {
	fields  map[string]*jsonNode // the value is an object; other members are skipped
	each    *jsonNode            // the value is an array, of any length
	members *jsonNode            // the value is an object with any keys, of any length
	// required are the keys without which an object lists less than it seems to.
	required []string
	// read reads the value, which is kept in memory. key is that of its member, or "".
	read func(key string) ([]Entry, error)
	// payload returns a walk of the document that the value, a string, holds in base64.
	payload func(content io.Reader) *jsonWalk
	// skip reports whether the value is not wanted; nil for one that is.
	skip func() bool
	// end is called after the last member or element; nil for nothing.
	end func() ([]Entry, error)
}

// jsonWalk reads the values of a document that its nodes describe, in their order.
type jsonWalk struct {
	r       *jsonReader
	root    *jsonNode
	several bool // documents may follow one another, as in JSON Lines
	begun   bool
	line    int64 // of the last value that was begun
	frames  []*jsonFrame
	inner   *jsonWalk // of a payload
	pending severalErrors
}

// jsonFrame is an array or object that is being read member by member.
type jsonFrame struct {
	node *jsonNode
	last byte // its closing bracket
	keys jsonKeys
	read bool // a member has been read
}

// readJSON returns the entries of doc. newRoot returns what the format reads of it.
func readJSON(doc *Document, several bool, newRoot func(r *jsonReader) *jsonNode) Next {
	r := newJSONReader(doc)
	return perItem(doc, (&jsonWalk{r: r, root: newRoot(r), several: several}).next)
}

// next returns the entries of the next value that has any, as perItem wants them.
func (w *jsonWalk) next() ([]Entry, error) {
	if len(w.pending) > 0 {
		err := w.pending[0]
		w.pending = w.pending[1:]
		return w.numbered(nil, err)
	}
	for {
		entries, err := w.step()
		if err != nil || len(entries) > 0 {
			return w.numbered(entries, err)
		}
	}
}

// numbered sets the line of what was read.
func (w *jsonWalk) numbered(entries []Entry, err error) ([]Entry, error) {
	if several, ok := err.(severalErrors); ok {
		err, w.pending = several[0], several[1:]
	}
	var bad *LineError
	switch {
	case isValueError(err):
		err = &LineError{Line: w.line, Cause: err.Error()}
	case errors.As(err, &bad):
		bad.Line = orLine(bad.Line, w.line)
	case err != nil:
		w.r.line() // the error is where reading ended
	}
	for i := range entries {
		entries[i].Line = orLine(entries[i].Line, w.line)
	}
	return entries, err
}

// severalErrors are the errors of an item that lists several files.
type severalErrors []error

func (s severalErrors) Error() string { return s[0].Error() }

// maxItemErrors is how many errors of one item are kept: far more than a person reads.
const maxItemErrors = 1000

// add returns s with another error, if there is one, or with those that it is.
func (s severalErrors) add(err error) severalErrors {
	if len(s) >= maxItemErrors {
		return s
	}
	if several, ok := err.(severalErrors); ok {
		return append(s, several...)
	}
	if err != nil {
		s = append(s, err)
	}
	return s
}

// keep adds the errors of an item inside another one. It returns those that end the document.
func (s *severalErrors) keep(err error) error {
	switch err.(type) {
	case *LineError, severalErrors, nil:
		*s = s.add(err)
		return nil
	}
	return err
}

func (s severalErrors) orNil() error {
	if len(s) == 0 {
		return nil
	}
	return s
}

// orLine returns line unless it is 0.
func orLine(line, other int64) int64 {
	if line == 0 {
		return other
	}
	return line
}

// step reads the next member, element or document.
func (w *jsonWalk) step() ([]Entry, error) {
	if w.inner != nil {
		entries, err := w.inner.next()
		if errors.Is(err, io.EOF) {
			w.inner, err = nil, nil
		}
		return entries, err
	}
	if len(w.frames) == 0 {
		return w.document()
	}
	f := w.frames[len(w.frames)-1]
	w.line = w.r.line()
	more, err := w.r.more(!f.read, f.last)
	if err != nil {
		return nil, err
	}
	f.read = true
	if !more {
		w.frames = w.frames[:len(w.frames)-1]
		if err := f.node.lacks(f.keys); err != nil {
			return nil, err
		}
		return f.node.finish()
	}
	node, key := f.node.each, ""
	if f.last == '}' {
		if key, err = w.r.key(); err == nil {
			err = f.keys.add(key)
		}
		if err != nil {
			return nil, err
		}
		if node = f.node.members; node == nil {
			node = f.node.fields[key]
		}
		if f.node.members == nil && len(f.keys) == maxJSONKeys {
			return nil, fmt.Errorf("an object of over %d members", maxJSONKeys)
		}
	}
	return w.value(node, key)
}

// lacks returns an error if a required key is not one of keys.
func (n *jsonNode) lacks(keys jsonKeys) error {
	for _, key := range n.required {
		if !keys[shortKey(key)] {
			return valueErrorf("no %q", key)
		}
	}
	return nil
}

func (n *jsonNode) finish() ([]Entry, error) {
	if n.end == nil {
		return nil, nil
	}
	return n.end()
}

// document begins the next document.
func (w *jsonWalk) document() ([]Entry, error) {
	end, err := w.r.atEnd()
	switch {
	case err != nil:
		return nil, err
	case end && w.begun:
		return nil, io.EOF
	case end:
		return nil, io.ErrUnexpectedEOF
	case w.begun && !w.several:
		return nil, errors.New("text after the end of the document")
	}
	w.begun = true
	return w.value(w.root, "")
}

// value reads, enters or skips a value.
func (w *jsonWalk) value(node *jsonNode, key string) ([]Entry, error) {
	c, err := w.r.peek()
	if err != nil {
		return nil, err
	}
	w.line = w.r.line()
	switch {
	case node == nil || node.skip != nil && node.skip():
		w.r.skipping = true
		err := w.r.skip()
		w.r.skipping = false
		return nil, err
	case node.read != nil:
		return node.read(key)
	case node.payload != nil:
		if c != '"' {
			return nil, w.r.mismatch(nil, "a string")
		}
		if _, err := w.r.byte(); err != nil {
			return nil, err
		}
		w.inner = node.payload(&jsonPayload{r: base64.NewDecoder(base64.StdEncoding.Strict(), &jsonString{r: w.r})})
		inner := w.inner.r
		inner.line = func() int64 {
			inner.doc.Line(inner.offset)
			return w.r.line()
		}
		return nil, nil
	}
	begin, expected := byte('{'), "an object"
	if node.each != nil {
		begin, expected = '[', "an array"
	}
	if c != begin {
		if err := w.r.mismatch(nil, expected); err != nil {
			return nil, err
		}
		return node.finish() // null
	}
	if err := w.r.enter(); err != nil {
		return nil, err
	}
	w.frames = append(w.frames, &jsonFrame{node: node, last: begin + 2, keys: jsonKeys{}})
	return nil, nil
}

// jsonString is the content of a string, which is in base64 or its URL-safe form (RFC 4648).
type jsonString struct {
	r      *jsonReader
	padded bool // only padding may follow
	ended  bool
}

func (s *jsonString) Read(p []byte) (n int, err error) {
	s.r.line() // nothing of the string is kept
	for n < len(p) && !s.ended {
		s.r.buffer = s.r.buffer[:0]
		more, err := s.r.character()
		if err != nil {
			return n, err
		}
		if s.ended = !more; s.ended {
			break
		}
		for _, c := range s.r.buffer {
			switch c {
			case '\r', '\n':
				return n, errNotBase64 // which package base64 ignores
			case '=':
				s.padded = true
			case '-':
				c = '+'
			case '_':
				c = '/'
			}
			if n == len(p) || s.padded && c != '=' {
				return n, errNotBase64 // a character of several bytes, or one after the end
			}
			p[n] = c
			n++
		}
	}
	if n == 0 && s.ended {
		return 0, io.EOF
	}
	return n, nil
}

var errNotBase64 = errors.New("the payload is not base64")

// jsonPayload gives errors of the encoding a name.
type jsonPayload struct{ r io.Reader }

func (p *jsonPayload) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		err = errNotBase64
	}
	return n, err
}

// jsonFile collects what an item lists of one file.
type jsonFile struct {
	name, raw string // as [Entry.Name] and [Entry.RawName]
	size      int64
	hasSize   bool
	digests   []Entry // without the name
	problem   error   // the first one
	unknown   []string
}

// setSize reads the size.
func (f *jsonFile) setSize(r *jsonReader) (err error) {
	f.size, f.hasSize, err = r.size()
	return err
}

// fail notes a problem. It returns nil, as the functions of jsonReader.members do.
func (f *jsonFile) fail(err error) error {
	f.problem = orElse(f.problem, err)
	return nil
}

// addHex adds a digest in hex with the tag of its algorithm. An empty one is none.
func (f *jsonFile) addHex(tag, digits string) error {
	if digits == "" {
		return nil
	}
	algorithm := digest.ByTag(tag)
	if algorithm == nil {
		if len(f.unknown) < 10 {
			f.unknown = append(f.unknown, fmt.Sprintf("%.40q", tag))
		}
		return nil
	}
	return f.add(algorithm, digits, hex.DecodeString)
}

// add adds a digest, which decode decodes.
func (f *jsonFile) add(a *digest.Algorithm, text string, decode func(string) ([]byte, error)) error {
	sum, err := decode(text)
	if err != nil || len(sum) != a.Size {
		return f.fail(wrongDigest(a, []byte(text)))
	}
	f.digests = append(f.digests, Entry{Algorithm: a, Digest: sum})
	return nil
}

// readHex reads a string, and adds it as a digest with that tag.
func (f *jsonFile) readHex(r *jsonReader, tag string) error {
	digits, err := r.text()
	if err != nil {
		return err
	}
	return f.addHex(tag, digits)
}

// readHashes reads an array of objects, each with the tag of an algorithm and a digest in hex.
func (f *jsonFile) readHashes(r *jsonReader, tagKey, digestKey string) error {
	return r.elements(func() error {
		var tag, digits string
		err := r.members(func(key string) (err error) {
			switch key {
			case tagKey:
				tag, err = r.text()
			case digestKey:
				digits, err = r.text()
			default:
				err = r.skip()
			}
			return err
		})
		switch {
		case err != nil:
			return err
		case digits == "" || tag == "":
			return f.fail(fmt.Errorf("expected %q and %q of a digest", tagKey, digestKey))
		}
		return f.addHex(tag, digits)
	})
}

// locate sets the name to the file that a path or URL stands for: the last part of a URL.
func (f *jsonFile) locate(address string) {
	f.name = address
	if !isURL(address) {
		return
	}
	f.raw = address
	f.name = ""
	if u, err := url.Parse(address); err == nil && !strings.HasSuffix(u.Path, "/") {
		f.name = path.Base(u.Path)
	}
	if f.name == "." || f.name == ".." || f.name == "" {
		f.name = ""
		_ = f.fail(errors.New("the address has no file name at its end"))
	}
}

// isURL reports whether an address has a scheme (RFC 3986), which is longer than a drive's letter.
func isURL(address string) bool {
	scheme, _, found := strings.Cut(address, "://")
	return found && urlScheme().MatchString(scheme)
}

var urlScheme = pattern(`^[A-Za-z][A-Za-z0-9+.-]+$`)

// entries returns the entries of the file. err is what reading the item returned: the error is the same, or
// a [*LineError] for what could not be understood of the item.
func (f *jsonFile) entries(err error) ([]Entry, error) {
	if err != nil && !isValueError(err) {
		return nil, err
	}
	problem := orElse(f.problem, err)
	if f.unknown != nil {
		problem = orElse(problem, errors.New("unknown algorithm "+strings.Join(f.unknown, ", ")))
	}
	switch {
	case f.name == "":
		f.digests = nil
		problem = orElse(problem, errors.New("no file name"))
	case strings.IndexByte(f.name, 0) >= 0:
		f.digests = nil
		problem = errors.New("a NUL byte in the file name")
	case len(f.digests) == 0:
		problem = orElse(problem, errNoDigest)
	}
	for i := range f.digests {
		e := &f.digests[i]
		e.Name, e.RawName, e.Size, e.HasSize = f.name, f.raw, f.size, f.hasSize
	}
	if problem == nil {
		return f.digests, nil
	}
	shown := f.name
	if shown == "" {
		shown = f.raw
	}
	return f.digests, lineError(0, []byte(shown), problem)
}

// noteValue skips a value, and notes the word if it is neither null nor an empty array.
func (r *jsonReader) noteValue(word string) error {
	c, err := r.peek()
	switch {
	case err != nil:
		return err
	case c == '[':
		return r.elements(func() error {
			r.doc.ignores(word)
			return r.skip()
		})
	case c != 'n':
		r.doc.ignores(word)
	}
	return r.skip()
}

// noteDigests skips an object, and notes the word if it has a value, such as a digest, under one of the keys. What
// is wrong in the object does not matter.
func (r *jsonReader) noteDigests(word string, keys ...string) error {
	err := r.members(func(key string) error {
		if slices.Contains(keys, key) {
			return r.noteValue(word)
		}
		return r.skip()
	})
	return ignoreValueError(err)
}

// ignoreValueError returns err, or nil for an error about a value that does not matter.
func ignoreValueError(err error) error {
	if isValueError(err) {
		return nil
	}
	return err
}

// notedNode returns a node that does the same for each object in an array.
func notedNode(r *jsonReader, word string, keys ...string) *jsonNode {
	return &jsonNode{each: &jsonNode{read: func(string) ([]Entry, error) { return nil, r.noteDigests(word, keys...) }}}
}

// textNode returns a node that reads a string.
func textNode(r *jsonReader, text *string) *jsonNode {
	return &jsonNode{read: func(string) (_ []Entry, err error) {
		*text, err = r.text()
		return nil, err
	}}
}

// jsonMentions reports whether head, which is JSON, mentions text, whose slashes may be escaped.
func jsonMentions(head []byte, text string) bool {
	return bytes.Contains(head, []byte(text)) || bytes.Contains(head, []byte(strings.ReplaceAll(text, "/", `\/`)))
}
