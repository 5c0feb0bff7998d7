package manifest

import (
	"errors"
	"strings"
)

// CFVCSV is the output of cfv -t csv, csv2 and csv4. Source: cfv's man page, and its output.
//
//	<name>,<size>,<hex digest>,
//	<name>,<size>,<hex digest>,<folder>,
//	<name>,<size>,
//
// cfv writes CRC-32; a longer digest is of the algorithm that the manifest's name or its length tells. Fields
// with commas and quotation marks are quoted as in RFC 4180. The last form has no digest, which is a bad line
// with the code [NoDigest]. Comments and headings are as in [NameFirst].
var CFVCSV = &Format{Name: "cfv-csv", Detect: detectCFVCSV, Read: cfvCSVLine.read}

var cfvCSVLine = untaggedLine{comments: "#", parse: parseCFVCSV}

func detectCFVCSV(head []byte, o Options) bool {
	if cfvCSVLine.detect(head, o) {
		return true
	}
	_, err := parseCFVCSV(firstEntryLine(head), untagged{})
	return errors.Is(err, errNoDigest) && strings.Contains(strings.ToLower(o.FileName), ".csv")
}

func parseCFVCSV(line []byte, digests untagged) (Entry, error) {
	var row csvRow
	if err := row.add(line); err != nil {
		return Entry{}, err
	}
	fields := append(row.fields, string(row.field))
	if fields[len(fields)-1] == "" {
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
	name := fields[0]
	if len(fields) == withFolder && fields[3] != "" {
		name = inFolder(fields[3], name)
	}
	e, err := digests.entry([]byte(fields[2]), []byte(name))
	e.HasSize, e.Size = true, size
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
