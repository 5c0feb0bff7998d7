//go:build linux || darwin

package safefs_test

import (
	"os"
	"path/filepath"
	"testing"

	"checksig/internal/safefs"
)

// FuzzOpen opens names of every kind in a folder full of links: none leads out of it.
func FuzzOpen(f *testing.F) {
	base := f.TempDir()
	root := filepath.Join(base, "root")
	inside := map[string]os.FileInfo{}
	for _, dir := range []string{"root/d/e", "other"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o700); err != nil {
			f.Fatal(err)
		}
	}
	for _, name := range []string{"root/a", "root/d/b", "root/d/e/c", "other/x", "x", "a"} {
		path := filepath.Join(base, name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			f.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(name) > 4 && name[:4] == "root" {
			inside[name] = info
		}
	}
	for link, target := range map[string]string{
		"l": "d/e", "up": "..", "d/up": "../..", "top": "/", "self": ".", "loop": "loop", "x": "../x", "d/back": "../a",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			f.Fatal(err)
		}
	}
	for _, name := range []string{
		"a", "./d//b", "l/c", "l/../b", "up/x", "d/up/other/x", "d/up/root/a", "../a", "d/../../x", "top/etc/passwd",
		"self/self/a", "loop", "x", "d/back", "/etc/passwd", "a/", "a/.", "l/../../../x", "a\x00", "", ".", "..", "...",
	} {
		f.Add(name)
	}
	tree, err := safefs.OpenTree(root, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { tree.Close() })
	f.Fuzz(func(t *testing.T, name string) {
		file, err := tree.Open(name)
		if err != nil {
			return
		}
		defer file.Close()
		// The system must resolve the name to the same file, and that must be inside.
		info, err := os.Stat(root + "/" + name)
		if err != nil {
			t.Fatalf("%q was opened, but the system says %v", name, err)
		}
		for _, in := range inside {
			if os.SameFile(in, info) && file.Size() == in.Size() {
				return
			}
		}
		t.Fatalf("%q leads outside", name)
	})
}
