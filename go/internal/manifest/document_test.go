package manifest

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// readerOnly hides every method but Read.
type readerOnly struct{ io.Reader }

func TestDocumentCountsLines(t *testing.T) {
	d := &Document{r: readerOnly{strings.NewReader("a\nbb\n\nc")}}
	if _, err := io.ReadAll(d); err != nil {
		t.Fatal(err)
	}
	var lines []int64
	for _, offset := range []int64{0, 1, 2, 4, 5, 6} {
		lines = append(lines, d.Line(offset))
	}
	if want := []int64{1, 1, 2, 2, 3, 4}; !slices.Equal(lines, want) {
		t.Errorf("lines %v, expected %v", lines, want)
	}
}

func TestDocumentBoundsAnItem(t *testing.T) {
	zeros := func(p []byte) (int, error) { clear(p); return len(p), nil }
	d := &Document{r: readFunc(zeros)}
	n, err := io.Copy(io.Discard, d)
	if n != maxItem || err == nil {
		t.Errorf("%d bytes were read with error %v, expected %d and an error", n, err, maxItem)
	}
	d.Line(1000)
	if n, err := io.Copy(io.Discard, d); n != 1000 || err == nil {
		t.Errorf("%d bytes more were read with error %v, expected 1000 and an error", n, err)
	}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestPerItem(t *testing.T) {
	broken := errors.New("broken")
	bad := &LineError{Line: 3, Cause: "bad"}
	type result struct {
		entries []Entry
		err     error
	}
	for _, test := range []struct {
		name  string
		items []result
		want  []string
	}{
		{"entries", []result{{entries: []Entry{{Name: "a"}, {Name: "b"}}}, {}, {err: io.EOF}}, []string{"a", "b", "EOF", "EOF"}},
		{"a bad item", []result{{[]Entry{{Name: "a"}}, bad}, {entries: []Entry{{Name: "b"}}}, {err: io.EOF}},
			[]string{"a", "line 3: bad", "b", "EOF"}},
		{"an error", []result{{[]Entry{{Name: "a"}}, broken}}, []string{"a", "line 1: broken", "EOF"}},
		{"truncated", []result{{err: io.ErrUnexpectedEOF}}, []string{"line 1: truncated: the document has no end", "EOF"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			items := test.items
			next := perItem(&Document{}, func() ([]Entry, error) {
				item := items[0]
				items = items[1:]
				return item.entries, item.err
			})
			for _, want := range test.want {
				e, err := next()
				got := e.Name
				if err != nil {
					got = err.Error()
				}
				if got != want {
					t.Errorf("got %q, expected %q", got, want)
				}
			}
		})
	}
}
