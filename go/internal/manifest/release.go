package manifest

import (
	"bytes"
	"errors"
	"fmt"

	"checksig/internal/digest"
)

// Release is the index of a Debian repository, Release or, clear-signed, InRelease (Debian wiki,
// "DebianRepository/Format"), of fields by deb822(5) whose sections list the same files:
//
//	"MD5Sum:" | "SHA1:" | "SHA256:" | "SHA512:"
//	SP <hex digest> SP+ <size> SP+ <name>
//
// Other fields are left out; but a digest in one, whose algorithm is not known, is a bad line.
var Release = &Format{Name: "release", Detect: detectRelease, Read: readRelease}

var (
	releaseField = pattern(`^([!-,.-9;-~][!-9;-~]*):[ \t]*(.*)$`)
	releaseRow   = pattern(`^[ \t]+([0-9a-fA-F]+)[ \t]+([0-9]+)[ \t]+(.*\S)[ \t]*$`)
)

func detectRelease(head []byte, _ Options) bool {
	within := false // a section of digests
	for line := range significant(head, "#") {
		field := releaseField().FindSubmatch(line)
		switch {
		case field != nil:
			within = releaseAlgorithm(field[1]) != nil && len(field[2]) == 0
		case line[0] != ' ' && line[0] != '\t':
			return false
		case within && releaseRow().Match(line):
			return true
		}
	}
	return false
}

// releaseAlgorithm returns the algorithm that a field lists digests of, or nil.
func releaseAlgorithm(field []byte) *digest.Algorithm {
	field = bytes.ToLower(field)
	return digest.ByTag(string(bytes.TrimSuffix(field, []byte("sum"))))
}

func readRelease(lines *Lines, _ Options) Next {
	var section string
	var algorithm *digest.Algorithm
	return perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) || line[0] == '#' {
			return Entry{}, errNoEntry
		}
		if field := releaseField().FindSubmatch(line); field != nil {
			section, algorithm = string(field[1]), releaseAlgorithm(field[1])
			if algorithm != nil && len(field[2]) > 0 {
				return Entry{}, errors.New("a section of digests with something behind its colon")
			}
			return Entry{}, errNoEntry
		}
		row := releaseRow().FindSubmatch(line)
		switch {
		case section == "" || line[0] != ' ' && line[0] != '\t':
			return Entry{}, errors.New("not a field, nor the continuation of one")
		case row == nil && algorithm == nil:
			return Entry{}, errNoEntry
		case row == nil:
			return Entry{}, errors.New("not a digest, a size and a file name")
		case algorithm == nil:
			return Entry{}, fmt.Errorf("%.40q is no known algorithm", section)
		}
		return releaseEntry(algorithm, row)
	})
}

func releaseEntry(a *digest.Algorithm, row [][]byte) (Entry, error) {
	sum, err := decodeDigest(a, row[1])
	if err != nil {
		return Entry{}, err
	}
	size, err := parseSize(row[2])
	return Entry{Name: string(row[3]), Algorithm: a, Digest: sum, HasSize: true, Size: size}, err
}
