package manifest

import (
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
}

// entry returns the entry for a digest and a name without escapes.
func (u untagged) entry(text, name []byte) (Entry, error) {
	algorithm, sum, err := u.parseDigest(text)
	return Entry{Name: string(name), Algorithm: algorithm, Digest: sum, Assumed: u.algorithm == nil}, err
}

func (u untagged) parseDigest(text []byte) (*digest.Algorithm, []byte, error) {
	if len(text) > 2*digest.MaxSize {
		return nil, nil, errNotHex
	}
	sum := make([]byte, len(text)/2)
	_, err := hex.Decode(sum, text)
	if err != nil && !errors.Is(err, hex.ErrLength) || len(text) == 0 {
		return u.parseBase64(text)
	}
	if err == nil {
		if algorithm := u.ofSize(len(sum)); algorithm != nil {
			return algorithm, sum, nil
		}
	}
	if u.algorithm == nil {
		return nil, nil, fmt.Errorf("no known algorithm has digests of %d hex digits", len(text))
	}
	return nil, nil, wrongDigest(u.algorithm, text)
}

// errNotHex is the error for a line whose first word is not a digest.
var errNotHex = errors.New("expected a hex digest at the beginning of the line")

// parseBase64 reads a digest in base64. Here a named algorithm must have its usual length: any word
// of four letters would be a digest of blake2b-24.
func (u untagged) parseBase64(text []byte) (*digest.Algorithm, []byte, error) {
	sum, err := fromBase64(base64.StdEncoding, string(text))
	if err == nil {
		algorithm := u.ofSize(len(sum))
		if algorithm != nil && (u.algorithm == nil || algorithm == u.algorithm) {
			return algorithm, sum, nil
		}
	}
	return nil, nil, errNotHex
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
	comments string // the characters that begin a comment
	parse    func(line []byte, digests untagged) (Entry, error)
}

func (u untaggedLine) detect(head []byte, o Options) bool {
	_, err := u.parse(firstContentLine(head, u.comments), untagged{o.untaggedAlgorithm()})
	return err == nil
}

// read skips blank lines and comments.
func (u untaggedLine) read(lines *Lines, o Options) Next {
	digests := untagged{o.untaggedAlgorithm()}
	return perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) || strings.IndexByte(u.comments, line[0]) >= 0 {
			return Entry{}, errNoEntry
		}
		return u.parse(line, digests)
	})
}
