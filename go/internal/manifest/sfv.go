package manifest

import (
	"encoding/hex"
	"errors"
	"strings"

	"checksig/internal/digest"
)

// SFV is the "simple file verification" format of cksfv(1), rhash(1) and cfv(1). It has CRC-32
// (ISO 3309) only.
//
//	<name> (SP | TAB)+ <8 hex digits>
//
// Empty lines and ";" comments are skipped.
var SFV = &Format{Name: "sfv", Detect: detectSFV, Read: sfvLine.read, Write: &Writer{Begin: beginSFV, File: nameFirstFile(";")}}

func detectSFV(head []byte, o Options) bool {
	line := firstContentLine(head, ";")
	e, err := parseSFV(line, untagged{})
	if err != nil {
		return false
	}
	gnu := gnuReader{}
	_, err = gnu.parse(line)
	return err != nil && e.Name[0] != '#' || strings.HasSuffix(strings.ToLower(o.FileName), ".sfv")
}

var sfvLine = untaggedLine{comments: ";", parse: parseSFV}

func parseSFV(line []byte, _ untagged) (Entry, error) {
	name, digits, err := cutLast(line)
	if err != nil {
		return Entry{}, err
	}
	sum := make([]byte, crc32.Size)
	if n, err := hex.Decode(sum, digits[:min(len(digits), 2*len(sum))]); err != nil || n != len(sum) || len(digits) != 2*n {
		return Entry{}, errors.New("expected 8 hex digits at the end of the line")
	}
	return Entry{Name: string(name), Algorithm: crc32, Digest: sum}, nil
}

var crc32 = digest.ByName("crc32")

func beginSFV(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	if len(algorithms) != 1 || algorithms[0] != crc32 {
		return nil, errors.New("the format is for crc32 only")
	}
	return dst, nil
}
