package manifest

import (
	"bytes"
	"errors"

	"checksig/internal/digest"
)

// FreeBSD is the list of the distribution sets of a FreeBSD release, MANIFEST, with a TAB between the columns.
// Source: release/scripts/make-manifest.sh of FreeBSD.
//
//	<name> <hex digest of SHA-256> <number of files> <short name> <description in quotation marks> "on" | "off"
var FreeBSD = &Format{Name: "freebsd", Read: readFreeBSD, Detect: func(head []byte, _ Options) bool {
	_, err := freeBSDEntry(firstContentLine(head, ""))
	return err == nil
}}

func readFreeBSD(lines *Lines, _ Options) Next {
	next := perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) {
			return Entry{}, errNoEntry
		}
		return freeBSDEntry(line)
	})
	return withEndCheck(lines, next, lines.endOfLast)
}

var freeBSDRow = pattern(`^([^\t]+)\t([0-9a-fA-F]+)\t[0-9]+\t[^\t]+\t"[^\t]*"\t(?:on|off)$`)

func freeBSDEntry(line []byte) (Entry, error) {
	row := freeBSDRow().FindSubmatch(bytes.TrimRight(line, " "))
	if row == nil {
		return Entry{}, errors.New("expected a name, a digest, a number of files, a short name, a description, and on or off, with TABs between")
	}
	a := digest.ByName("sha256")
	sum, err := decodeDigest(a, row[2])
	return Entry{Name: string(row[1]), Algorithm: a, Digest: sum}, err
}
