package manifest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// CFVCSV is the output of cfv -t csv, csv2 and csv4. Source: cfv's man page, and its output.
//
//	<name>,<size>,<hex digest>,
//	<name>,<size>,<hex digest>,<folder>,
//	<name>,<size>,
//
// All lines have the same number of fields. cfv writes CRC-32; a longer digest is of the algorithm that the
// manifest's name or its length tells. Fields with commas and quotation marks are quoted as in RFC 4180. The
// last form has no digest, which is a bad line with the code [NoDigest]. The last comma shows that a line is
// whole; without it, only a longer digest than cfv's is read. Comments and headings are as in [NameFirst].
var CFVCSV = &Format{Name: "cfv-csv", Detect: detectCFVCSV, Read: readCFVCSV}

// cfvCSV is the state of a reader.
type cfvCSV struct {
	fields int // of the first entry; 0 before it
}

func detectCFVCSV(head []byte, o Options) bool {
	c := cfvCSV{}
	_, err := c.parse(firstEntryLine(head), o.untagged())
	return err == nil || errors.Is(err, errNoDigest) && strings.Contains(strings.ToLower(o.FileName), ".csv")
}

func readCFVCSV(lines *Lines, o Options) Next {
	c := cfvCSV{}
	return untaggedLine{comments: "#", parse: c.parse}.read(lines, o)
}

func (c *cfvCSV) parse(line []byte, digests untagged) (Entry, error) {
	row := csvRow{separator: ','}
	if err := row.add(line); err != nil {
		return Entry{}, err
	}
	fields := append(row.fields, string(row.field))
	n := len(fields)
	whole := fields[n-1] == ""
	if whole {
		fields = fields[:len(fields)-1]
	}
	const withFolder = 4
	if row.quoted || len(fields) < 2 || len(fields) > withFolder || fields[0] == "" {
		return Entry{}, errors.New("expected a file name, a size and a digest, separated by commas")
	}
	size, err := parseSize([]byte(fields[1]))
	if err != nil {
		return Entry{}, err
	}
	if len(fields) == 2 {
		return Entry{}, errNoDigest
	}
	if !whole && (len(fields) == withFolder || len(fields[2]) == hex.EncodedLen(crc32.Size)) {
		return Entry{}, errors.New("expected a comma at the end of the line, as cfv writes it")
	}
	if c.fields > 0 && n != c.fields {
		return Entry{}, fmt.Errorf("expected %d fields as in earlier lines, found %d", c.fields, n)
	}
	name := fields[0]
	if len(fields) == withFolder && fields[3] != "" {
		name = inFolder(fields[3], name)
	}
	e, err := digests.entry([]byte(fields[2]), []byte(name))
	e.HasSize, e.Size = true, size
	if err == nil {
		c.fields = n
	}
	return e, err
}

// inFolder returns the path of a file in a folder, with the separator that the folder's path has.
func inFolder(folder, name string) string {
	separator := "/"
	if strings.Contains(folder, `\`) && !strings.Contains(folder, "/") {
		separator = `\`
	}
	if strings.HasSuffix(folder, separator) {
		separator = ""
	}
	return folder + separator + name
}
