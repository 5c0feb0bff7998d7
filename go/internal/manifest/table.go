package manifest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"checksig/internal/digest"
)

// Table is a table whose first line names the columns, with a comma, a TAB or a semicolon between them (RFC 4180), or
// with a space between fields in quotation marks, as R's write.table does.
// Sources: Microsoft's reference, "Get-FileHash" and "Export-Csv"; GDC Data Transfer Tool User's Guide, "manifest".
//
//	"Algorithm","Hash","Path"               Get-FileHash | Export-Csv
//	id	filename	md5	size	state       GDC
//	"file" "checksum" "built" "date"        the md5sum.txt of The Carpentries' lessons, by sandpaper
//	file,size,md5,sha256                    any other
//
// Case, and the separators of words, do not matter in the names of columns. One column has the names of the files:
// path, file, file name, file path, name, key or object. The digests are
//   - in columns that are named after an algorithm, also with words such as "sum", "checksum", "hash", "hex" or
//     "expected"
//   - or in one column "hash", "checksum" or "digest", in hex or base64. A column "algorithm" (hash algorithm,
//     checksum type) names the algorithm of each row; without it the length does, as in [GNU].
//
// A column size (file size, bytes, length) has the sizes. In the manifests of GDC, and only there, the name is
// <id> "/" <filename>, because the GDC client stores the files like that.
//
// Other columns are skipped, but one of an unknown algorithm makes the first line a bad line. So is a row without
// one of its digests, and one with what looks like a digest in a column that is skipped, other than "etag". The lines that Export-Csv begins with "#TYPE", and empty lines, are skipped.
var Table = &Format{Name: "table", Detect: detectTable, Read: readTable}

// Columns other than those that are named after an algorithm, without separators.
var (
	tableNames      = []string{"path", "file", "filename", "filepath", "name", "key", "object"}
	tableSizes      = []string{"size", "filesize", "bytes", "length", "sizeinbytes", "filesizeinbytes"}
	tableHashes     = []string{"hash", "checksum", "digest"}
	tableAlgorithms = []string{"algorithm", "hashalgorithm", "checksumalgorithm", "digestalgorithm", "hashtype", "checksumtype"}
	tableGDC        = []string{"id", "filename", "md5", "size", "state"}

	// tableWithAlgorithm are the words that the name of an algorithm's column may have besides.
	tableWithAlgorithm = []string{"sum", "file", "hex", "hexadecimal", "hexdigest", "base64", "b64", "expected", "value"}

	// tableETag is a column that servers make up in many ways.
	tableETag = "etag"

	// tableUnknown are algorithms that only other programs have.
	tableUnknown = []string{"crc64", "ed2k", "md2", "md4", "sha512224", "tiger", "tth", "whirlpool", "xxh32"}
)

// table is what the first line says about the columns. Indexes are -1 for a column that is missing.
type table struct {
	columns                         int
	id, name, size, hash, algorithm int
	digests                         []tableDigest
	skipped                         []tableColumn
	last                            bool // the last column is one of these
}

// tableColumn is a column that is not read.
type tableColumn struct {
	column int
	name   string
}

type tableDigest struct {
	column    int
	algorithm *digest.Algorithm
}

var tableType = []byte("#TYPE ")

func detectTable(head []byte, _ Options) bool {
	for line := range contentLines(head, "") {
		if bytes.HasPrefix(line, tableType) {
			continue
		}
		row := csvRow{separator: tableSeparator(line)}
		if row.add(line) != nil || row.quoted {
			return false
		}
		t, _ := newTable(append(row.fields, string(row.field)))
		return t.columns > 1 && t.name >= 0 && (len(t.digests) > 0 || t.hash >= 0)
	}
	return false
}

// tableSeparator returns what separates the columns in the first line.
func tableSeparator(line []byte) byte {
	for _, c := range []byte("\t,") {
		if bytes.IndexByte(line, c) >= 0 {
			return c
		}
	}
	if bytes.HasPrefix(line, []byte{'"'}) && bytes.Contains(line, []byte(`" "`)) {
		return ' '
	}
	return ';'
}

