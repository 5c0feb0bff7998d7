package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"checksig/internal/digest"
)

// BSD is the format with tags, of BSD's own tools, cksum and sha256sum --tag of GNU coreutils (man
// page cksum(1)), shasum --tag, b3sum --tag, xxhsum --tag and rhash --bsd; of Fedora's CHECKSUM
// files and the SHA256 of OpenBSD:
//
//	<tag> " (" <name> ") = " <digest in hexadecimal>
//	"\" <tag> " (" <name with \ LF CR written as \\ \n \r> ") = " <digest in hexadecimal>
//
// The tag is read in any case and spelling ("SHA256", "SHA2-256", "BLAKE2b-256"), and may be
// another one on each line. Read too: what [GNU] reads.
var BSD = &Format{Name: "bsd", Detect: detectTagged(styleBSD), Read: readGNU, Write: &Writer{File: bsdFile(hex.AppendEncode)}}

// Base64 is the format [BSD] with digests in base64 (RFC 4648, section 4), as cksum --base64 of GNU
// coreutils 9.2 writes it. Hexadecimal is told from base64 by the length.
var Base64 = &Format{Name: "base64", Detect: detectTagged(styleBase64), Read: readGNU, Write: &Writer{
	File: bsdFile(base64.StdEncoding.AppendEncode)}}

// OpenSSL is the format of openssl dgst (man page openssl-dgst(1)). Up to version 1 the tag of
// SHA-256 is "SHA256", since 3.0 "SHA2-256". Names are never escaped:
//
//	<tag> "(" <name> ")= " <digest in hexadecimal>
var OpenSSL = &Format{Name: "openssl", Detect: detectTagged(styleOpenSSL), Read: readGNU, Write: &Writer{File: opensslFile}}

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
	case algorithm != nil && len(t.value) != 2*algorithm.Size:
		return styleBase64
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
		if sum, err := base64.StdEncoding.Strict().DecodeString(string(text)); err == nil && len(sum) == a.Size {
			return sum, nil
		}
	}
	return nil, fmt.Errorf("not a digest of %s, which has %d hexadecimal digits", a.Name, 2*a.Size)
}

func bsdFile(encode func(dst, digest []byte) []byte) func([]byte, []Entry) ([]byte, error) {
	return func(dst []byte, entries []Entry) ([]byte, error) {
		for _, e := range entries {
			escaped := needsEscape(e.Name)
			if escaped {
				dst = append(dst, '\\')
			}
			dst = append(append(dst, bsdTag(e.Algorithm)...), " ("...)
			dst = append(appendName(dst, e.Name, escaped), ") = "...)
			dst = append(encode(dst, e.Digest), '\n')
		}
		return dst, nil
	}
}

// bsdTag spells an algorithm as coreutils and shasum do: "SHA256", "BLAKE2b-256", "SHA512/256".
func bsdTag(a *digest.Algorithm) string {
	tag := strings.ToUpper(strings.Replace(a.Name, "sha512-", "sha512/", 1))
	for _, blake := range []string{"BLAKE2b", "BLAKE2s"} {
		if rest, ok := strings.CutPrefix(tag, strings.ToUpper(blake)); ok {
			return blake + rest
		}
	}
	return tag
}

func opensslFile(dst []byte, entries []Entry) ([]byte, error) {
	for _, e := range entries {
		if err := plainName(e.Name, ""); err != nil {
			return nil, err
		}
		dst = append(append(dst, opensslTag(e.Algorithm)...), '(')
		dst = append(append(dst, e.Name...), ")= "...)
		dst = append(hex.AppendEncode(dst, e.Digest), '\n')
	}
	return dst, nil
}

// opensslTag spells an algorithm as OpenSSL 3 does: "SHA2-256", "BLAKE2B-512", "SHA2-512/256".
func opensslTag(a *digest.Algorithm) string {
	tag := strings.ToUpper(bsdTag(a))
	if bits, ok := strings.CutPrefix(tag, "SHA"); ok && bits != "1" && !strings.HasPrefix(bits, "3-") {
		return "SHA2-" + bits
	}
	if tag == "BLAKE2B" || tag == "BLAKE2S" {
		return fmt.Sprintf("%s-%d", tag, 8*a.Size)
	}
	return tag
}
