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

// ENA is the file report of the European Nucleotide Archive. Source: ENA Portal API, "filereport".
//
// It is a table with TABs between its columns, which the first line names:
//
//	run_accession	fastq_ftp	fastq_md5	fastq_bytes
//	R1	ftp.x/1/a_1.gz;ftp.x/1/a_2.gz	<hex digest>;<hex digest>	5;6
//
// Each pair of columns <group>_ftp and <group>_md5 (fastq, submitted, sra) lists as many digests as
// addresses, separated by ";". [Options].Columns names the groups that are read; nil for all. The column
// <group>_bytes lists their sizes and is optional. A file's name is the last part of its address.
var ENA = &Format{Name: "ena", Detect: detectENA, Read: readENA}

// enaGroup holds the indexes of the columns of one group; -1 for a column that is missing.
type enaGroup struct {
	name            string
	md5, ftp, bytes int
}

func detectENA(head []byte, _ Options) bool {
	line := firstContentLine(head, "")
	return bytes.IndexByte(line, '\t') >= 0 && len(enaGroups(bytes.Split(line, []byte("\t")))) > 0
}

func enaGroups(columns [][]byte) []enaGroup {
	index := func(name string) int {
		return slices.IndexFunc(columns, func(column []byte) bool { return string(column) == name })
	}
	var groups []enaGroup
	for i, column := range columns {
		if name, ok := strings.CutSuffix(string(column), "_md5"); ok {
			groups = append(groups, enaGroup{name, i, index(name + "_ftp"), index(name + "_bytes")})
		}
	}
	return groups
}

func readENA(lines *Lines, o Options) Next {
	columns := 0
	var groups []enaGroup
	return perRow(lines, func(line []byte) ([]Entry, error) {
		if len(line) == 0 {
			return nil, nil
		}
		fields := bytes.Split(line, []byte("\t"))
		if columns == 0 {
			columns, groups = len(fields), enaGroups(fields)
			return nil, checkENAColumns(groups, o.Columns)
		}
		if len(fields) != columns {
			return nil, fmt.Errorf("expected %d columns as in the first line, found %d", columns, len(fields))
		}
		var entries []Entry
		left := lines.leftOut
		for _, group := range groups {
			of, err := group.entries(fields)
			switch {
			case len(o.Columns) > 0 && !slices.Contains(o.Columns, group.name):
				if err != nil {
					of = make([]Entry, 1) // at least
				}
				lines.leftOut += int64(len(of))
				continue
			case err != nil:
				return nil, err
			}
			entries = append(entries, of...)
		}
		if entries == nil && left == lines.leftOut {
			return nil, errors.New("the row lists no file")
		}
		return entries, nil
	})
}

// noColumnError says that there is no group of columns with a name that was asked for.
type noColumnError struct {
	asked string
	known []string
}

func (e noColumnError) Error() string {
	known := excerpt([]byte(strings.Join(e.known, ", "))) // a hostile header may have many
	const shortest = 3
	hint := ""
	if similar := digest.Closest(e.asked, e.known, shortest); similar != "" {
		hint = fmt.Sprintf("did you mean %.40q? ", similar)
	}
	return fmt.Sprintf("no columns %.40q; %sthere are: %s", e.asked, hint, known)
}

// checkENAColumns returns an error if the file names of a group are missing, or a group that is asked for.
func checkENAColumns(groups []enaGroup, asked []string) error {
	names := make([]string, len(groups))
	for i, group := range groups {
		names[i] = group.name
	}
	for _, name := range asked {
		if !slices.Contains(names, name) {
			return noColumnError{name, names}
		}
	}
	for _, group := range groups {
		if group.ftp < 0 && (len(asked) == 0 || slices.Contains(asked, group.name)) {
			return errors.New("no column of addresses (_ftp) for a column of MD5 digests (_md5)")
		}
	}
	return nil
}

func (g enaGroup) entries(fields [][]byte) ([]Entry, error) {
	if g.ftp < 0 || len(fields[g.ftp]) == 0 && len(fields[g.md5]) == 0 {
		return nil, nil
	}
	if len(fields[g.md5]) == 0 {
		return nil, errNoDigest
	}
	digests := bytes.Split(fields[g.md5], []byte(";"))
	addresses := bytes.Split(fields[g.ftp], []byte(";"))
	var sizes [][]byte
	if g.bytes >= 0 && len(fields[g.bytes]) > 0 {
		sizes = bytes.Split(fields[g.bytes], []byte(";"))
	}
	if len(addresses) != len(digests) {
		return nil, fmt.Errorf("expected %d digests, one for each address, found %d", len(addresses), len(digests))
	}
	if sizes != nil && len(sizes) != len(digests) {
		return nil, fmt.Errorf("expected %d sizes, one for each digest, found %d", len(digests), len(sizes))
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
			return nil, errors.New("the address has no file name at its end")
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
