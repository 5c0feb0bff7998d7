package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"checksig/internal/digest"
)

// tagStyle is the way a line with a tag is written. Each style is a format.
type tagStyle int

const (
	styleBSD tagStyle = iota
	styleBase64
	styleOpenSSL
)

func detectTagged(style tagStyle) func([]byte, Options) bool {
	return func(head []byte, _ Options) bool {
		t, ok := cutTag(firstEntryLine(head))
		return ok && t.style() == style
	}
}

// tagged holds the parts of a line with a tag.
type tagged struct {
	tag, name, value []byte
	spaced           bool // a space follows the tag, or several: rhash --bsd aligns its tags
	escaped          bool
}

// cutTag splits a line with a tag. ok is false if the line does not have that form.
func cutTag(line []byte) (t tagged, ok bool) {
	rest := bytes.TrimLeft(line, " \t")
	rest, t.escaped = bytes.CutPrefix(rest, []byte(`\`))
	start, end := bytes.IndexByte(rest, '('), bytes.LastIndexByte(rest, ')')
	if start < 1 || end < start {
		return t, false
	}
	t.tag = bytes.TrimRight(rest[:start], " ")
	t.spaced = len(t.tag) < start
	t.name = rest[start+1 : end]
	value, ok := bytes.CutPrefix(bytes.TrimLeft(rest[end+1:], " \t"), []byte("="))
	t.value = bytes.TrimLeft(value, " \t")
	return t, ok && len(t.tag) > 0 && !bytes.ContainsAny(t.tag, " \t,|") && !bytes.ContainsAny(t.value, " \t,")
}

func (t tagged) style() tagStyle {
	algorithm := digest.ByTag(string(t.tag))
	switch {
	case !t.spaced:
		return styleOpenSSL
	case algorithm != nil && (len(t.value) != 2*algorithm.Size || bytes.HasSuffix(t.value, []byte("="))):
		return styleBase64 // base64 as long as the hex digits, as for CRC-32, ends in padding
	}
	return styleBSD
}

func (t tagged) entry() (Entry, error) {
	algorithm := digest.ByTag(string(t.tag))
	if algorithm == nil {
		return Entry{}, unknownAlgorithm(t.tag)
	}
	sum, err := decodeDigest(algorithm, t.value)
	if err != nil {
		return Entry{}, err
	}
	name := t.name
	if t.escaped {
		if name, err = unescapeGNU(name); err != nil {
			return Entry{}, err
		}
	}
	if len(name) == 0 {
		return Entry{}, errors.New("no file name between the parentheses")
	}
	return Entry{Name: string(name), Algorithm: algorithm, Digest: sum}, nil
}

// unknownAlgorithm returns the error for a tag that no algorithm has. A list of the known ones, as in
// [digest.UnknownError], would be repeated for every line.
func unknownAlgorithm[T []byte | string](tag T) error {
	return fmt.Errorf("unknown algorithm %.40q", tag)
}

// decodeDigest reads a digest of a, in hex or base64.
func decodeDigest(a *digest.Algorithm, text []byte) ([]byte, error) {
	sum := make([]byte, a.Size)
	if len(text) == hex.EncodedLen(a.Size) {
		if _, err := hex.Decode(sum, text); err == nil {
			return sum, nil
		}
	}
	if len(text) == base64.StdEncoding.EncodedLen(a.Size) {
		if sum, err := fromBase64(base64.StdEncoding, string(text)); err == nil && len(sum) == a.Size {
			return sum, nil
		}
	}
	return nil, wrongDigest(a, text)
}

// wrongDigest returns the error for text that is not a digest of a.
func wrongDigest(a *digest.Algorithm, text []byte) error {
	expected := fmt.Sprintf("expected %d hex digits for %s, found ", hex.EncodedLen(a.Size), a.Name)
	if _, err := hex.Decode(make([]byte, len(text)/2), text); len(text) > 0 && (err == nil || errors.Is(err, hex.ErrLength)) {
		return fmt.Errorf("%s%d", expected, len(text))
	}
	return fmt.Errorf("%s%.40q", expected, text)
}
