package safefs

import (
	"bytes"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LeaveCache has reading leave the page cache as it was: what was not in it is dropped again. See
// mincore(2), posix_fadvise(2). Only of files that the process owns or may write does the system tell
// what is cached; others are cached as ever.
func (f *File) LeaveCache() {
	// Else the system would read ahead, and it could not be told what was there before.
	f.leaves = unix.Fadvise(int(f.file.Fd()), 0, 0, unix.FADV_RANDOM) == nil
}

// Sequential has the system read twice as far ahead as it does by itself; see posix_fadvise(2).
func (f *File) Sequential() {
	if !f.leaves {
		_ = unix.Fadvise(int(f.file.Fd()), 0, 0, unix.FADV_SEQUENTIAL) // or it is as ever
	}
}

// mostPages is how many pages are asked for at once.
const mostPages = 64

// readLeaving reads from the offset at, and no further than all that is read was in the page cache,
// or none of it.
func readLeaving(fd int, p []byte, at int64) (int, error) {
	page := int64(os.Getpagesize())
	from := at &^ (page - 1)
	p = p[:min(int64(len(p)), from+mostPages*page-at)]
	var pages [mostPages]byte
	count := int((at + int64(len(p)) - from + page - 1) / page)
	if count == 0 || !areCached(fd, from, int64(count)*page, &pages) {
		return syscall.Pread(fd, p, at)
	}
	for i := range pages {
		pages[i] &= 1
	}
	if other := bytes.IndexByte(pages[:count], 1-pages[0]); other > 0 {
		count = other
	}
	end := from + int64(count)*page
	n, err := syscall.Pread(fd, p[:min(int64(len(p)), end-at)], at)
	if pages[0] == 0 {
		_ = unix.Fadvise(fd, from, end-from, unix.FADV_DONTNEED) // or it stays
	}
	return n, err
}

// areCached finds out which pages are cached: bit 0 of each tells. What is mapped for that is never
// touched, as it may be gone.
func areCached(fd int, from, size int64, pages *[mostPages]byte) bool {
	at, err := unix.MmapPtr(fd, from, nil, uintptr(size), unix.PROT_NONE, unix.MAP_SHARED)
	if err != nil {
		return false
	}
	_, _, failed := syscall.Syscall(unix.SYS_MINCORE, uintptr(at), uintptr(size), uintptr(unsafe.Pointer(pages)))
	return unix.MunmapPtr(at, uintptr(size)) == nil && failed == 0
}
