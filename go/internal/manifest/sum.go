package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"checksig/internal/digest"
)

// Sum is the output of sum(1), as in Ensembl's CHECKSUMS. Source: GNU coreutils' manual, "sum invocation".
//
//	<sum> (SP | TAB)+ <size in blocks> (SP | TAB) <name>
//
// The default of sum is the algorithm of BSD, which has 5 decimal digits and blocks of 1024 bytes. That of System
// V has up to 5 digits, without zeros in front, and blocks of 512 bytes; it must be named in [Options]. So must
// that of BSD for fewer digits, which other systems write.
//
// A manifest is one if all of its first lines have this form. Empty lines are skipped.
var Sum = &Format{Name: "sum", Detect: detectSum, Read: readSum}

var (
	sumLine     = pattern(`^([0-9]{5})[ \t]+([0-9]{1,19})[ \t](.+)$`)
	sumLineAny  = pattern(`^([0-9]{1,5})[ \t]+([0-9]{1,19})[ \t](.+)$`)
	cksumWord   = pattern(`(?i:(?:^|[^a-z])cksum)`) // "checksums" contains it, too
	bsdSum      = digest.ByName("bsdsum")
	sysVSum     = digest.ByName("sysvsum")
	blocksOfSum = map[*digest.Algorithm]int64{bsdSum: 1024, sysVSum: 512}
)

func detectSum(head []byte, o Options) bool {
	line := sumLine()
	if blocksOfSum[o.Algorithm] != 0 {
		line = sumLineAny()
	}
	return !namesCksum(o) && allLinesMatch(head, line)
}

// allLinesMatch reports whether all lines of head match, but one that is cut off at its end.
func allLinesMatch(head []byte, expression *regexp.Regexp) bool {
	n := 0
	for line := range bytes.Lines(head) {
		whole := line[len(line)-1] == '\n'
		line = bytes.TrimRight(line, "\r\n")
		if isBlank(line) || n > 0 && !whole {
			continue
		}
		if n++; !expression.Match(line) {
			return false
		}
	}
	return n > 0
}

func readSum(lines *Lines, o Options) Next {
	algorithm, form := o.Algorithm, sumLineAny()
	if blocksOfSum[algorithm] == 0 {
		algorithm, form = bsdSum, sumLine()
	}
	return perLine(lines, func(line []byte) (Entry, error) {
		if isBlank(line) {
			return Entry{}, errNoEntry
		}
		fields := form.FindSubmatch(line)
		if fields == nil {
			if sumLineAny().Match(line) {
				return Entry{}, errors.New("fewer than 5 digits: name the algorithm, sysvsum (System V) or bsdsum")
			}
			return Entry{}, errors.New("expected a sum, a number of blocks and a file name")
		}
		sum, err := strconv.ParseUint(string(fields[1]), 10, 16)
		if err != nil {
			return Entry{}, fmt.Errorf("expected a sum up to 65535, found %q", fields[1])
		}
		blocks, err := parseSize(fields[2])
		return Entry{
			Name: string(fields[3]), Algorithm: algorithm, Digest: binary.BigEndian.AppendUint16(nil, uint16(sum)),
			Blocks: blocks, BlockSize: blocksOfSum[algorithm],
		}, err
	})
}

// namesCksum reports whether the caller or the manifest's name says that it is the output of cksum.
func namesCksum(o Options) bool {
	return o.Algorithm == cksum || o.Algorithm == nil && cksumWord().MatchString(o.FileName)
}
