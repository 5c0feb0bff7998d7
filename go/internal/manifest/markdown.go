package manifest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// Markdown is a table in Markdown, as in release notes. Source: GitHub Flavored Markdown Spec, "Tables (extension)".
//
//	| File | SHA-256 |
//	|------|:-------:|
//	| `<name>` | `<hex digest>` |
//
// The first row names the columns as in [Table]; the column of names may also be called asset, artifact, archive,
// binary, download, image or package. The outer "|" may be missing, but not only at the end of a row. Back-ticks around a cell, the address of
// a link, and the backslash before punctuation belong to Markdown, not to the cell. A size in other units than bytes
// is not compared.
//
// A row must have as many cells as the first. Headings may name the algorithm (see [untagged.heading]). Any other
// line outside of tables of digests is text.
var Markdown = &Format{Name: "markdown", Detect: detectMarkdown, Read: readMarkdown, HasText: true}

// markdownNames are what the column of names is called where other tables have none of [tableNames].
var markdownNames = []string{"asset", "artifact", "archive", "binary", "download", "image", "package"}

var markdownRule = pattern(`^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$`)

// markdownTable is a table of digests that is being read; columns is 0 outside of one.
type markdownTable struct {
	table
	ended bool // the rows have a "|" at their end
}

func detectMarkdown(head []byte, _ Options) bool {
	var header []byte
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		if markdownRule().Match(line) {
			if t, _ := newMarkdownTable(header, line); t.columns > 0 {
				return true
			}
		}
		if looksLikeDigest(line) {
			return false
		}
		header = line
	}
	return false
}

// newMarkdownTable returns the table that begins with these two lines. It has no columns if it is none of digests.
func newMarkdownTable(header, rule []byte) (t markdownTable, err error) {
	if bytes.IndexByte(header, '|') < 0 || bytes.IndexByte(rule, '|') < 0 {
		return t, nil
	}
	cells, ended := markdownCells(header)
	if rules, _ := markdownCells(rule); len(rules) != len(cells) {
		return t, nil
	}
	isNamed := func(words []string) func(string) bool {
		return func(cell string) bool { return slices.Contains(words, strings.Join(tableWords(cell), "")) }
	}
	if !slices.ContainsFunc(cells, isNamed(tableNames)) {
		if i := slices.IndexFunc(cells, isNamed(markdownNames)); i >= 0 {
			cells[i] = "file"
		}
	}
	found, err := newTable(cells)
	var fatal *LineError
	if errors.As(err, &fatal) || found.columns < 2 {
		return t, nil
	}
	return markdownTable{found, ended}, err
}

func readMarkdown(lines *Lines, o Options) Next {
	digests := o.untagged()
	var t markdownTable
	next := perGroup(func() ([]row, error) {
		var g group
		line, n, err := g.next(lines)
		switch {
		case err != nil:
			return g.rows, err
		case isBlank(line):
			t = markdownTable{}
			return g.rows, nil
		case t.columns == 0 || bytes.IndexByte(line, '|') < 0:
			t = markdownTable{}
			return t.begin(&g, lines, &digests, line, n)
		}
		entries, err := t.row(line, lines, digests)
		if err != nil {
			g.fail(n, line, err)
		}
		for _, e := range entries {
			g.add(n, e)
		}
		return g.rows, nil
	})
	return withEndCheck(lines, next, func() error {
		if t.columns == 0 || t.ended || t.last {
			return digests.truncated()
		}
		return lines.endOfLast()
	})
}

// begin reads lines up to a blank one, or to the head of a table of digests.
func (t *markdownTable) begin(g *group, lines *Lines, digests *untagged, line []byte, n int64) ([]row, error) {
	for {
		header, at := bytes.Clone(line), n
		isHeading := bytes.HasPrefix(header, []byte("#"))
		var err error
		switch {
		case isHeading && looksLikeDigest(header):
			g.fail(at, header, errHiddenDigest)
		case digests.heading(header), isHeading:
		case bytes.IndexByte(header, '|') >= 0:
			if line, n, err = g.next(lines); err == nil && markdownRule().Match(line) {
				var wrong error
				if *t, wrong = newMarkdownTable(header, line); t.columns > 0 {
					digests.awaited = false
					if wrong != nil {
						g.fail(at, header, wrong)
					}
					return g.rows, nil
				}
			}
			fallthrough
		default:
			g.rows = append(g.rows, row{bad: lines.rejected(at, header, errors.New("not in a table whose first row names a file and its digest"))})
			if err != nil {
				return g.rows, err
			}
			if n != at && !isBlank(line) {
				continue
			}
		}
		return g.rows, nil
	}
}

// row returns the entries of a row.
func (t *markdownTable) row(line []byte, lines *Lines, digests untagged) ([]Entry, error) {
	cells, ended := markdownCells(line)
	if t.ended && !ended {
		return nil, errors.New(`expected "|" at the end of the row, as in the first`)
	}
	if t.size >= 0 && t.size < len(cells) && strings.Trim(cells[t.size], "0123456789") != "" {
		cells[t.size] = ""
		lines.ignores("size")
	}
	return t.entries(cells, digests)
}

// markdownCells returns the cells of a row, and whether a "|" ends it.
func markdownCells(line []byte) (cells []string, ended bool) {
	text := strings.Trim(string(line), " \t")
	text = strings.TrimPrefix(text, "|")
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '|':
			cells = append(cells, markdownCell(text[start:i]))
			start = i + 1
		}
	}
	if start < len(text) {
		cells = append(cells, markdownCell(text[start:]))
	}
	return cells, start == len(text)
}

// markdownCell returns the text of a cell.
func markdownCell(cell string) string {
	cell = strings.Trim(cell, " \t")
	if text, address, is := strings.Cut(cell, "]("); is && strings.HasPrefix(text, "[") &&
		strings.IndexByte(address, ')') == len(address)-1 && strings.IndexByte(text[1:], '[') < 0 {
		cell = text[1:]
	}
	mark := cell[:len(cell)-len(strings.TrimLeft(cell, "`"))]
	if inside, is := strings.CutSuffix(strings.TrimPrefix(cell, mark), mark); is && mark != "" && len(cell) > 2*len(mark) &&
		!strings.Contains(inside, mark) {
		return strings.ReplaceAll(inside, `\|`, "|")
	}
	var text strings.Builder
	for i := 0; i < len(cell); i++ {
		if cell[i] == '\\' && i+1 < len(cell) && isPunctuation(cell[i+1]) {
			i++
		}
		text.WriteByte(cell[i])
	}
	return text.String()
}

// isPunctuation reports whether c is one of the characters before which Markdown has a backslash.
func isPunctuation(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}
