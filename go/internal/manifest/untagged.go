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
	partSize  int64             // of digests over digests of parts; see [Options].PartSize
}

// untagged returns what reads the digests without a tag in a manifest. Their algorithm is not that of their length if
// the manifest's name has another one, which is not supported.
func (o Options) untagged() untagged {
	u := untagged{algorithm: o.untaggedAlgorithm(), partSize: o.PartSize}
	if found := otherInName().FindStringSubmatch(o.FileName); u.algorithm == nil && found != nil {
		u.unknown = found[1] + found[2]
	}
	return u
}

var otherInName = pattern(`(?i)(?:\.(` + otherNames + `)(?:sums?)?|^(` + otherNames + `)[-_]?sums?)(?:\.txt)?$`)

// otherNames matches algorithms that are not supported, and that some tools use.
const otherNames = `md2|md4|whirlpool|tiger2?|tth|ed2k|aich|gost(?:[-_]?\w+)?|has-?160|snefru(?:-?\d+)?|(?:ripemd|rmd)-?(?:128|256|320)|` +
	`streebog-?\d*|skein-?\d*|edonr-?\d*|k12|xxh32|crc-?16|crc-?64`

// parsedDigest is a digest and its algorithm.
type parsedDigest struct {
	algorithm *digest.Algorithm
	sum       []byte
	assumed   bool  // only its length identifies the algorithm
	parts     int64 // of which it is the digest of digests; 0 for one of the whole file
	partSize  int64
}

// entry returns the entry of a file with that digest.
func (d *parsedDigest) entry(name string) Entry {
	e := Entry{Name: name, Algorithm: d.algorithm, Digest: d.sum, Assumed: d.assumed}
	if d.parts > 1 { // a single part can be empty
		e.Blocks, e.BlockSize = d.parts, d.partSize
	}
	return e
}

// entry returns the entry for a digest and a name without escapes.
func (u untagged) entry(text, name []byte) (Entry, error) {
	d, err := u.parseDigest(text)
	return d.entry(string(name)), err
}

// parseDigest reads a digest in hex or base64, which may have the algorithm in front, see [parsePrefixed], or the
// number of parts after it.
func (u untagged) parseDigest(text []byte) (parsedDigest, error) {
	if digits, parts, ok := cutParts(text); ok {
		if d, err := u.parseWhole(digits); err == nil && (!d.assumed || len(d.sum) >= minDigest) {
			return u.inParts(d, parts)
		}
	}
	return u.parseWhole(text)
}

// cutParts cuts the number of parts off a digest of digests; ok is false for anything else.
func cutParts(text []byte) (digits []byte, parts int64, ok bool) {
	end := bytes.LastIndexByte(text, '-')
	if end < 1 || len(text)-end > len("-10000") || end+1 == len(text) || text[end+1] == '0' {
		return nil, 0, false
	}
	for _, c := range text[end+1:] {
		if c < '0' || c > '9' {
			return nil, 0, false
		}
		parts = 10*parts + int64(c-'0')
	}
	return text[:end], parts, parts <= digest.MaxParts
}

// inParts returns the digest d over the digests of that many parts.
func (u untagged) inParts(d parsedDigest, parts int64) (parsedDigest, error) {
	if u.partSize == 0 {
		return parsedDigest{}, errPartSize
	}
	a := digest.InParts(d.algorithm, u.partSize)
	if a == nil {
		return parsedDigest{}, fmt.Errorf("no store has digests of parts by %s", d.algorithm.Name)
	}
	d.algorithm, d.parts, d.partSize = a, parts, u.partSize
	return d, nil
}

var errPartSize = errors.New("the digest is one of the digests of an upload's parts: give their size with --part-size (part_size=)")

// parseWhole reads a digest of a whole file.
func (u untagged) parseWhole(text []byte) (parsedDigest, error) {
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
			return parsedDigest{algorithm: algorithm, sum: sum, assumed: u.algorithm == nil}, nil
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
			return parsedDigest{algorithm: algorithm, sum: sum, assumed: u.algorithm == nil}, nil
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
	if _, err := u.parse(line, o.untagged()); err == nil {
		return true
	}
	if u.comments != "#" {
		return false
	}
	_, err := u.parse(firstEntryLine(head), o.untagged())
	return err == nil
}

// read skips blank lines, comments and headings.
func (u untaggedLine) read(lines *Lines, o Options) Next {
	digests := o.untagged()
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
