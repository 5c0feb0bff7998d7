//go:build linux || darwin

package safefs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// openFlags keep the opening of a FIFO or a device from blocking, and of a terminal from
// becoming the process's own.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_CLOEXEC

// unrooted takes a folder that was opened in an [os.Root], where reading it asks the system about each
// name in it, and returns it as it is elsewhere, where the type of a name comes with the name.
func unrooted(dir *os.File) *os.File {
	fd, err := unix.FcntlInt(dir.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return dir
	}
	defer dir.Close()
	return os.NewFile(uintptr(fd), dir.Name())
}

// readNow reads without waiting for data to come, for which [os.File.Read] waits, not to be
// interrupted. A regular file has its data there; /proc/kmsg only says that it is one.
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
		return 0, Unread(err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

func (f *File) readOnce(fd int, p []byte) (int, error) {
	if f.leaves {
		return readLeaving(fd, p, f.total)
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

// OpenLimit is how many descriptors this process may have.
func OpenLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<20))
}

// impossible is for systems on which a name is not the file's name to the letter.
func impossible(string) error { return nil }
