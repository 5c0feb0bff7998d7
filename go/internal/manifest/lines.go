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

// Lines returns the lines of a manifest without their ends, encoding marks and wrapper.
type Lines struct {
	r         *bufio.Reader // the size of its buffer limits the length of a line
	wrapper   wrapper       // nil if there is none
	unwrapped bool          // there was one, which is removed
	n         int64         // number of the last line returned
	crlf      bool          // that line ended in CRLF
	hasText   bool          // lines may be [PlainText]
	unended   bool          // that line ended at the end of the manifest
	// cuts reports whether the rest of a line that is too long may be passed over; nil for never.
	cuts func(begin []byte) bool

	unverified
}

// unverified collects what a manifest states and no entry covers; see [Reading.Unverified].
type unverified struct {
	words   map[string]struct{}
	leftOut int64 // entries in columns that were not asked for
}

// ignores notes a word. The number of words must not depend on the manifest.
func (u *unverified) ignores(word string) {
	if u.words == nil {
		u.words = map[string]struct{}{}
	}
	u.words[word] = struct{}{}
}

// Next returns the next line and its number. The line is valid until the next call.
//
// The error is a [*LineError] for a line that no format allows, [io.EOF] at the end, or the
// reader's.
func (l *Lines) Next() ([]byte, int64, error) {
	if l.wrapper == nil {
		return l.next()
	}
	for {
		line, n, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, n, l.endOfWrapped()
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
	if errors.Is(err, bufio.ErrBufferFull) && l.cuts != nil && l.cuts(line) {
		line, err = l.cut(line)
	}
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		cause := fmt.Sprintf("line too long: over %d bytes; nothing after it was read", MaxLine)
		return nil, l.n + 1, &LineError{Line: l.n + 1, Text: excerpt(line), Cause: cause, Fatal: true}
	case errors.Is(err, errHalfUnit):
		return nil, l.n + 1, &LineError{Line: l.n + 1, Text: excerpt(line), Cause: err.Error(), Fatal: true}
	case err != nil && (!errors.Is(err, io.EOF) || len(line) == 0):
		return nil, l.n, err
	}
	l.n++
	if l.n == 1 {
		line = bytes.TrimPrefix(line, utf8BOM)
	}
	line, ended := bytes.CutSuffix(line, []byte("\n"))
	l.unended = !ended
	line, l.crlf = bytes.CutSuffix(line, []byte("\r"))
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, l.n, &LineError{Line: l.n, Text: excerpt(line), Cause: "contains a NUL byte"}
	}
	return line, l.n, nil
}

// maxCut is how many bytes of a line are passed over.
const maxCut = 16 << 20

// cut returns the beginning of a line that is too long, after it has passed over the rest.
func (l *Lines) cut(begin []byte) ([]byte, error) {
	kept := bytes.Clone(begin)
	for size := len(begin); size <= maxCut; {
		rest, err := l.r.ReadSlice('\n')
		size += len(rest)
		switch {
		case err == nil:
			return append(kept, '\n'), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return kept, err
		}
	}
	return kept, bufio.ErrBufferFull
}

// endOfLast returns an error if the last line does not end in a line break, for formats in which it always does.
func (l *Lines) endOfLast() error {
	if l.unended && l.wrapper == nil && !l.unwrapped {
		return errors.New("truncated: the last line has no end")
	}
	return nil
}

// endOfWrapped returns EOF if the wrapper is complete, and otherwise the error for a truncated one.
func (l *Lines) endOfWrapped() error {
	err := l.wrapper.end()
	if err == nil {
		return io.EOF
	}
	l.wrapper = nil // so that the next call returns EOF
	return &LineError{Line: l.n + 1, Cause: err.Error(), Fatal: true}
}

// excerpt returns as much of line as an error message shows.
func excerpt(line []byte) string { return string(line[:min(len(line), 120)]) }

// errNoEntry is returned for a valid line that lists no file.
var errNoEntry = errors.New("no entry")

// errNoDigest is the cause with the code [NoDigest].
var errNoDigest = errors.New("no digest of this file")

// lineError returns the error for line n, which a format or wrapper rejected with cause.
func lineError(n int64, line []byte, cause error) *LineError {
	bad := &LineError{Line: n, Text: excerpt(line), Cause: cause.Error()}
	switch {
	case errors.Is(cause, errNoDigest):
		bad.Code = NoDigest
	case errors.As(cause, new(noColumnError)):
		bad.Code, bad.Fatal = NoColumn, true
	}
	return bad
}

// rejected returns the error for line n, which a format rejected with cause. It has the code [PlainText] if
// the line may be text.
func (l *Lines) rejected(n int64, line []byte, cause error) *LineError {
	bad := lineError(n, line, cause)
	if l.hasText && bad.Code == NoCode && !errors.As(cause, new(couldBeName)) && isPlainText(line) {
		bad.Code = PlainText
	}
	return bad
}

// perLine reads a format in which each line lists one file.
//
// parse returns the entry of a line, which is valid during the call; perLine sets its line number.
// For a line that lists no file parse returns errNoEntry.
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
				return Entry{}, lines.rejected(n, line, err)
			}
		}
	}
}

// perRow reads a format in which each line lists any number of digests.
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

// withEndCheck adds a check to next for formats that show where a manifest was truncated: truncated
// returns an error if the manifest is incomplete at its end.
func withEndCheck(lines *Lines, next Next, truncated func() error) Next {
	checked := false
	return func() (Entry, error) {
		e, err := next()
		if !checked && errors.Is(err, io.EOF) {
			checked = true
			if cause := truncated(); cause != nil {
				return Entry{}, &LineError{Line: lines.n + 1, Cause: cause.Error(), Fatal: true}
			}
		}
		return e, err
	}
}

// contentLines returns the lines of head that are neither blank nor comments; comments holds the
// characters that begin one.
func contentLines(head []byte, comments string) iter.Seq[[]byte] {
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

// firstContentLine returns the first of the [contentLines], nil if there is none.
func firstContentLine(head []byte, comments string) []byte {
	for line := range contentLines(head, comments) {
		return line
	}
	return nil
}

func isBlank(line []byte) bool { return len(bytes.TrimLeft(line, " \t")) == 0 }

// words returns the parts of a line between spaces and TABs. Other white space is part of a word.
func words(line []byte) [][]byte {
	return bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
}
