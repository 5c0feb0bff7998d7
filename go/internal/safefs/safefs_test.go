package safefs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"checksig/internal/safefs"
)

func tree(t *testing.T, dir string, followOutside bool) *safefs.Tree {
	t.Helper()
	tr, err := safefs.OpenTree(dir, followOutside)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpenReadsRegularFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sub", "a"), "hello")
	tr := tree(t, dir, false)
	for _, name := range []string{"sub/a", "./sub//a", "sub/../sub/a"} {
		f, err := tr.Open(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got bytes.Buffer
		counted := 0
		n, err := f.CopyTo(t.Context(), &got, make([]byte, 3), func(n int) { counted += n })
		if err != nil || n != 5 || counted != 5 || got.String() != "hello" || f.Size() != 5 {
			t.Errorf("%s: %d bytes %q, counted %d, size %d, %v", name, n, got.String(), counted, f.Size(), err)
		}
		f.Close()
	}
	if info, err := tr.Stat("sub/a"); err != nil || info.Size() != 5 {
		t.Errorf("Stat: %v, %v", info, err)
	}
}

func TestOpenRefusesNamesThatLeadOutside(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "inside")
	write(t, filepath.Join(dir, "secret"), "s")
	write(t, filepath.Join(inside, "a"), "a")
	names := []string{"../secret", "sub/../../secret", "..", filepath.Join(dir, "secret")}
	if err := os.Symlink("../secret", filepath.Join(inside, "link")); err == nil {
		names = append(names, "link")
	}
	if err := os.Symlink("..", filepath.Join(inside, "up")); err == nil {
		names = append(names, "up/secret")
	}
	strict := tree(t, inside, false)
	for _, name := range names {
		if f, err := strict.Open(name); !errors.Is(err, safefs.ErrOutside) {
			t.Errorf("%s: got %v, %v", name, f, err)
		}
	}
	free := tree(t, inside, true)
	for _, name := range names {
		if name == ".." || strings.HasPrefix(name, "sub/") {
			continue
		}
		f, err := free.Open(name)
		if err != nil {
			t.Errorf("%s, though allowed: %v", name, err)
			continue
		}
		f.Close()
	}
}

func TestOpenDistinguishesMissingFromUnreadable(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "a")
	tr := tree(t, dir, false)
	for _, name := range []string{"b", "sub/b", "a/b"} {
		if _, err := tr.Open(name); !safefs.IsMissing(err) {
			t.Errorf("%s: got %v, want missing", name, err)
		}
	}
	if _, err := tr.Open("."); !errors.Is(err, safefs.ErrNotRegular) || safefs.IsMissing(err) {
		t.Errorf("a folder: got %v", err)
	}
	if _, err := safefs.OpenTree(filepath.Join(dir, "none"), false); !safefs.IsMissing(err) {
		t.Errorf("a missing tree: got %v", err)
	}
}

// onFirst runs do when the first bytes arrive, and writes to w, if any.
type onFirst struct {
	w  io.Writer
	do func()
}

func (w *onFirst) Write(p []byte) (int, error) {
	if w.do != nil {
		w.do()
		w.do = nil
	}
	if w.w != nil {
		return w.w.Write(p)
	}
	return len(p), nil
}

func TestCopyToSeesChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grown": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString("more")
			return err
		},
		"truncated": func(path string) error { return os.Truncate(path, 3) },
		"rewritten": func(path string) error {
			return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			write(t, path, strings.Repeat("x", 100))
			f, err := safefs.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w := &onFirst{do: func() {
				if err := change(path); err != nil {
					t.Error(err)
				}
			}}
			if _, err = f.CopyTo(t.Context(), w, make([]byte, 10), nil); !errors.Is(err, safefs.ErrChanged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCopyToStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, strings.Repeat("x", 100))
	f, err := safefs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	n, err := f.CopyTo(ctx, &onFirst{do: cancel}, make([]byte, 10), nil)
	if !errors.Is(err, context.Canceled) || n != 10 {
		t.Errorf("cancelled after %d bytes: %v", n, err)
	}
	if _, err := f.CopyTo(t.Context(), failing{}, make([]byte, 10), nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
