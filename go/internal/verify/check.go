package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"checksig/internal/hashpool"
	"checksig/internal/printable"
	"checksig/internal/threads"
)

// CheckSignatures verifies every file that the manifests in the folder rootDir list (sha1sum.txt
// and its like). It returns nil when all are as listed. Otherwise the error says what is not, a
// line for each failure in the order of the manifests: `"<path>" - mismatch`, `"<path>" -
// missing`, `"<path>" - unreadable: <why>`, `"<manifest>" line <n> - <why>`.
func CheckSignatures(ctx context.Context, rootDir string) error {
	var c checker
	sink := Sink{
		Manifest: func(*Manifest) {}, Read: func(*Manifest) {}, Unlisted: func(*UnlistedFile) {},
		Result: c.result, BadLine: c.badLine,
	}
	workers, release, err := threads.Reserve(ctx, 0)
	if err != nil {
		return err
	}
	defer release()
	summary, err := Run(ctx, Request{Path: rootDir, Workers: threads.Limit(0, workers)}, sink, &hashpool.Progress{})
	switch {
	case err != nil:
		return printableError{err}
	case summary.OK():
		return nil
	case len(c.failures) == 0:
		return fmt.Errorf("%s - no file was verified", printable.Quote(rootDir))
	}
	return c.failed()
}

// printableError is an error whose message can be printed, although it has a path in it.
type printableError struct{ error }

func (e printableError) Error() string { return printable.Text(e.error.Error()) }

func (e printableError) Unwrap() error { return e.error }

// checker keeps what a check finds wrong.
type checker struct {
	mu       sync.Mutex
	failures []failure
	badLines int
}

// maxBadLines is how many bad lines an error of [CheckSignatures] has; it counts the others.
const maxBadLines = 1000

type failure struct {
	manifest int
	line     int64
	text     string
}

func (c *checker) result(r *Result) {
	path := r.Name
	if r.OpenedAs != "" {
		path = r.OpenedAs
	} else if !filepath.IsAbs(path) {
		dir, _ := filepath.Split(r.Manifest.Path)
		path = dir + filepath.FromSlash(path) // not cleaned: through a link, d/../x is another file than x
	}
	switch r.Status {
	case Verified:
	case Mismatched:
		c.add(r.Manifest, r.Line, printable.Quote(path)+" - mismatch")
	case Missing:
		c.add(r.Manifest, r.Line, printable.Quote(path)+" - missing")
	default:
		c.add(r.Manifest, r.Line, fmt.Sprintf("%s - %s: %s", printable.Quote(path), r.Status, printable.Text(r.Detail)))
	}
}

func (c *checker) badLine(b *BadLine) {
	c.mu.Lock()
	c.badLines++
	more := c.badLines > maxBadLines
	c.mu.Unlock()
	if more {
		return
	}
	where := printable.Quote(b.Manifest.Path)
	if b.Line > 0 {
		where = fmt.Sprintf("%s line %d", where, b.Line)
	}
	c.add(b.Manifest, b.Line, fmt.Sprintf("%s - %s", where, printable.Text(b.Cause)))
}

func (c *checker) add(m *Manifest, line int64, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, failure{m.Index, line, text})
}

func (c *checker) failed() error {
	slices.SortFunc(c.failures, func(a, b failure) int {
		return cmp.Or(cmp.Compare(a.manifest, b.manifest), cmp.Compare(a.line, b.line))
	})
	lines := make([]string, len(c.failures))
	for i, f := range c.failures {
		lines[i] = f.text
	}
	if c.badLines > maxBadLines {
		lines = append(lines, fmt.Sprintf("... and %d more bad lines", c.badLines-maxBadLines))
	}
	return errors.New(strings.Join(lines, "\n"))
}
