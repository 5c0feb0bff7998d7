//go:build linux || darwin

package safefs_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"checksig/internal/safefs"
)

func TestOpenRefusesIrregularFiles(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("fifo", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tr := tree(t, dir, true)
	for _, name := range []string{"fifo", "link", "/dev/zero", "/dev/null", "."} {
		f, err := tr.Open(name)
		if err == nil {
			f.Close()
		}
		if !errors.Is(err, safefs.ErrNotRegular) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOpenOfALoopOfLinks(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{"a": "b", "b": "a"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, follow := range []bool{false, true} {
		if _, err := tree(t, dir, follow).Open("a"); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("follow %v: got %v", follow, err)
		}
	}
}

func TestNamesAreBytes(t *testing.T) {
	dir := t.TempDir()
	name := "\xff\n\\é" + strings.Repeat("n", 200)
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Skipf("this file system has no such names: %v", err)
	}
	tr := tree(t, dir, false)
	names, err := tr.Names()
	if err != nil || len(names) != 1 || names[0] != name {
		t.Errorf("Names = %q, %v", names, err)
	}
	f, err := tr.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestProcFilesAreRefused(t *testing.T) {
	f, err := safefs.Open("/proc/self/status")
	if err != nil {
		t.Skipf("no such file here: %v", err)
	}
	defer f.Close()
	if _, err = f.CopyTo(t.Context(), io.Discard, make([]byte, 4096), nil); !errors.Is(err, safefs.ErrChanged) {
		t.Errorf("a file with more content than size: got %v", err)
	}
}
