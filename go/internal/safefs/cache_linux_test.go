package safefs

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestIsCached(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !file.IsCached() {
		t.Error("what was just written counts as not cached")
	}
	fd := int(file.file.Fd())
	if err := unix.Fsync(fd); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	if resident(t, fd, 1<<20) {
		t.Skip("this file system keeps what it is asked to drop")
	}
	if file.IsCached() {
		t.Error("what was dropped counts as cached")
	}
	file.ReadAhead(0, 1<<20) // in its own time
	if n, err := file.Read(make([]byte, 1<<20)); err != nil || n != 1<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// resident reports whether any page of a file is in the page cache.
func resident(t *testing.T, fd, size int) bool {
	t.Helper()
	memory, err := unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	pages := make([]byte, (size+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, err := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&memory[0])), uintptr(size), uintptr(unsafe.Pointer(&pages[0]))); err != 0 {
		t.Skipf("mincore: %v", err)
	}
	for _, page := range pages {
		if page&1 != 0 {
			return true
		}
	}
	return false
}
