package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

var utf8BOM = []byte("\xef\xbb\xbf")

// Lines yields the lines of a manifest without their ends (LF or CRLF), without a UTF-8 byte order
// mark at the beginning, and without what a signature wraps around them.
type Lines struct {
	r       *bufio.Reader // whose buffer is what bounds a line
	wrapper wrapper       // nil if there is none
	n       int64
	crlf    bool // the line that was returned last ended in CRLF
}

// Next returns the next line, valid until the call after it, and its number. The error is a
// [*LineError] for a line that no format can hold, [io.EOF] at the end, or the reader's.
func (l *Lines) Next() ([]byte, int64, error) {
	if l.wrapper == nil {
		return l.next()
	}
	for {
		line, n, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, n, l.unfinished()
		case err != nil:
			return nil, n, err
		}
		inner, own, err := l.wrapper.take(line)
		switch {
		case err != nil:
			return nil, n, lineError(n, line, err)
		case !own:
			return inner, n, nil
		}
	}
}

func (l *Lines) next() ([]byte, int64, error) {
	line, err := l.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		cause := fmt.Sprintf("line too long: over %d bytes; nothing after it was read", MaxLine)
		return nil, l.n + 1, &LineError{Line: l.n + 1, Text: beginning(line), Cause: cause, Fatal: true}
	case errors.Is(err, errHalfUnit):
		return nil, l.n + 1, &LineError{Line: l.n + 1, Text: beginning(line), Cause: err.Error(), Fatal: true}
	case err != nil && (!errors.Is(err, io.EOF) || len(line) == 0):
		return nil, l.n, err
	}
	l.n++
	if l.n == 1 {
		line = bytes.TrimPrefix(line, utf8BOM)
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	line, l.crlf = bytes.CutSuffix(line, []byte("\r"))
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, l.n, &LineError{Line: l.n, Text: beginning(line), Cause: "holds a NUL byte"}
	}
	return line, l.n, nil
}

// unfinished is what the end of the manifest means inside a wrapper: EOF if the wrapper has ended.
func (l *Lines) unfinished() error {
	err := l.wrapper.end()
	if err == nil {
		return io.EOF
	}
	l.wrapper = nil // whatever is asked for next, it is the end
	return &LineError{Line: l.n + 1, Cause: err.Error(), Fatal: true}
}

// beginning returns as much of line as an error message wants to show.
func beginning(line []byte) string { return string(line[:min(len(line), 120)]) }

// errNoEntry says that a line belongs to its format and lists no file.
var errNoEntry = errors.New("no entry")

// errNoDigest is the cause of the code [NoDigest].
var errNoDigest = errors.New("no digest of this file")

// lineError returns the error for line n, of which a format or a wrapper returned cause.
func lineError(n int64, line []byte, cause error) *LineError {
	bad := &LineError{Line: n, Text: beginning(line), Cause: cause.Error()}
	if errors.Is(cause, errNoDigest) {
		bad.Code = NoDigest
	}
	return bad
}

// perLine reads a format in which each line lists one file, as parse understands it: line is valid
// during the call, and its number set in the entry afterwards.
func perLine(lines *Lines, parse func(line []byte) (Entry, error)) Next {
	return func() (Entry, error) {
		for {
			line, n, err := lines.Next()
			if err != nil {
				return Entry{}, err
			}
			e, err := parse(line)
			switch {
			case err == nil:
				e.Line = n
				return e, nil
			case err != errNoEntry:
				return Entry{}, lineError(n, line, err)
			}
		}
	}
}

// whole is next for a format whose manifests may be cut short between two lines: unfinished returns
// why one may not end where it does, or nil.
func whole(lines *Lines, next Next, unfinished func() error) Next {
	ended := false
	return func() (Entry, error) {
		e, err := next()
		if !ended && errors.Is(err, io.EOF) {
			ended = true
			if cause := unfinished(); cause != nil {
				return Entry{}, &LineError{Line: lines.n + 1, Cause: cause.Error(), Fatal: true}
			}
		}
		return e, err
	}
}

// perRow reads a format in which a line lists any number of digests.
func perRow(lines *Lines, parse func(line []byte) ([]Entry, error)) Next {
	var row []Entry
	next := perLine(lines, func(line []byte) (Entry, error) {
		entries, err := parse(line)
		if err != nil {
			return Entry{}, err
		}
		if len(entries) == 0 {
			return Entry{}, errNoEntry
		}
		row = entries
		return row[0], nil
	})
	var line int64
	return func() (Entry, error) {
		if len(row) > 1 {
			row = row[1:]
			row[0].Line = line
			return row[0], nil
		}
		row = nil
		e, err := next()
		line = e.Line
		return e, err
	}
}

// significant yields the lines of head that are neither blank nor begin with one of comments.
func significant(head []byte, comments string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(head) {
			line = bytes.TrimRight(line, "\r\n")
			if isBlank(line) || bytes.IndexByte([]byte(comments), line[0]) >= 0 {
				continue
			}
			if !yield(line) {
				return
			}
		}
	}
}

// first returns the first significant line of head, nil if there is none.
func first(head []byte, comments string) []byte {
	for line := range significant(head, comments) {
		return line
	}
	return nil
}

func isBlank(line []byte) bool { return len(bytes.TrimLeft(line, " \t")) == 0 }

// words returns what stands between the blanks of a line. Other white space is none here.
func words(line []byte) [][]byte {
	return bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
}