// newTable returns what the names of the columns say. The error is for a table that cannot be read whole; it is
// fatal if the names of the files are not known.
func newTable(header []string) (t table, err error) {
	t = table{columns: len(header), id: -1, name: -1, size: -1, hash: -1, algorithm: -1}
	folded := make([]string, len(header))
	for i, column := range header {
		folded[i] = strings.Join(tableWords(column), "")
	}
	if isGDC := len(header) >= 4 && slices.Equal(folded, tableGDC[:min(len(header), len(tableGDC))]); isGDC {
		t.id = 0
	}
	fatal := func(cause string) error { return &LineError{Cause: cause, Fatal: true} }
	var ambiguous error
	for i, column := range folded {
		place := &t.name
		switch {
		case slices.Contains(tableNames, column):
		case slices.Contains(tableSizes, column):
			place = &t.size
		case slices.Contains(tableHashes, column):
			place = &t.hash
		case slices.Contains(tableAlgorithms, column):
			place = &t.algorithm
		default:
			algorithm, unknown := tableAlgorithm(header[i])
			switch {
			case unknown:
				err = cmp.Or(err, fmt.Errorf("%w: its column is not verified", unknownAlgorithm(header[i])))
			case algorithm == nil:
				if column != tableETag {
					t.skipped = append(t.skipped, tableColumn{i, header[i]})
				}
				continue
			case slices.ContainsFunc(t.digests, func(d tableDigest) bool { return d.algorithm == algorithm }):
				ambiguous = fatal(fmt.Sprintf("two columns of %s", algorithm.Name))
			default:
				t.digests = append(t.digests, tableDigest{i, algorithm})
			}
			t.last = i == len(folded)-1
			continue
		}
		if *place >= 0 {
			ambiguous = fatal(fmt.Sprintf("the columns %.40q and %.40q could have the same meaning", header[*place], header[i]))
		}
		*place = i
		t.last = i == len(folded)-1
	}
	switch {
	case ambiguous != nil:
		err = ambiguous
	case t.name < 0:
		err = fatal("no column has the names of the files")
	case t.hash < 0 && len(t.digests) == 0:
		err = fatal("no column has digests")
	case t.hash >= 0 && len(t.digests) > 0:
		err = fatal(fmt.Sprintf("the column %.40q has digests of an unknown algorithm", header[t.hash]))
	}
	return t, err
}

