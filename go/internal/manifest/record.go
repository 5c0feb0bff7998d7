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

// RECORD is the list of a Python package's files, <name>-<version>.dist-info/RECORD (PyPA's
// "Recording installed projects" and "Binary distribution format", once PEP 376 and PEP 427), a
// table of three columns by RFC 4180, whose names start from the folder above:
//
//	<name>,<algorithm>"="<base64url digest without padding>,<size>
//
// RECORD itself, and its signatures RECORD.jws and RECORD.p7s, have no digest, and are no entries.
// Nor are the ".pyc" files of a __pycache__ folder without a digest: they are made at the
// installation. Any other file without one is a bad line, as nothing vouches for it.
var RECORD = &Format{Name: "record", Base: "..", Detect: detectRECORD, Read: readRECORD, Write: &Writer{
	Begin: beginSingle, File: recordFile}}

var (
	recordDigest  = pattern(`^[a-z0-9_]+=[A-Za-z0-9_-]+=*$`)
	recordNoEntry = pattern(`(?:(?:^|/)__pycache__/[^/]+\.pyc|\.dist-info/RECORD(?:\.jws|\.p7s)?)$`)
)

func detectRECORD(head []byte, _ Options) bool {
	lines := &Lines{r: bufio.NewReaderSize(bytes.NewReader(head), MaxLine)}
	for {
		fields, _, err := recordFields(lines)
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

func readRECORD(lines *Lines, _ Options) Next {
	return func() (Entry, error) {
		for {
			fields, n, err := recordFields(lines)
			if err != nil {
				return Entry{}, err
			}
			if len(fields) == 1 && fields[0] == "" {
				continue
			}
			e, err := recordEntry(fields)
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

// recordFields reads one row, which may go over several lines, and says where it begins.
func recordFields(lines *Lines) ([]string, int64, error) {
	line, begins, err := lines.Next()
	if err != nil {
		return nil, begins, err
	}
	var row csvRow
	for n := begins; ; {
		if err := row.take(line); err != nil {
			return nil, begins, lineError(n, line, err)
		}
		if !row.quoted {
			return append(row.fields, string(row.field)), begins, nil
		}
		if row.size > MaxLine {
			return nil, begins, &LineError{Line: n, Text: beginning(line), Fatal: true, Cause: "a row too long: its quotes do not end"}
		}
		if lines.crlf {
			row.field = append(row.field, '\r')
		}
		row.field = append(row.field, '\n')
		if line, n, err = lines.Next(); err != nil {
			var bad *LineError
			if !errors.As(err, &bad) {
				return nil, begins, &LineError{Line: n, Fatal: true, Cause: "cut short within quotes"}
			}
			return nil, begins, err
		}
	}
}

// csvRow takes a row of RFC 4180 apart.
type csvRow struct {
	fields []string
	field  []byte
	quoted bool // within quotes, which go on on the next line
	size   int
}

func (r *csvRow) take(line []byte) error {
	r.size += len(line) + 1
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case r.quoted && c == '"' && i+1 < len(line) && line[i+1] == '"':
			r.field = append(r.field, '"')
			i++
		case r.quoted && c == '"':
			r.quoted = false
			if i+1 < len(line) && line[i+1] != ',' {
				return errors.New("something stands behind a quoted field")
			}
		case r.quoted:
			r.field = append(r.field, c)
		case c == '"' && len(r.field) == 0:
			r.quoted = true
		case c == '"':
			return errors.New("a quote within a field that is not quoted")
		case c == ',':
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
		return Entry{}, errors.New("not a file name, a digest and a size")
	}
	name, tag, size := fields[0], fields[1], fields[2]
	if tag == "" {
		if recordNoEntry().MatchString(name) {
			return Entry{}, errNoEntry
		}
		return Entry{}, errNoDigest
	}
	tag, text, _ := strings.Cut(tag, "=")
	algorithm := digest.ByTag(strings.ReplaceAll(tag, "_", "-"))
	if algorithm == nil {
		return Entry{}, fmt.Errorf("%.40q is no known algorithm", tag)
	}
	sum, err := decodeRecord(text, algorithm.Size)
	if err != nil {
		return Entry{}, fmt.Errorf("not a digest of %s in base64url", algorithm.Name)
	}
	e := Entry{Name: name, Algorithm: algorithm, Digest: sum}
	if size != "" {
		e.HasSize = true
		e.Size, err = parseSize([]byte(size))
	}
	return e, err
}

// decodeRecord decodes a digest of size bytes: base64url, or hexadecimal, which the RECORDs of some
// packages in Debian hold against the specification. From 3 bytes on no text is both.
func decodeRecord(text string, size int) ([]byte, error) {
	if sum, err := hex.DecodeString(text); err == nil && len(sum) == size && size > 2 {
		return sum, nil
	}
	sum, err := fromBase64(base64.RawURLEncoding, strings.TrimRight(text, "="))
	if err == nil && len(sum) != size {
		err = errors.New("another length")
	}
	return sum, err
}

func recordFile(dst []byte, entries []Entry) ([]byte, error) {
	e := entries[0]
	if strings.ContainsAny(e.Name, ",\"\r\n") || isMark(e.Name) {
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
