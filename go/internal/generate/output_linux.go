package generate

import (
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openUnnamed opens a file without a name; see O_TMPFILE in open(2). It returns nil where that is not possible.
func openUnnamed(folder *os.Root, mode fs.FileMode) *os.File {
	dir, err := folder.Open(".")
	if err != nil {
		return nil
	}
	defer dir.Close()
	fd, err := unix.Openat(int(dir.Fd()), ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, uint32(mode.Perm()))
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), "unnamed")
	if _, err := os.Lstat(linkOf(file)); err != nil { // no /proc
		file.Close()
		return nil
	}
	return file
}

// linkUnnamed gives the file a name that no file has yet.
func linkUnnamed(file *os.File, folder *os.Root, name string) error {
	dir, err := folder.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	err = unix.Linkat(unix.AT_FDCWD, linkOf(file), int(dir.Fd()), name, unix.AT_SYMLINK_FOLLOW)
	return os.NewSyscallError("linkat", err)
}

func linkOf(file *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", file.Fd()) }

// setTimes is futimens(3).
func setTimes(fd int, t unix.Timespec) error {
	times := [2]unix.Timespec{t, t}
	_, _, number := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if number != 0 {
		return number
	}
	return nil
}

// renameNew renames a file, and replaces none.
func renameNew(folder *os.Root, from, to string) error {
	dir, err := folder.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	err = unix.Renameat2(int(dir.Fd()), from, int(dir.Fd()), to, unix.RENAME_NOREPLACE)
	return os.NewSyscallError("renameat2", err)
}