// tableWords returns the letters and digits of a column's name, in lower case, as words.
func tableWords(column string) []string {
	return strings.FieldsFunc(strings.ToLower(column), func(c rune) bool { return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') })
}

// tableAlgorithm returns the algorithm that a column is named after, or nil.
func tableAlgorithm(column string) (a *digest.Algorithm, unknown bool) {
	words := tableWords(column)
	if rest := slices.DeleteFunc(slices.Clone(words), func(word string) bool {
		return slices.Contains(tableHashes, word) || slices.Contains(tableWithAlgorithm, word)
	}); len(rest) > 0 {
		words = rest
	}
	name := strings.Join(words, "-")
	for _, suffix := range append([]string{"", "sum"}, tableHashes...) {
		plain, found := strings.CutSuffix(name, suffix)
		if a = digest.ByTag(plain); found && a != nil {
			return a, false
		}
		unknown = unknown || found && slices.Contains(tableUnknown, strings.ReplaceAll(plain, "-", ""))
	}
	return nil, unknown
}

func readTable(lines *Lines, o Options) Next {
	var t *table
	var separator byte
	next := perGroup(func() ([]row, error) {
		var g group
		fields, n, err := []string(nil), int64(0), error(nil)
		if t == nil {
			var line []byte
			if line, n, err = g.next(lines); err == nil && !isBlank(line) && !bytes.HasPrefix(line, tableType) {
				separator = tableSeparator(line)
				row := csvRow{separator: separator}
				if err = row.add(line); err == nil && row.quoted {
					err = errors.New("the name of a column contains a line break")
				}
				if err != nil {
					return g.rows, tableFatal(n, line, err)
				}
				columns, err := newTable(append(row.fields, string(row.field)))
				if t = &columns; err != nil {
					var bad *LineError
					if errors.As(err, &bad) {
						return g.rows, tableFatal(n, line, err)
					}
					g.fail(n, line, err)
				}
			}
			return g.rows, err
		}
		if fields, n, err = csvFields(lines, separator); err != nil {
			var bad *LineError
			if errors.As(err, &bad) && !bad.Fatal {
				return append(g.rows, row{bad: bad}), nil
			}
			return g.rows, err
		}
		if len(fields) == 1 && strings.Trim(fields[0], " \t") == "" {
			return nil, nil
		}
		entries, err := t.entries(fields, o.untagged())
		if err != nil {
			g.fail(n, []byte(strings.Join(fields, string(separator))), err)
		}
		for _, e := range entries {
			g.add(n, e)
		}
		return g.rows, nil
	})
	return withEndCheck(lines, next, func() error {
		if t == nil || t.last {
			return nil
		}
		return lines.endOfLast()
	})
}

func tableFatal(n int64, line []byte, cause error) *LineError {
	var bad *LineError
	if errors.As(cause, &bad) {
		cause = errors.New(bad.Cause)
	}
	bad = lineError(n, line, cause)
	bad.Fatal = true
	return bad
}

// entries returns the entries of a row, and the error for what is missing.
func (t *table) entries(fields []string, digests untagged) (entries []Entry, err error) {
	if len(fields) != t.columns {
		return nil, fmt.Errorf("expected %d columns as in the first line, found %d", t.columns, len(fields))
	}
	e := Entry{Name: fields[t.name]}
	if e.Name == "" {
		return nil, errors.New("no file name")
	}
	if t.id >= 0 {
		if fields[t.id] == "" || strings.Contains(fields[t.id], "/") {
			return nil, errors.New("expected an identifier, which names a folder")
		}
		e.Name, e.RawName = fields[t.id]+"/"+e.Name, e.Name
	}
	if t.size >= 0 && fields[t.size] != "" {
		if e.Size, err = parseSize([]byte(fields[t.size])); err != nil {
			return nil, err
		}
		e.HasSize = true
	}
	if t.hash >= 0 {
		e, err = t.hashed(e, fields, digests)
		if err != nil {
			return nil, err
		}
		return []Entry{e}, t.hidden(fields)
	}
	for _, column := range t.digests {
		text := fields[column.column]
		if text == "" {
			err = cmp.Or(err, fmt.Errorf("%w in the column of %s", errNoDigest, column.algorithm.Name))
			continue
		}
		sum, wrong := decodeDigest(column.algorithm, []byte(text))
		if wrong != nil {
			err = cmp.Or(err, wrong)
			continue
		}
		e.Algorithm, e.Digest = column.algorithm, sum
		entries = append(entries, e)
	}
	return entries, cmp.Or(err, t.hidden(fields))
}

// hidden returns the error for a digest in a column that is not read.
func (t *table) hidden(fields []string) error {
	for _, c := range t.skipped {
		if isCellDigest(fields[c.column]) {
			return fmt.Errorf("the column %.40q, which checksig does not understand, has a digest", c.name)
		}
	}
	return nil
}

// isCellDigest reports whether a word in a cell is as long as a digest of at least 128 bits, in hex or base64,
// also behind the name of its algorithm.
func isCellDigest(cell string) bool {
	for word := range strings.FieldsSeq(cell) {
		if hexPairsAnywhere().MatchString(word) {
			return true
		}
		for {
			if isWholeDigest(word) {
				return true
			}
			separator := strings.IndexAny(word, ":-=")
			if separator < 0 || separator > longestTag || strings.ContainsAny(word[:separator], "/.") {
				break
			}
			word = word[separator+1:]
		}
	}
	return false
}

// isWholeDigest reports whether word is nothing but a digest of at least 128 bits. Base64 without "=" at the end
// is only taken for one if it has capital and small letters, as all but one in 10000 digests have.
func isWholeDigest(word string) bool {
	const shortest = 16
	isKnown := func(size int) bool { return size >= shortest && digest.BySize(size) != nil }
	word = strings.Trim(word, `"'()[]{}<>,;`)
	plain := strings.TrimPrefix(strings.TrimPrefix(word, "0x"), "0X")
	if len(plain)%2 == 0 && isKnown(len(plain)/2) && strings.Trim(plain, "0123456789abcdefABCDEF") == "" {
		return true
	}
	text := strings.TrimRight(word, "=")
	sum, err := base64.RawStdEncoding.Strict().DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(text))
	return err == nil && isKnown(len(sum)) &&
		(text != word || text != strings.ToLower(text) && text != strings.ToUpper(text))
}

// hashed returns e with the digest of a row in a column without an algorithm's name.
func (t *table) hashed(e Entry, fields []string, digests untagged) (Entry, error) {
	text := []byte(fields[t.hash])
	var err error
	switch {
	case len(text) == 0:
		err = errNoDigest
	case t.algorithm < 0:
		var found Entry
		if found, err = digests.entry(text, []byte(e.Name)); err == nil {
			e.Algorithm, e.Digest, e.Assumed = found.Algorithm, found.Digest, found.Assumed
		}
	default:
		if e.Algorithm = digest.ByTag(fields[t.algorithm]); e.Algorithm == nil {
			return e, unknownAlgorithm(fields[t.algorithm])
		}
		e.Digest, err = decodeDigest(e.Algorithm, text)
	}
	return e, err
}
