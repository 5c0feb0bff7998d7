package safefs

import (
	"bytes"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LeaveCache makes reading leave the page cache as it was: pages that were not in it are dropped again.
// See mincore(2), posix_fadvise(2). The system reports what is cached only of files that the process
// owns or may write; others are cached as usual.
func (f *File) LeaveCache() {
	if f.remote != nil {
		return
	}
	// Without this the system would read ahead, and what was cached before could not be known.
	f.uncached = unix.Fadvise(int(f.file.Fd()), 0, 0, unix.FADV_RANDOM) == nil
}

// Sequential doubles the system's read-ahead; see posix_fadvise(2).
func (f *File) Sequential() {
	if !f.uncached && f.remote == nil {
		_ = unix.Fadvise(int(f.file.Fd()), 0, 0, unix.FADV_SEQUENTIAL) // if it fails, read-ahead is as usual
	}
}

// ReadAhead asks the system to read a part of the file before it is needed.
func (f *File) ReadAhead(offset, size int64) {
	if !f.uncached && f.remote == nil {
		_ = unix.Fadvise(int(f.file.Fd()), offset, size, unix.FADV_WILLNEED) // if it fails, read-ahead is as usual
	}
}

// maxPages is how many pages are looked up at once.
const maxPages = 64

// readUncached reads from the offset at: only pages that were all in the page cache, or all not, and it
// drops the latter from the cache again.
func readUncached(fd int, p []byte, at int64) (int, error) {
	page := int64(os.Getpagesize())
	from := at &^ (page - 1)
	p = p[:min(int64(len(p)), from+maxPages*page-at)]
	var pages [maxPages]byte
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
		_ = unix.Fadvise(fd, from, end-from, unix.FADV_DONTNEED) // if it fails, they stay
	}
	return n, err
}

// areCached sets bit 0 of each page that is cached, and reports whether that is known. The mapping it
// makes is never accessed: the file may have been truncated.
func areCached(fd int, from, size int64, pages *[maxPages]byte) bool {
	at, err := unix.MmapPtr(fd, from, nil, uintptr(size), unix.PROT_NONE, unix.MAP_SHARED)
	if err != nil {
		return false
	}
	_, _, failed := syscall.Syscall(unix.SYS_MINCORE, uintptr(at), uintptr(size), uintptr(unsafe.Pointer(pages)))
	return unix.MunmapPtr(at, uintptr(size)) == nil && failed == 0
}
