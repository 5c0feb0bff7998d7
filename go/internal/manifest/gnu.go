package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"checksig/internal/digest"
)

// GNU is the format of md5sum, sha1sum and their siblings in GNU coreutils (man page sha256sum,
// section "DESCRIPTION"; digest_check and split_3 in its source):
//
//	<hex digest> SP (SP | "*") <name>
//	"\" <hex digest> SP (SP | "*") <name with \ LF CR written as \\ \n \r>
//
// Read too: digits in upper case, a TAB or a single space before the name (never mixed with the
// two-character form in one manifest, as there a leading space would be part of the name), space
// before the digest, "#" comments and empty lines.
var GNU = &Format{Name: "gnu", Detect: detectGNU, Read: readGNU, Write: &Writer{Begin: untagged, File: writeGNU}}

func detectGNU(head []byte, _ Options) bool {
	g := gnuReader{}
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		_, err := g.parse(line)
		return err == nil
	}
	return false
}

func readGNU(lines *Lines, o Options) Next {
	g := gnuReader{named: o.named()}
	return func() (Entry, error) {
		for {
			line, n, err := lines.Next()
			if err != nil {
				return Entry{}, err
			}
			if len(line) == 0 || line[0] == '#' {
				continue
			}
			e, err := g.parse(line)
			if err != nil {
				return Entry{}, &LineError{Line: n, Text: beginning(line), Cause: err.Error()}
			}
			e.Line = n
			return e, nil
		}
	}
}

type gnuReader struct {
	named     *digest.Algorithm
	separator separator
}

// separator is what stands between digest and name; the first entry decides it for all.
type separator int

const (
	undecided    separator = iota
	twoCharacter           // SP and the type indicator, SP or "*"
	oneCharacter           // SP or TAB alone, as older BSD tools wrote it
)

func (g *gnuReader) parse(line []byte) (Entry, error) {
	rest := bytes.TrimLeft(line, " \t")
	rest, escaped := bytes.CutPrefix(rest, []byte(`\`))
	end := bytes.IndexAny(rest, " \t")
	if end < 0 {
		return Entry{}, errors.New("not a digest and a file name")
	}
	algorithm, sum, err := g.parseDigest(rest[:end])
	if err != nil {
		return Entry{}, err
	}
	name := rest[end+1:]
	separator := oneCharacter
	if len(name) > 1 && (name[0] == ' ' || name[0] == '*') {
		separator = twoCharacter
	}
	switch {
	case len(name) == 0 || len(name) == 1 && name[0] == ' ':
		return Entry{}, errors.New("no file name behind the digest")
	case g.separator == undecided:
		g.separator = separator
	case g.separator == twoCharacter && separator == oneCharacter:
		return Entry{}, errors.New("one character before the file name where earlier lines have two")
	}
	if g.separator == twoCharacter {
		name = name[1:]
	}
	if escaped {
		if name, err = unescapeGNU(name); err != nil {
			return Entry{}, err
		}
	}
	return Entry{Name: string(name), Algorithm: algorithm, Digest: sum, Assumed: g.named == nil}, nil
}

func (g *gnuReader) parseDigest(digits []byte) (*digest.Algorithm, []byte, error) {
	if len(digits) > 2*digest.MaxSize {
		return nil, nil, errors.New("does not begin with a digest")
	}
	sum := make([]byte, len(digits)/2)
	if _, err := hex.Decode(sum, digits); err != nil || len(sum) == 0 {
		return nil, nil, errors.New("does not begin with a digest in hexadecimal")
	}
	algorithm := g.named
	if algorithm == nil {
		algorithm = digest.BySize(len(sum))
	}
	if algorithm == nil {
		return nil, nil, fmt.Errorf("no known algorithm has digests of %d hexadecimal digits", len(digits))
	}
	if len(sum) != algorithm.Size {
		return nil, nil, fmt.Errorf("a digest of %d hexadecimal digits, but %s, which the manifest's name says, has %d",
			len(digits), algorithm.Name, 2*algorithm.Size)
	}
	return algorithm, sum, nil
}

func unescapeGNU(name []byte) ([]byte, error) {
	plain := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' {
			plain = append(plain, name[i])
			continue
		}
		i++
		if i == len(name) {
			return nil, errors.New(`the file name ends within an escape`)
		}
		switch name[i] {
		case '\\':
			plain = append(plain, '\\')
		case 'n':
			plain = append(plain, '\n')
		case 'r':
			plain = append(plain, '\r')
		default:
			return nil, fmt.Errorf(`unknown escape \%c in the file name`, name[i])
		}
	}
	return plain, nil
}

var escapeGNU = map[byte]string{'\\': `\\`, '\n': `\n`, '\r': `\r`}

// untagged is the beginning of a format whose lines do not say the algorithm.
func untagged(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	if len(algorithms) > 1 {
		return nil, errors.New("holds the digests of one algorithm only")
	}
	return dst, nil
}

func writeGNU(dst []byte, entries []Entry) ([]byte, error) {
	for _, e := range entries {
		if strings.ContainsAny(e.Name, "\\\n\r") {
			dst = append(dst, '\\')
		}
		dst = hex.AppendEncode(dst, e.Digest)
		dst = append(dst, "  "...)
		dst = appendEscaped(dst, e.Name)
		dst = append(dst, '\n')
	}
	return dst, nil
}

func appendEscaped(dst []byte, name string) []byte {
	for _, c := range []byte(name) {
		if s, special := escapeGNU[c]; special {
			dst = append(dst, s...)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
