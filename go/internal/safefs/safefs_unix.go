//go:build linux || darwin

package safefs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// openFlags keep the opening of a FIFO or device from blocking, and a terminal from becoming the
// process's controlling terminal.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_CLOEXEC

// readNow reads without waiting for data, unlike [os.File.Read], which would wait uninterruptibly. A
// regular file always has its data; /proc/kmsg only claims to be one.
func (f *File) readNow(p []byte) (n int, err error) {
	conn, err := f.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := conn.Read(func(fd uintptr) bool {
		n, err = f.readOnce(int(fd), p)
		for errors.Is(err, syscall.EINTR) {
			n, err = f.readOnce(int(fd), p)
		}
		return true
	})
	switch {
	case failed != nil:
		return 0, failed
	case err != nil:
		return 0, readError(err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

func (f *File) readOnce(fd int, p []byte) (int, error) {
	if f.uncached {
		return readUncached(fd, p, f.total)
	}
	return syscall.Read(fd, p)
}

func statusChange(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		changed := changeTime(s)
		return time.Unix(changed.Unix())
	}
	return time.Time{}
}

// inodeOf returns the number of a file in its file system; 0 if that is not known.
func inodeOf(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// OpenLimit returns how many descriptors this process may have.
func OpenLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<20))
}

// checkSystemName returns nil: every name is exactly the file's name.
func checkSystemName(string) error { return nil }
