package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"checksig/internal/digest"
)

// ENA is the file report of the European Nucleotide Archive (ENA portal, "filereport"), a table
// with TABs between its columns, named in the first line. Each pair of columns <group>_ftp and
// <group>_md5 (fastq, submitted, sra) lists as many digests as addresses, with ";" between them, and
// <group>_bytes their sizes, where it is there. A file's name is the last part of its address.
var ENA = &Format{Name: "ena", Detect: detectENA, Read: readENA}

// enaGroup is the columns, from 0, that belong together; -1 for one that is not there.
type enaGroup struct{ md5, ftp, bytes int }

func detectENA(head []byte, _ Options) bool {
	line := first(head, "")
	return bytes.IndexByte(line, '\t') >= 0 && len(enaGroups(bytes.Split(line, []byte("\t")))) > 0
}

func enaGroups(columns [][]byte) []enaGroup {
	index := func(name string) int {
		return slices.IndexFunc(columns, func(column []byte) bool { return string(column) == name })
	}
	var groups []enaGroup
	for i, column := range columns {
		if name, ok := strings.CutSuffix(string(column), "_md5"); ok {
			groups = append(groups, enaGroup{i, index(name + "_ftp"), index(name + "_bytes")})
		}
	}
	return groups
}

func readENA(lines *Lines, _ Options) Next {
	columns := 0
	var groups []enaGroup
	return perRow(lines, func(line []byte) ([]Entry, error) {
		if len(line) == 0 {
			return nil, nil
		}
		fields := bytes.Split(line, []byte("\t"))
		if columns == 0 {
			columns, groups = len(fields), enaGroups(fields)
			return nil, enaComplete(groups)
		}
		if len(fields) != columns {
			return nil, fmt.Errorf("%d columns, where the first line names %d", len(fields), columns)
		}
		var entries []Entry
		for _, group := range groups {
			of, err := group.entries(fields)
			if err != nil {
				return nil, err
			}
			entries = append(entries, of...)
		}
		if entries == nil {
			return nil, errors.New("a row that lists no file")
		}
		return entries, nil
	})
}

func enaComplete(groups []enaGroup) error {
	for _, group := range groups {
		if group.ftp < 0 {
			return errors.New("a column of MD5 digests without the one of addresses (_ftp)")
		}
	}
	return nil
}

func (g enaGroup) entries(fields [][]byte) ([]Entry, error) {
	if g.ftp < 0 || len(fields[g.ftp]) == 0 && len(fields[g.md5]) == 0 {
		return nil, nil
	}
	digests := bytes.Split(fields[g.md5], []byte(";"))
	addresses := bytes.Split(fields[g.ftp], []byte(";"))
	var sizes [][]byte
	if g.bytes >= 0 && len(fields[g.bytes]) > 0 {
		sizes = bytes.Split(fields[g.bytes], []byte(";"))
	}
	if len(addresses) != len(digests) || sizes != nil && len(sizes) != len(digests) {
		return nil, fmt.Errorf("%d digests for %d addresses and %d sizes", len(digests), len(addresses), len(sizes))
	}
	entries := make([]Entry, len(digests))
	for i := range digests {
		sum, err := decodeDigest(md5, digests[i])
		if err != nil {
			return nil, err
		}
		address := string(addresses[i])
		name := path.Base(address)
		if strings.HasSuffix(address, "/") || name == "." || name == ".." {
			return nil, errors.New("an address without a file name")
		}
		entries[i] = Entry{Name: name, Algorithm: md5, Digest: sum, RawName: address}
		if sizes != nil {
			entries[i].HasSize = true
			if entries[i].Size, err = parseSize(sizes[i]); err != nil {
				return nil, err
			}
		}
	}
	return entries, nil
}

var md5 = digest.ByName("md5")
