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

// untagged reads digests whose algorithm the manifest's name says, or else their length.
type untagged struct{ named *digest.Algorithm }

// entry returns what a digest and a name that need no unescaping say.
func (u untagged) entry(digits, name []byte) (Entry, error) {
	algorithm, sum, err := u.parseDigest(digits)
	return Entry{Name: string(name), Algorithm: algorithm, Digest: sum, Assumed: u.named == nil}, err
}

func (u untagged) parseDigest(digits []byte) (*digest.Algorithm, []byte, error) {
	if len(digits) > 2*digest.MaxSize {
		return nil, nil, errors.New("does not begin with a digest")
	}
	sum := make([]byte, len(digits)/2)
	_, err := hex.Decode(sum, digits)
	if err != nil || len(sum) == 0 {
		return u.parseBase64(digits)
	}
	algorithm := u.of(len(sum))
	switch {
	case algorithm != nil:
		return algorithm, sum, nil
	case u.named == nil:
		return nil, nil, fmt.Errorf("no known algorithm has digests of %d hexadecimal digits", len(digits))
	}
	return nil, nil, fmt.Errorf("a digest of %d hexadecimal digits, but %s, which the manifest's name says, has %d",
		len(digits), u.named.Name, 2*u.named.Size)
}

// parseBase64 reads what is no hexadecimal. Lengths of an algorithm that are not its own are left
// out: any word of four letters would be one.
func (u untagged) parseBase64(digits []byte) (*digest.Algorithm, []byte, error) {
	sum, err := fromBase64(base64.StdEncoding, string(digits))
	if err == nil {
		algorithm := u.of(len(sum))
		if algorithm != nil && (u.named == nil || algorithm == u.named) {
			return algorithm, sum, nil
		}
	}
	return nil, nil, errors.New("does not begin with a digest in hexadecimal")
}

// of returns the algorithm of a digest of size bytes, or nil. b2sum --length writes digests of other
// sizes than its own.
func (u untagged) of(size int) *digest.Algorithm {
	if u.named == nil {
		return digest.BySize(size)
	}
	return u.named.OfSize(size)
}

// parseSize reads a file's size: decimal digits and nothing else.
func parseSize(digits []byte) (int64, error) {
	size, err := strconv.ParseUint(string(digits), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%.20q is no size", digits)
	}
	return int64(size), nil
}

// untaggedLine is a shape of line that lists one file, and does not say the algorithm.
type untaggedLine struct {
	comments string // what comments begin with, one character for each kind
	parse    func(line []byte, digests untagged) (Entry, error)
}

func (u untaggedLine) detect(head []byte, o Options) bool {
	_, err := u.parse(first(head, u.comments), untagged{o.named()})
	return err == nil
}

// read leaves out blank lines and comments.
func (u untaggedLine) read(lines *Lines, o Options) Next {
	digests := untagged{o.named()}
	return perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) || strings.IndexByte(u.comments, line[0]) >= 0 {
			return Entry{}, errNoEntry
		}
		return u.parse(line, digests)
	})
}
