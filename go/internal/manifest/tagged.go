package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"checksig/internal/digest"
)

// tagStyle is how a line with a tag is written; each is a format.
type tagStyle int

const (
	styleBSD tagStyle = iota
	styleBase64
	styleOpenSSL
)

func detectTagged(style tagStyle) func([]byte, Options) bool {
	return func(head []byte, _ Options) bool {
		t, ok := cutTag(first(head, "#"))
		return ok && t.style() == style
	}
}

// tagged is a line with a tag, in its parts.
type tagged struct {
	tag, name, value []byte
	spaced           bool // a space stands behind the tag
	escaped          bool
}

// cutTag takes a line with a tag apart; ok is false for one that has not the shape.
func cutTag(line []byte) (t tagged, ok bool) {
	rest := bytes.TrimLeft(line, " \t")
	rest, t.escaped = bytes.CutPrefix(rest, []byte(`\`))
	start, end := bytes.IndexByte(rest, '('), bytes.LastIndexByte(rest, ')')
	if start < 1 || end < start {
		return t, false
	}
	t.tag, t.spaced = bytes.CutSuffix(rest[:start], []byte(" "))
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
		return styleBase64 // where both have the same length, as of CRC-32, base64 is padded
	}
	return styleBSD
}

func (t tagged) entry() (Entry, error) {
	algorithm := digest.ByTag(string(t.tag))
	if algorithm == nil {
		return Entry{}, fmt.Errorf("%.40q is no known algorithm", t.tag)
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
		return Entry{}, errors.New("no file name in the brackets")
	}
	return Entry{Name: string(name), Algorithm: algorithm, Digest: sum}, nil
}

// decodeDigest reads a digest of a, in hexadecimal or base64.
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
	return nil, fmt.Errorf("not a digest of %s, which has %d hexadecimal digits", a.Name, 2*a.Size)
}
