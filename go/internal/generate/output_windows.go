package generate

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// errExists says that the manifest exists already.
var errExists error = syscall.ERROR_ALREADY_EXISTS

// keepAttributes does nothing: permissions come from the folder.
func (o *output) keepAttributes() error { return nil }

// links returns 1: the number of names is not in what Windows reports of a name.
func links(fs.FileInfo) uint64 { return 1 }

// openUnnamed returns nil: Windows has no files without a name.
func openUnnamed(*os.Root, fs.FileMode) *os.File { return nil }

func linkUnnamed(*os.File, *os.Root, string) error { return errors.ErrUnsupported }

// setTime sets the time of an open file.
func setTime(f *os.File, t time.Time) error {
	at := windows.NsecToFiletime(t.UnixNano())
	return os.NewSyscallError("SetFileTime", windows.SetFileTime(windows.Handle(f.Fd()), nil, &at, &at))
}

// moveNew renames a file, and replaces none.
func moveNew(folder *os.Root, from, to string) error {
	old, err := windows.UTF16PtrFromString(filepath.Join(folder.Name(), from))
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(filepath.Join(folder.Name(), to))
	if err != nil {
		return err
	}
	return windows.MoveFileEx(old, name, 0)
}

// syncFolder does nothing: Windows cannot sync a folder.
func syncFolder(*os.Root) {}
