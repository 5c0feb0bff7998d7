package safefs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNoDescriptors opens files where no descriptor is ever free: the waiting ends, and the cause names the limit.
func TestNoDescriptors(t *testing.T) {
	c, err := NewRootCache(t.TempDir(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.waits = waitLimit - 3
	tries := 0
	for range 1000 {
		err = c.Retry(t.Context(), func() error {
			tries++
			return &fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}
		})
		if !IsExhausted(err) || !strings.Contains(Cause(err), "ulimit -n") {
			t.Fatalf("the cause is %q", Cause(err))
		}
	}
	if tries > 2*(1000+retryLimit) { // twice each: once with the lock
		t.Errorf("1000 files were tried %d times", tries)
	}
}

// TestIdleRoots closes the roots that were not used for the longest time, and no folder that is used.
func TestIdleRoots(t *testing.T) {
	dir := t.TempDir()
	c, err := NewRootCache(dir, "", false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.most = 4
	var roots []*Root
	for i := range 8 {
		name := fmt.Sprint(i)
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		roots = append(roots, c.At(name, ""))
	}
	for _, r := range roots[:4] {
		r.Prepare()
	}
	tree, err := roots[1].Acquire()
	if err != nil {
		t.Fatal(err)
	}
	folder := tree.Folder()
	if folder != nil && folder != tree.Folder() {
		t.Error("a folder was opened twice")
	}
	roots[0].Prepare()
	roots[4].Prepare() // one too many: half as many stay open, the one that is used and the latest
	for i, want := range []bool{false, true, false, false, true, false} {
		if got := roots[i].IsOpen(); got != want {
			t.Errorf("root %d is open: %v", i, got)
		}
	}
	c.Trim()
	if folder != nil && tree.folder != folder {
		t.Error("trimming closes a folder that is used")
	}
	roots[1].Release()
	c.Trim()
	if roots[1].IsOpen() || !c.Top().IsOpen() {
		t.Error("trimming closes all roots but the top one")
	}
	if folder != nil {
		if _, err := folder.file.Stat(); err != nil {
			t.Errorf("a folder that is used: %v", err)
		}
		folder.Release()
		folder.Release()
		if _, err := folder.file.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a folder that is used no longer: %v", err)
		}
	}
}

// TestHugeFile reads a file whose size plus one overflows.
func TestHugeFile(t *testing.T) {
	dir := t.TempDir()
	for _, dir := range []string{dir, "/dev/shm"} {
		path := filepath.Join(dir, NewTemporaryName())
		f, err := os.Create(path)
		if err != nil {
			continue
		}
		defer os.Remove(path)
		err = f.Truncate(1<<63 - 1)
		f.Close()
		if err != nil {
			continue
		}
		file, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if n, err := file.Read(make([]byte, 1000)); n != 1000 || err != nil {
			t.Errorf("read %d bytes, %v", n, err)
		}
		return
	}
	t.Skip("no file system here has files of that size")
}

// TestClosedRoots closes roots that are used when the cache is closed, and opens none afterwards.
func TestClosedRoots(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"used", "unused"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c, err := NewRootCache(dir, "", false)
	if err != nil {
		t.Fatal(err)
	}
	used, unused := c.At("used", ""), c.Add(filepath.Join(dir, "unused"), "")
	tree, err := used.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := tree.Names(); err != nil {
		t.Errorf("a root that is used was closed: %v", err)
	}
	used.Release()
	if _, err := tree.Names(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a root that was used is open: %v", err)
	}
	for _, r := range []*Root{used, unused} {
		if _, err := r.Acquire(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s was opened: %v", r.Dir, err)
		}
	}
}
