package manifest

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"checksig/internal/digest"
)

// Release is the index of a Debian repository: Release or, inside a signature, InRelease. Sources:
// Debian wiki, "DebianRepository/Format"; the man page deb822(5).
//
// It consists of fields. A field that is named after an algorithm lists files:
//
//	"MD5Sum:" | "SHA1:" | "SHA256:" | "SHA512:"
//	SP <hex digest> SP+ <size> SP+ <name>
//
// Other fields are skipped, but one that begins with a digest is a bad line, and so is a continuation line with a digest
// in one: its algorithm is unknown.
// Signed-By has fingerprints of keys instead.
var Release = &Format{Name: "release", Detect: detectRelease, Read: readRelease}

var (
	releaseField = pattern(`^([!-,.-9;-~][!-9;-~]*):[ \t]*(.*)$`)
	releaseRow   = pattern(`^[ \t]+([0-9a-fA-F]+)[ \t]+([0-9]+)[ \t]+(.*\S)[ \t]*$`)
)

func detectRelease(head []byte, _ Options) bool {
	inDigests := false // in a field that lists digests
	for line := range contentLines(head, "#") {
		field := releaseField().FindSubmatch(line)
		switch {
		case field != nil:
			inDigests = releaseAlgorithm(field[1]) != nil && len(field[2]) == 0
		case line[0] != ' ' && line[0] != '\t':
			return false
		case inDigests && releaseRow().Match(line):
			return true
		}
	}
	return false
}

// releaseAlgorithm returns the algorithm whose digests a field lists, or nil.
func releaseAlgorithm(field []byte) *digest.Algorithm {
	field = bytes.ToLower(field)
	return digest.ByTag(string(bytes.TrimSuffix(field, []byte("sum"))))
}

func readRelease(lines *Lines, _ Options) Next {
	var field string
	var algorithm *digest.Algorithm
	return perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) || line[0] == '#' {
			return Entry{}, errNoEntry
		}
		if match := releaseField().FindSubmatch(line); match != nil {
			field, algorithm = string(match[1]), releaseAlgorithm(match[1])
			if algorithm != nil && len(match[2]) > 0 {
				return Entry{}, errors.New("expected the digests on the lines after the colon")
			}
			if algorithm == nil && beginsWithDigest(field, match[2]) {
				return Entry{}, unknownAlgorithm(field)
			}
			return Entry{}, errNoEntry
		}
		row := releaseRow().FindSubmatch(line)
		switch {
		case field == "" || line[0] != ' ' && line[0] != '\t':
			return Entry{}, errors.New("expected a field or a continuation line")
		case row == nil && algorithm == nil && (beginsWithDigest(field, line) || hasDigestWord(field, line)):
			return Entry{}, unknownAlgorithm(field)
		case row == nil && algorithm == nil:
			return Entry{}, errNoEntry
		case row == nil:
			return Entry{}, errors.New("expected a digest, a size and a file name")
		case algorithm == nil:
			return Entry{}, unknownAlgorithm(field)
		}
		return releaseEntry(algorithm, row)
	})
}

// damagedRow matches what may be a line with a digest, a size and a name, of which the digest is damaged.
var damagedRow = pattern(`^[ \t]+[^ \t]{32,}[ \t]+[0-9]+[ \t]+[^ \t]`)

// beginsWithDigest reports whether a line of a field that lists no digests of files has one nevertheless.
func beginsWithDigest(field string, line []byte) bool {
	all := words(line)
	return len(all) > 0 && !strings.EqualFold(field, "Signed-By") && (isDigestWord(all[0]) || damagedRow().Match(line))
}

// hasDigestWord reports whether a word of a continuation line is a digest, also in quotation marks or brackets.
func hasDigestWord(field string, line []byte) bool {
	return !strings.EqualFold(field, "Signed-By") && slices.ContainsFunc(words(line), func(word []byte) bool {
		return isDigestWord(bytes.Trim(word, `"'()[]{}<>,;`))
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
