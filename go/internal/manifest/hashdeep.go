package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"checksig/internal/digest"
)

// Hashdeep is the format of hashdeep, md5deep and so on. Source: hashdeep.sourceforge.net, "File
// format".
//
//	%%%% HASHDEEP-1.0
//	%%%% size,<algorithm>[,<algorithm>...],filename
//	<size>,<hex digest>[,<hex digest>...],<name, in which "," is nothing special>
//
// The header names the columns; another header may follow later. An unknown algorithm makes the
// header a bad line, and its column is not verified. "#" comments are skipped.
var Hashdeep = &Format{Name: "hashdeep", Detect: detectHashdeep, Read: readHashdeep, Write: &Writer{
	Begin: beginHashdeep, File: hashdeepFile}}

var (
	hashdeepMark    = []byte("%%%% HASHDEEP-1.0")
	hashdeepColumns = []byte("%%%% size,")
)

// hashdeepAlgorithms are the algorithms of hashdeep that this program has, too.
var hashdeepAlgorithms = []string{"md5", "sha1", "sha256"}

func detectHashdeep(head []byte, _ Options) bool {
	return bytes.HasPrefix(firstContentLine(head, ""), []byte("%%%% HASHDEEP-"))
}

func readHashdeep(lines *Lines, _ Options) Next {
	var columns []*digest.Algorithm // nil for an unknown algorithm
	return perRow(lines, func(line []byte) (entries []Entry, err error) {
		switch {
		case isBlank(line) || line[0] == '#' || bytes.Equal(line, hashdeepMark):
			return nil, nil
		case bytes.HasPrefix(line, hashdeepColumns):
			columns, err = parseHashdeepColumns(line)
			return nil, err
		case line[0] == '%':
			return nil, errors.New("unknown hashdeep header")
		case columns == nil:
			return nil, errors.New("no header that names the columns before this line")
		}
		return hashdeepRow(line, columns)
	})
}

func parseHashdeepColumns(line []byte) ([]*digest.Algorithm, error) {
	words := bytes.Split(line[len(hashdeepColumns):], []byte(","))
	last := len(words) - 1
	if last < 1 || string(words[last]) != "filename" {
		return nil, errors.New(`expected "size", algorithms and "filename" in the header`)
	}
	var err error
	columns := make([]*digest.Algorithm, last)
	for i, word := range words[:last] {
		if columns[i] = digest.ByTag(string(word)); columns[i] == nil {
			err = fmt.Errorf("%w: its column is not verified", unknownAlgorithm(word))
		}
	}
	return columns, err
}

func hashdeepRow(line []byte, columns []*digest.Algorithm) ([]Entry, error) {
	fields := bytes.SplitN(line, []byte(","), len(columns)+2)
	if len(fields) != len(columns)+2 || len(fields[len(columns)+1]) == 0 {
		return nil, fmt.Errorf("expected a size, %d digests and a file name", len(columns))
	}
	size, err := parseSize(fields[0])
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for i, a := range columns {
		if a == nil {
			continue
		}
		sum, err := decodeDigest(a, fields[i+1])
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Name: string(fields[len(columns)+1]), Algorithm: a, Digest: sum, HasSize: true, Size: size})
	}
	if entries == nil {
		return nil, errors.New("no digest of a known algorithm")
	}
	return entries, nil
}

func beginHashdeep(dst []byte, algorithms []*digest.Algorithm) ([]byte, error) {
	dst = append(append(append(dst, hashdeepMark...), '\n'), "%%%% size"...)
	for _, a := range algorithms {
		if !slices.Contains(hashdeepAlgorithms, a.Name) {
			return nil, fmt.Errorf("the format cannot represent %s; it has %s", a.Name, strings.Join(hashdeepAlgorithms, ", "))
		}
		dst = append(append(dst, ','), a.Name...)
	}
	return append(dst, ",filename\n"...), nil
}

func hashdeepFile(dst []byte, entries []Entry) ([]byte, error) {
	e := entries[0]
	if err := plainName(e.Name, ""); err != nil {
		return nil, err
	}
	if !e.HasSize {
		return nil, errors.New("the format needs the file's size")
	}
	dst = strconv.AppendInt(dst, e.Size, 10)
	for _, e := range entries {
		dst = hex.AppendEncode(append(dst, ','), e.Digest)
	}
	return append(append(append(dst, ','), e.Name...), '\n'), nil
}
