package manifest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"checksig/internal/digest"
)

// RECORD is the list of a Python package's files, <name>-<version>.dist-info/RECORD. Sources: PyPA's
// "Recording installed projects" and "Binary distribution format" (once PEP 376 and PEP 427).
//
// It is a table of three columns in CSV (RFC 4180). Names are relative to the folder above RECORD's:
//
//	<name>,<algorithm>"="<base64url digest without padding>,<size>
//
// RECORD itself and its signatures RECORD.jws and RECORD.p7s are listed without a digest, and are
// skipped. So are ".pyc" files in a __pycache__ folder: they are created during installation. Any
// other file without a digest is a bad line with the code [NoDigest], because nothing verifies it.
var RECORD = &Format{Name: "record", Base: "..", Folder: ".dist-info", Detect: detectRECORD, Read: readRECORD, Write: &Writer{
	Begin: beginSingle, File: recordFile}}

var (
	recordDigest  = pattern(`^[a-z0-9_]+=[A-Za-z0-9_-]+=*$`)
	recordNoEntry = pattern(`(?:(?:^|/)__pycache__/[^/]+\.pyc|\.dist-info/RECORD(?:\.jws|\.p7s)?)$`)
)

func detectRECORD(head []byte, _ Options) bool {
	lines := &Lines{r: bufio.NewReaderSize(bytes.NewReader(head), MaxLine)}
	for {
		fields, _, err := csvFields(lines, ',')
		if err != nil || len(fields) != 3 {
			return false
		}
		if recordDigest().MatchString(fields[1]) {
			return true
		}
		if fields[1] != "" {
			return false
		}
	}
}

func readRECORD(lines *Lines, _ Options) Next { return csvRows(lines, recordEntry) }

// csvRows returns the entries of the rows of a CSV file. Empty rows, and those for which entry returns errNoEntry, have
// none.
func csvRows(lines *Lines, entry func(fields []string) (Entry, error)) Next {
	return func() (Entry, error) {
		for {
			fields, n, err := csvFields(lines, ',')
			if err != nil {
				return Entry{}, err
			}
			if len(fields) == 1 && fields[0] == "" {
				continue
			}
			e, err := entry(fields)
			switch {
			case err == nil:
				e.Line = n
				return e, nil
			case !errors.Is(err, errNoEntry):
				return Entry{}, lineError(n, []byte(strings.Join(fields, ",")), err)
			}
		}
	}
}

// csvFields reads one row, which may span several lines, and returns the number of its first line.
func csvFields(lines *Lines, separator byte) ([]string, int64, error) {
	line, begins, err := lines.Next()
	if err != nil {
		return nil, begins, err
	}
	row := csvRow{separator: separator}
	for n := begins; ; {
		if err := row.add(line); err != nil {
			return nil, begins, lineError(n, line, err)
		}
		if !row.quoted {
			return append(row.fields, string(row.field)), begins, nil
		}
		if row.size > MaxLine {
			return nil, begins, &LineError{Line: n, Text: excerpt(line), Fatal: true, Cause: "row too long: the quoted field has no end"}
		}
		if lines.crlf {
			row.field = append(row.field, '\r')
		}
		row.field = append(row.field, '\n')
		if line, n, err = lines.Next(); err != nil {
			var bad *LineError
			if !errors.As(err, &bad) {
				return nil, begins, &LineError{Line: n, Fatal: true, Cause: "truncated in a quoted field"}
			}
			return nil, begins, err
		}
	}
}

// csvRow collects the fields of one row (RFC 4180).
type csvRow struct {
	separator byte

	fields []string
	field  []byte
	quoted bool // in a quoted field, which continues on the next line
	size   int  // bytes so far
}

func (r *csvRow) add(line []byte) error {
	r.size += len(line) + 1
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case r.quoted && c == '"' && i+1 < len(line) && line[i+1] == '"':
			r.field = append(r.field, '"')
			i++
		case r.quoted && c == '"':
			r.quoted = false
			if i+1 < len(line) && line[i+1] != r.separator {
				return fmt.Errorf("expected %q after the quoted field", r.separator)
			}
		case r.quoted:
			r.field = append(r.field, c)
		case c == '"' && len(r.field) == 0:
			r.quoted = true
		case c == '"':
			return errors.New("quotation mark in a field without quotes")
		case c == r.separator:
			r.fields = append(r.fields, string(r.field))
			r.field = r.field[:0]
		default:
			r.field = append(r.field, c)
		}
	}
	return nil
}

func recordEntry(fields []string) (Entry, error) {
	if len(fields) != 3 || fields[0] == "" {
		return Entry{}, errors.New("expected a file name, a digest and a size")
	}
	name, tag, size := fields[0], fields[1], fields[2]
	if tag == "" {
		if _, err := parseSize([]byte(size)); size != "" && err != nil {
			return Entry{}, err
		}
		if recordNoEntry().MatchString(name) {
			return Entry{}, errNoEntry
		}
		return Entry{}, errNoDigest
	}
	tag, text, _ := strings.Cut(tag, "=")
	algorithm := digest.ByTag(strings.ReplaceAll(tag, "_", "-"))
	if algorithm == nil {
		return Entry{}, unknownAlgorithm(tag)
	}
	sum, err := decodeRecord(text, algorithm.Size)
	if err != nil {
		return Entry{}, fmt.Errorf("expected a %s digest in base64url", algorithm.Name)
	}
	e := Entry{Name: name, Algorithm: algorithm, Digest: sum}
	if size != "" {
		e.HasSize = true
		e.Size, err = parseSize([]byte(size))
	}
	return e, err
}

// decodeRecord decodes a digest of size bytes in base64url or hex. Some Debian packages have RECORDs
// with hex, against the specification. No text of 3 bytes or more is valid as both.
func decodeRecord(text string, size int) ([]byte, error) {
	if sum, err := hex.DecodeString(text); err == nil && len(sum) == size && size > 2 {
		return sum, nil
	}
	sum, err := fromBase64(base64.RawURLEncoding, strings.TrimRight(text, "="))
	if err == nil && len(sum) != size {
		err = errors.New("wrong length")
	}
	return sum, err
}

func recordFile(dst []byte, entries []Entry) ([]byte, error) {
	e := entries[0]
	if strings.ContainsAny(e.Name, ",\"\r\n") || startsLayer(e.Name) {
		dst = append(append(append(dst, '"'), strings.ReplaceAll(e.Name, `"`, `""`)...), '"')
	} else {
		dst = append(dst, e.Name...)
	}
	dst = append(append(dst, ','), strings.ReplaceAll(e.Algorithm.Name, "-", "_")...)
	dst = base64.RawURLEncoding.AppendEncode(append(dst, '='), e.Digest)
	dst = append(dst, ',')
	if e.HasSize {
		dst = strconv.AppendInt(dst, e.Size, 10)
	}
	return append(dst, '\n'), nil
}
