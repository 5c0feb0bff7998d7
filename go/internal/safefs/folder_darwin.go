package safefs

import (
	"os"

	"golang.org/x/sys/unix"
)

// reopenFolder returns a folder opened through an [os.Root] as an ordinary file. Reading names from the
// former takes a system call for each name; from the latter, a name's type comes with the name.
func reopenFolder(dir *os.File) *os.File {
	fd, err := unix.FcntlInt(dir.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return dir
	}
	defer dir.Close()
	return os.NewFile(uintptr(fd), dir.Name())
}
