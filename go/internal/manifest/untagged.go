package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"checksig/internal/digest"
)

// untagged reads digests without a tag.
type untagged struct {
	algorithm *digest.Algorithm // nil if only the length of a digest identifies it
	unknown   string            // the tag in a heading, if no algorithm has it; see [untagged.heading]
	awaited   bool              // nothing has followed a heading that is not a comment
}

// parsedDigest is a digest and its algorithm.
type parsedDigest struct {
	algorithm *digest.Algorithm
	sum       []byte
	assumed   bool // only its length identifies the algorithm
}

// entry returns the entry for a digest and a name without escapes.
func (u untagged) entry(text, name []byte) (Entry, error) {
	d, err := u.parseDigest(text)
	return Entry{Name: string(name), Algorithm: d.algorithm, Digest: d.sum, Assumed: d.assumed}, err
}

// parseDigest reads a digest in hex or base64, which may have the algorithm in front; see [parsePrefixed].
func (u untagged) parseDigest(text []byte) (parsedDigest, error) {
	if len(text) > 2*digest.MaxSize {
		return parsePrefixed(text)
	}
	sum := make([]byte, len(text)/2)
	_, err := hex.Decode(sum, text)
	if err != nil && !errors.Is(err, hex.ErrLength) || len(text) == 0 {
		if d, err := parsePrefixed(text); !errors.Is(err, errNotHex) {
			return d, err
		}
		return u.parseBase64(text)
	}
	switch {
	case u.unknown != "":
		return parsedDigest{}, unknownAlgorithm(u.unknown)
	case err == nil:
		if algorithm := u.ofSize(len(sum)); algorithm != nil {
			return parsedDigest{algorithm, sum, u.algorithm == nil}, nil
		}
	}
	if u.algorithm == nil {
		return parsedDigest{}, fmt.Errorf("no known algorithm has digests of %d hex digits", len(text))
	}
	return parsedDigest{}, wrongDigest(u.algorithm, text)
}

// parsePrefixed reads a digest with its algorithm in front. The error is errNotHex if it has none.
//
//	sha256:<hex>       OCI image specification, "Digests"
//	sha256-<base64>    W3C, "Subresource Integrity"
//	XXH3_<hex>         xxhsum -H3
func parsePrefixed(text []byte) (parsedDigest, error) {
	end := bytes.IndexByte(text, ':')
	if end < 0 {
		end = max(bytes.LastIndexByte(text, '-'), len("XXH3_")-1)
	}
	if end >= len(text) || text[end] == '_' && !bytes.EqualFold(text[:end], []byte("XXH3")) {
		return parsedDigest{}, errNotHex
	}
	tag := string(text[:end])
	switch algorithm := digest.ByTag(tag); {
	case strings.IndexByte(":-_", text[end]) < 0:
		return parsedDigest{}, errNotHex
	case algorithm != nil:
		sum, err := decodeDigest(algorithm, text[end+1:])
		return parsedDigest{algorithm: algorithm, sum: sum}, err
	case isOtherAlgorithm(tag) && looksLikeDigest(text[end+1:]):
		return parsedDigest{}, unknownAlgorithm(tag)
	}
	return parsedDigest{}, errNotHex
}

// errNotHex is the error for a line whose first word is not a digest.
var errNotHex = errors.New("expected a hex digest at the beginning of the line")

// parseBase64 reads a digest in base64. Here a named algorithm must have its usual length: any word
// of four letters would be a digest of blake2b-24.
func (u untagged) parseBase64(text []byte) (parsedDigest, error) {
	sum, err := fromBase64(base64.StdEncoding, string(text))
	if err == nil {
		algorithm := u.ofSize(len(sum))
		switch {
		case algorithm != nil && u.unknown != "":
			return parsedDigest{}, unknownAlgorithm(u.unknown)
		case algorithm != nil && (u.algorithm == nil || algorithm == u.algorithm):
			return parsedDigest{algorithm, sum, u.algorithm == nil}, nil
		}
	}
	return parsedDigest{}, errNotHex
}

// ofSize returns the algorithm for a digest of size bytes, or nil. It may be another length of the
// named one, as b2sum --length writes.
func (u untagged) ofSize(size int) *digest.Algorithm {
	if u.algorithm == nil {
		return digest.BySize(size)
	}
	return u.algorithm.OfSize(size)
}

// parseSize reads a file's size, which consists of decimal digits only.
func parseSize(digits []byte) (int64, error) {
	size, err := strconv.ParseUint(string(digits), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("expected a size in bytes, found %.20q", digits)
	}
	return int64(size), nil
}

// untaggedLine is a form of line that lists one file and does not name the algorithm.
type untaggedLine struct {
	comments string // the character that begins a comment; after "#", there are headings and remarks, too
	parse    func(line []byte, digests untagged) (Entry, error)
}

func (u untaggedLine) detect(head []byte, o Options) bool {
	line := firstContentLine(head, u.comments)
	if _, err := u.parse(line, untagged{algorithm: o.untaggedAlgorithm()}); err == nil {
		return true
	}
	if u.comments != "#" {
		return false
	}
	_, err := u.parse(firstEntryLine(head), untagged{algorithm: o.untaggedAlgorithm()})
	return err == nil
}

// read skips blank lines, comments and headings.
func (u untaggedLine) read(lines *Lines, o Options) Next {
	digests := untagged{algorithm: o.untaggedAlgorithm()}
	next := perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) {
			return Entry{}, errNoEntry
		}
		e, err := u.parse(line, digests)
		if strings.IndexByte(u.comments, line[0]) >= 0 {
			if err == nil && mayBeNamed(line, e) {
				return Entry{}, couldBeName(line[:1])
			}
			if u.comments == "#" {
				if hidesDigest(line) {
					return Entry{}, errHiddenDigest
				}
				digests.heading(line)
			}
			return Entry{}, errNoEntry
		}
		if err != nil && u.comments == "#" {
			switch {
			case isRemark(line), digests.heading(line):
				return Entry{}, errNoEntry
			case hasRemarkMark(line):
				return Entry{}, errHiddenDigest
			}
		}
		digests.awaited = false
		return e, err
	})
	return withEndCheck(lines, next, digests.truncated)
}

// mayBeNamed reports whether a comment that could be read as e may list a file all the same: a tool that puts
// names first writes it for a name that begins with the mark. A few hex digits at the end of a comment are
// none, such as a date.
func mayBeNamed(line []byte, e Entry) bool {
	return len(e.Digest) > crc32.Size || line[1] != ' ' && line[1] != '\t'
}
