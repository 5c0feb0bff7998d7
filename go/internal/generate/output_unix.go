//go:build linux || darwin

package generate

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errExists says that the manifest exists already.
var errExists error = syscall.EEXIST

// ownAttributes are extended attributes that are about the content of a file: a new one has others.
var ownAttributes = []string{"security.ima", "security.evm"}

// keepAttributes gives the manifest the owner, the permissions and the extended attributes of the one that it
// replaces, as far as the user may.
func (o *output) keepAttributes() error {
	if own, ok := o.old.Sys().(*syscall.Stat_t); ok {
		err := o.file.Chown(int(own.Uid), int(own.Gid))
		if isRefused(err) { // the group may be one of the user's
			err = o.file.Chown(-1, int(own.Gid))
		}
		if err != nil && !isRefused(err) {
			return err
		}
	}
	if err := o.file.Chmod(o.old.Mode().Perm()); err != nil {
		return err
	}
	old, err := o.folder.OpenFile(o.name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil // a manifest that cannot be read is replaced all the same
	}
	defer old.Close()
	return copyAttributes(int(old.Fd()), int(o.file.Fd()))
}

// copyAttributes copies extended attributes, access control lists among them.
func copyAttributes(from, to int) error {
	names, err := readAll(func(p []byte) (int, error) { return unix.Flistxattr(from, p) })
	if err != nil {
		return nil // there are none on this file system
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if name == "" || slices.Contains(ownAttributes, name) {
			continue
		}
		value, err := readAll(func(p []byte) (int, error) { return unix.Fgetxattr(from, name, p) })
		if err == nil {
			err = unix.Fsetxattr(to, name, value, 0)
		}
		if err != nil && !isRefused(err) {
			return err
		}
	}
	return nil
}

// readAll calls read with enough memory for what it reads.
func readAll(read func([]byte) (int, error)) ([]byte, error) {
	size, err := read(nil)
	if err != nil || size == 0 {
		return nil, err
	}
	p := make([]byte, size+256)
	n, err := read(p)
	return p[:max(n, 0)], err
}

// isRefused reports whether the user may not do something, or the file system cannot.
func isRefused(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}

// links returns how many names a file has.
func links(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}

// setTime sets the time of an open file.
func setTime(f *os.File, t time.Time) error {
	return os.NewSyscallError("futimens", setTimes(int(f.Fd()), unix.NsecToTimespec(t.UnixNano())))
}

// moveNew renames a file, and replaces none: where the system cannot do that in one step, by a second link; and
// where the file system has no links, after a look.
func moveNew(folder *os.Root, from, to string) error {
	err := renameNew(folder, from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	err = folder.Link(from, to)
	if err == nil {
		return folder.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := folder.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fs.ErrExist
	}
	return folder.Rename(from, to)
}

// syncFolder makes a rename durable, as far as the file system can.
func syncFolder(folder *os.Root) {
	if f, err := folder.Open("."); err == nil {
		_ = f.Sync()
		f.Close()
	}
}
