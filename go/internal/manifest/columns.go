package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"checksig/internal/digest"
)

// Columns is the format with several digests of a file in a line, as rhash -CMH and rhash --sfv -MH write it.
//
//	<name> (SP | TAB)+ <hex digest> ((SP | TAB)+ <hex digest>)+
//
// The length of each digest identifies its algorithm, so no two digests of a line have the same length. The
// first line determines the columns; every other line must have the same. Comments and headings are as in
// [NameFirst].
//
// It is distinguished from [NameFirst] with a number at the end of each name, such as a date, by the letters
// among the digits of the first column, or by the two spaces that rhash writes before each column.
var Columns = &Format{Name: "columns", Detect: detectColumns, Read: readColumns, HasText: true}

func detectColumns(head []byte, o Options) bool {
	line := firstEntryLine(head)
	fields := words(line)
	if len(fields) < 3 || !isColumn(fields[len(fields)-1]) || !isColumn(fields[len(fields)-2]) {
		return false // a fast test for the other formats
	}
	if _, err := (&gnuReader{untagged: o.untagged()}).parse(line); err == nil {
		return false
	}
	sizes := columnSizes(line)
	if sizes == nil {
		return false
	}
	for line := range contentLines(head, "#;") {
		name, columns := cutColumns(line, len(sizes))
		if len(name) == 0 {
			continue
		}
		rest := line[len(name):]
		if bytes.HasPrefix(rest, append([]byte("  "), columns[0]...)) && bytes.Count(rest, []byte("  ")) == len(sizes) ||
			len(bytes.Trim(columns[0], "0123456789")) > 0 {
			return true
		}
	}
	return false
}

// isColumn reports whether word is a digest of a known length in hex.
func isColumn(word []byte) bool {
	if len(word)%2 != 0 || digest.BySize(len(word)/2) == nil {
		return false
	}
	_, err := hex.Decode(make([]byte, len(word)/2), word)
	return err == nil
}

// columnSizes returns the lengths of the digests at the end of line, in hex digits. It returns nil for fewer
// than two, or if two are equal.
func columnSizes(line []byte) []int {
	fields := words(line)
	var sizes []int
	seen := map[int]bool{}
	for i := len(fields) - 1; i > 0 && isColumn(fields[i]); i-- {
		size := len(fields[i])
		if seen[size] {
			return nil
		}
		seen[size] = true
		sizes = append([]int{size}, sizes...)
	}
	if len(sizes) < 2 {
		return nil
	}
	return sizes
}

// cutColumns splits a line with n digests at its end; the name is nil if there are not so many words.
func cutColumns(line []byte, n int) (name []byte, columns [][]byte) {
	columns = make([][]byte, n)
	name = bytes.TrimRight(line, " \t")
	for i := n - 1; i >= 0; i-- {
		blank := bytes.LastIndexAny(name, " \t")
		if blank < 0 {
			return nil, columns
		}
		columns[i] = name[blank+1:]
		name = bytes.TrimRight(name[:blank], " \t")
	}
	return name, columns
}

func readColumns(lines *Lines, o Options) Next {
	digests := o.untagged()
	var sizes []int
	next := perRow(lines, func(line []byte) ([]Entry, error) {
		if isBlank(line) {
			return nil, nil
		}
		entries, err := digests.row(line, &sizes)
		switch {
		case line[0] == '#' && err == nil:
			return nil, couldBeName(line[:1])
		case line[0] == '#' && hidesDigest(line):
			return nil, errHiddenDigest
		case line[0] == '#':
			digests.heading(line)
			return nil, nil
		case err == nil:
			digests.awaited = false
			return entries, nil
		case isRemark(line), digests.heading(line):
			return nil, nil
		case hasRemarkMark(line):
			return nil, errHiddenDigest
		}
		digests.awaited = false
		return nil, err
	})
	return withEndCheck(lines, next, digests.truncated)
}

// row returns the entries of a line. The first line sets the sizes of the columns.
func (u untagged) row(line []byte, sizes *[]int) ([]Entry, error) {
	of := *sizes
	if of == nil {
		of = columnSizes(line)
	}
	if of == nil {
		return nil, errors.New("expected a file name and digests of different lengths")
	}
	name, columns := cutColumns(line, len(of))
	if len(name) == 0 {
		return nil, fmt.Errorf("expected a file name and %d digests", len(of))
	}
	entries := make([]Entry, len(of))
	for i, text := range columns {
		if len(text) != of[i] || !isColumn(text) {
			return nil, fmt.Errorf("expected %d hex digits in column %d of the digests, as in the first line", of[i], i+1)
		}
		d, err := u.column(text)
		if err != nil {
			return nil, err
		}
		entries[i] = d.entry(string(name))
	}
	if line[0] != '#' {
		*sizes = of
	}
	return entries, nil
}

// column reads one of several digests. The named algorithm is that of the digest with its length only.
func (u untagged) column(text []byte) (parsedDigest, error) {
	if u.algorithm != nil && len(text) != hex.EncodedLen(u.algorithm.Size) {
		u.algorithm = nil
	}
	return u.parseDigest(text)
}
