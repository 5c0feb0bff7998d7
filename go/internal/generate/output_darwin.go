package generate

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openUnnamed returns nil: macOS has no files without a name.
func openUnnamed(*os.Root, fs.FileMode) *os.File { return nil }

func linkUnnamed(*os.File, *os.Root, string) error { return errors.ErrUnsupported }

// setTimes sets the times of an open file, in microseconds.
func setTimes(fd int, t unix.Timespec) error {
	at := unix.NsecToTimeval(t.Nano())
	return unix.Futimes(fd, []unix.Timeval{at, at})
}

// renameNew renames a file, and replaces none.
func renameNew(folder *os.Root, from, to string) error {
	dir, err := folder.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	err = unix.RenameatxNp(int(dir.Fd()), from, int(dir.Fd()), to, unix.RENAME_EXCL)
	return os.NewSyscallError("renameatx_np", err)
}
