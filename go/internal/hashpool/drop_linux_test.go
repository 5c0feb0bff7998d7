package hashpool

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// dropFromCache removes a file from the page cache, where the file system does so.
func dropFromCache(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}
