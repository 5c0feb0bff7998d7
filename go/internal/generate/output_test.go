package generate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"checksig/internal/safefs"
)

// names returns what is in a folder.
func names(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAppeared puts a file in the manifest's place after the last look at it.
func TestAppeared(t *testing.T) {
	for _, step := range []string{"giveName", "move"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "SUMS")
		o, err := newOutput(path, "SUMS", false)
		if err != nil {
			t.Fatal(err)
		}
		if step == "move" {
			o.end()
			if err = o.openNamed(0o666); err != nil {
				t.Fatal(err)
			}
		} else if o.temp != "" {
			o.close()
			t.Skip("files without a name are not possible here")
		}
		write(t, path, "precious")
		if step == "move" {
			err = o.move()
		} else {
			err = o.giveName()
		}
		if !errors.Is(err, errExists) {
			t.Errorf("%s: %v, want %v", step, err, errExists)
		}
		o.close()
		if found := names(t, dir); len(found) != 1 || mustRead(t, path) != "precious" {
			t.Errorf("%s: the file was replaced; there are %q", step, found)
		}
	}
}

// TestMoveNew renames a file, and replaces none.
func TestMoveNew(t *testing.T) {
	dir := t.TempDir()
	folder, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	write(t, filepath.Join(dir, "a"), "a")
	write(t, filepath.Join(dir, "b"), "b")
	if err := moveNew(folder, "a", "b"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing file: %v", err)
	}
	if err := moveNew(folder, "a", "c"); err != nil {
		t.Errorf("a new name: %v", err)
	}
	if found := names(t, dir); len(found) != 2 || mustRead(t, filepath.Join(dir, "b")) != "b" || mustRead(t, filepath.Join(dir, "c")) != "a" {
		t.Errorf("there are %q", found)
	}
}

// TestUnnamed looks at the folder while a manifest is being written: whoever is killed then leaves nothing.
func TestUnnamed(t *testing.T) {
	dir := t.TempDir()
	o, err := newOutput(filepath.Join(dir, "SUMS"), "SUMS", false)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	if o.temp != "" {
		if !safefs.IsTemporaryName(o.temp) {
			t.Errorf("%q is not recognised as the name of a temporary file", o.temp)
		}
		t.Skip("files without a name are not possible here")
	}
	if found := names(t, dir); len(found) > 0 {
		t.Errorf("there is %q", found)
	}
	if err := o.commit(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "SUMS"))
	if err != nil || !info.ModTime().Equal(o.began) {
		t.Errorf("modified at %v, want %v, %v", info.ModTime(), o.began, err)
	}
}
