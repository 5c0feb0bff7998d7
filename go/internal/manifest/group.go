package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxGroup is how many bytes of lines may depend on one another.
const maxGroup = 2 << 20

// row is an entry, or a bad line.
type row struct {
	entry Entry
	bad   *LineError // nil for an entry
}

func (r *row) line() int64 {
	if r.bad != nil {
		return r.bad.Line
	}
	return r.entry.Line
}

// group holds what lines list that depend on one another.
type group struct {
	rows []row
	size int // of the lines so far, in bytes
}

// next returns the next line of lines. It keeps bad lines, and fails once the group is too large.
func (g *group) next(lines *Lines) ([]byte, int64, error) {
	for {
		line, n, err := lines.Next()
		var bad *LineError
		switch {
		case err == nil:
		case errors.As(err, &bad) && !bad.Fatal:
			g.rows = append(g.rows, row{bad: bad})
			continue
		default:
			return nil, n, err
		}
		if g.size += len(line) + 1; g.size > maxGroup {
			return nil, n, &LineError{Line: n, Text: excerpt(line), Fatal: true, Cause: fmt.Sprintf(
				"over %d bytes of lines that belong together; nothing after them was read", maxGroup)}
		}
		return line, n, nil
	}
}

// add adds an entry of line n.
func (g *group) add(n int64, e Entry) {
	e.Line = n
	g.rows = append(g.rows, row{entry: e})
}

// fail adds a bad line.
func (g *group) fail(n int64, line []byte, cause error) {
	g.rows = append(g.rows, row{bad: lineError(n, line, cause)})
}

// sorted returns the rows in the order of their lines. A line is reported as bad once, before its entries.
func (g *group) sorted() []row {
	slices.SortStableFunc(g.rows, func(a, b row) int {
		if order := cmp.Compare(a.line(), b.line()); order != 0 {
			return order
		}
		switch {
		case a.bad != nil && b.bad == nil:
			return -1
		case a.bad == nil && b.bad != nil:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(g.rows, func(a, b row) bool { return a.bad != nil && b.bad != nil && a.bad.Line == b.bad.Line })
}

// perGroup reads a format whose lines depend on one another. read returns what the next group of lines
// lists, in their order; after the last one together with [io.EOF], or with the error that ended the reading.
func perGroup(read func() ([]row, error)) Next {
	var rows []row
	var ended error
	return func() (Entry, error) {
		for len(rows) == 0 {
			if err := ended; err != nil {
				var bad *LineError
				if errors.As(err, &bad) {
					ended = io.EOF
				}
				return Entry{}, err
			}
			rows, ended = read()
		}
		first := rows[0]
		rows = rows[1:]
		if first.bad != nil {
			return Entry{}, first.bad
		}
		return first.entry, nil
	}
}

// perRows reads a format in which each line lists any number of digests. parse returns the entries of a line and,
// if not all of it can be read, an error too.
func perRows(lines *Lines, parse func(line []byte) ([]Entry, error)) Next {
	return perGroup(func() ([]row, error) {
		var g group
		line, n, err := g.next(lines)
		if err != nil {
			return g.rows, err
		}
		entries, err := parse(line)
		if err != nil {
			g.fail(n, line, err)
		}
		for _, e := range entries {
			g.add(n, e)
		}
		return g.rows, nil
	})
}
