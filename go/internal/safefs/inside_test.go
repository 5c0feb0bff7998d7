package safefs_test

import (
	"os"
	"path/filepath"
	"testing"

	"checksig/internal/safefs"
)

// An absolute path of something below the folder is relative to it; nothing else is changed.
func TestInside(t *testing.T) {
	real := filepath.Join(t.TempDir(), "real")
	if err := os.Mkdir(real, 0o700); err != nil {
		t.Fatal(err)
	}
	link := real + "-link"
	if err := os.Symlink(real, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	real, err := filepath.EvalSymlinks(real)
	if err != nil {
		t.Fatal(err)
	}
	for dir, names := range map[string]map[string]string{
		real: {
			real + "/a":        "a",
			real + "//a/b":     "a/b",
			real + "/../x":     "../x", // which Tree.Open refuses
			real + "/":         real + "/",
			real:               real,
			real + "x/a":       real + "x/a",
			link + "/a":        link + "/a",
			"/etc/passwd":      "/etc/passwd",
			"a":                "a",
			"../a":             "../a",
			"." + real + "/a":  "." + real + "/a",
			"/." + real + "/a": "/." + real + "/a",
		},
		link: {real + "/a": "a", link + "/a": "a", link + "x/a": link + "x/a"},
		"/":  {"/a/b": "a/b", "/": "/"},
	} {
		root := &safefs.Root{Dir: dir}
		for name, want := range names {
			if got := root.Inside(name); got != want {
				t.Errorf("Inside(%q) of %s: %q, want %q", name, dir, got, want)
			}
		}
	}
}
