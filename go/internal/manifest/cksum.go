package manifest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"checksig/internal/digest"
)

// Cksum is the output of POSIX's cksum. Source: POSIX.1-2017, utility cksum, "STDOUT".
//
//	<CRC> SP <size> SP <name>
//
// A manifest is one if all of its first lines have this form. Where all have a CRC of 8 digits, they are lines of
// [GNU] with CRC-32 as well; then "cksum" must be in the manifest's name. Empty lines are skipped.
var Cksum = &Format{Name: "cksum", Detect: detectCksum, Read: readCksum}

var (
	cksumLine  = pattern(`^([0-9]{1,10}) ([0-9]{1,19}) (.+)$`)
	cksumEight = pattern(`^[0-9]{8} `)
	cksum      = digest.ByName("cksum")
)

func detectCksum(head []byte, o Options) bool {
	return allLinesMatch(head, cksumLine()) && (namesCksum(o) || !allLinesMatch(head, cksumEight()))
}

func readCksum(lines *Lines, _ Options) Next {
	return perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) {
			return Entry{}, errNoEntry
		}
		fields := cksumLine().FindSubmatch(line)
		if fields == nil {
			return Entry{}, errors.New("expected a CRC, a size and a file name")
		}
		sum, err := parseCksum(fields[1])
		if err != nil {
			return Entry{}, err
		}
		size, err := parseSize(fields[2])
		return Entry{Name: string(fields[3]), Algorithm: cksum, Digest: sum, HasSize: true, Size: size}, err
	})
}

// parseCksum reads a CRC in decimal digits.
func parseCksum(digits []byte) ([]byte, error) {
	sum, err := strconv.ParseUint(string(digits), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("expected a CRC up to 4294967295, found %.20q", digits)
	}
	return binary.BigEndian.AppendUint32(nil, uint32(sum)), nil
}
