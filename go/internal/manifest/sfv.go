package manifest

import (
	"encoding/hex"
	"errors"
	"strings"

	"checksig/internal/digest"
)

// SFV is the simple file verification of cksfv, rhash and cfv, for CRC-32 (ISO 3309) alone:
//
//	<name> (SP | TAB)+ <8 hexadecimal digits>
//
// Empty lines and ";" comments are left out.
var SFV = &Format{Name: "sfv", Detect: detectSFV, Read: sfvLine.read, Write: &Writer{Begin: beginSFV, File: nameFirstFile(";")}}

func detectSFV(head []byte, o Options) bool {
	line := first(head, ";")
	e, err := sfv(line, untagged{})
	if err != nil {
		return false
	}
	gnu := gnuReader{}
	_, err = gnu.parse(line)
	return err != nil && e.Name[0] != '#' || strings.HasSuffix(strings.ToLower(o.FileName), ".sfv")
}

var sfvLine = untaggedLine{comments: ";", parse: sfv}

func sfv(line []byte, _ untagged) (Entry, error) {
	name, digits, err := cutLast(line)
	if err != nil {
		return Entry{}, err
	}
	sum := make([]byte, crc32.Size)
	if n, err := hex.Decode(sum, digits[:min(len(digits), 2*len(sum))]); err != nil || n != len(sum) || len(digits) != 2*n {
		return Entry{}, errors.New("does not end with 8 hexadecimal digits")
	}
	return Entry{Name: string(name), Algorithm: crc32, Digest: sum}, nil
}

var crc32 = digest.ByName("crc32")

func beginSFV(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	if len(algorithms) != 1 || algorithms[0] != crc32 {
		return nil, errors.New("the format is for crc32, and nothing else")
	}
	return dst, nil
}
