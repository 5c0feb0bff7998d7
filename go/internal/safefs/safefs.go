// Package safefs opens and reads files without being fooled: nothing but regular files, nothing
// outside the folder it was given, and no file that changes while it is read.
package safefs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Why a file that is there is refused.
var (
	ErrOutside    = errors.New("leads outside the manifest's folder")
	ErrNotRegular = errors.New("not a regular file")
	ErrChanged    = errors.New("changed while being read")
	ErrName       = errors.New("not the name of a file on this system")
)

// Grew is [ErrChanged] for a file of size bytes that has more.
func Grew(size int64) error {
	return fmt.Errorf("%w: longer than its size, %d bytes", ErrChanged, size)
}

// Ended is [ErrChanged] for a file of size bytes that has no more than total.
func Ended(total, size int64) error {
	return fmt.Errorf("%w: ended at byte %d of %d", ErrChanged, total, size)
}

// Unread returns the error for a file whose reading failed with err.
func Unread(err error) error {
	if errors.Is(err, syscall.EAGAIN) { // it has its data elsewhere, and only says that it is regular
		return ErrNotRegular
	}
	return err
}

// IsMissing reports whether err says that there is no such file.
func IsMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// IsExhausted reports whether err says that no more files can be open at once, in this process or
// on this system. It may pass.
func IsExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// IsHeld reports whether err, of an Open, says that another program holds a lease on the file, as
// file servers do. The attempt has asked it to let go.
func IsHeld(err error) bool { return errors.Is(err, syscall.EAGAIN) }

// Tree is a folder whose files are opened by name. It holds the folder open, so that neither a
// change of the working folder nor a rename moves it.
type Tree struct {
	root          *os.Root
	dir           string
	followOutside bool
}

// OpenTree opens the folder dir, which should be an absolute path. With followOutside, names
// may lead out of it: through "..", as absolute paths, or by symbolic links.
func OpenTree(dir string, followOutside bool) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Tree{root, dir, followOutside}, nil
}

// Sub opens the folder called name, which lies in the tree, as a tree of its own: names in it may
// not lead out of that folder.
func (t *Tree) Sub(name string) (*Tree, error) {
	root, err := t.root.OpenRoot(name)
	if err != nil {
		return nil, outside(err)
	}
	return &Tree{root, filepath.Join(t.dir, name), t.followOutside}, nil
}

// Close lets go of the folder; files opened from it stay open.
func (t *Tree) Close() error { return t.root.Close() }

// Names returns the names of all that lies directly in the folder.
func (t *Tree) Names() ([]string, error) {
	dir, err := t.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// Folder opens the tree's folder, for others to open files below. It is nil where names may lead
// out of it, or where it cannot be opened.
func (t *Tree) Folder() *os.File {
	if t.followOutside {
		return nil
	}
	folder, err := t.root.Open(".")
	if err != nil {
		return nil
	}
	return folder
}

// Open opens the regular file called name. The error is [ErrOutside], [ErrNotRegular], [ErrName],
// or of the system; see [IsMissing].
func (t *Tree) Open(name string) (*File, error) {
	if err := t.refused(name); err != nil {
		return nil, err
	}
	if t.followOutside {
		return Open(t.resolve(name))
	}
	if err := regular(t.root.Stat(name)); err != nil {
		return nil, outside(err)
	}
	f, err := t.root.OpenFile(name, openFlags, 0)
	if err != nil {
		return nil, outside(err)
	}
	return opened(f)
}

// Stat describes the regular file called name, under the rules of [Tree.Open] and with its errors.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	info, err := t.Follow(name)
	return info, regular(info, err)
}

// IsSame reports whether f is the file that [Tree.Open] would open as name.
func (t *Tree) IsSame(name string, f *File) bool {
	info, err := t.Stat(name)
	if err != nil {
		return false
	}
	opened, err := f.file.Stat()
	return err == nil && os.SameFile(info, opened)
}

// Follow describes what name leads to, be it regular or not, through symbolic links and under the
// rules of [Tree.Open].
func (t *Tree) Follow(name string) (fs.FileInfo, error) {
	if err := t.refused(name); err != nil {
		return nil, err
	}
	if t.followOutside {
		return os.Stat(t.resolve(name))
	}
	info, err := t.root.Stat(name)
	return info, outside(err)
}

// Confines reports whether name, followed through symbolic links, stays in the folder.
func (t *Tree) Confines(name string) bool {
	_, err := t.root.Stat(name)
	return err == nil
}

// Lstat describes what is called name, the link itself where it is one.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) {
	if t.followOutside {
		return os.Lstat(t.resolve(name))
	}
	info, err := t.root.Lstat(name)
	return info, outside(err)
}

// refused returns why name, by its very words, is not to be opened.
func (t *Tree) refused(name string) error {
	if !t.followOutside && (filepath.IsAbs(name) || escapes(name)) {
		return ErrOutside
	}
	return impossible(name)
}

func (t *Tree) resolve(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	if name != "" && os.IsPathSeparator(name[0]) { // on Windows: from the top of the drive
		return filepath.VolumeName(t.dir) + name
	}
	// Not filepath.Join, which would clean it: where d is a link, d/../x is another file than x.
	return t.dir + string(os.PathSeparator) + name
}

// escapes reports whether name leaves the folder by its very words.
func escapes(name string) bool {
	clean := filepath.Clean(name)
	return clean == ".." || len(clean) > 2 && clean[:2] == ".." && os.IsPathSeparator(clean[2])
}

// outside turns the error by which [os.Root] refuses a symbolic link into [ErrOutside]. The
// standard library gives that error no name to compare with, only words.
func outside(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Err.Error() == "path escapes from parent" {
		return ErrOutside
	}
	return err
}

// Open opens the regular file at path, wherever that leads.
func Open(path string) (*File, error) {
	if err := regular(os.Stat(path)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, openFlags, 0)
	if err != nil {
		return nil, err
	}
	return opened(f)
}

// regular returns the error of a Stat, or [ErrNotRegular]. It is asked before a file is opened, as
// the opening alone does something to some: it winds a tape, starts a watchdog, lets the writer of
// a FIFO go on; and once more behind it, as another file may be there by then.
func regular(info fs.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	return err
}

func opened(f *os.File) (*File, error) {
	info, err := f.Stat()
	if err := regular(info, err); err != nil {
		f.Close()
		return nil, err
	}
	return &File{file: f, before: state(info)}, nil
}

// File is a regular file opened for reading from its beginning.
type File struct {
	file   *os.File
	before fileState
	total  int64 // bytes read
	leaves bool  // the page cache as it was
}

// Fd is the system's descriptor of the open file.
func (f *File) Fd() uintptr { return f.file.Fd() }

// Size is the file's size in bytes when it was opened.
func (f *File) Size() int64 { return f.before.size }

// Read reads the next bytes; see [io.Reader]. The end is told as [io.EOF] only if the file is
// whole: the error is [ErrChanged] if it is not the same as when it was opened, or holds more or
// fewer bytes than its size says.
func (f *File) Read(p []byte) (int, error) {
	// A byte more than there should be is enough to see that there is more.
	p = p[:min(int64(len(p)), max(f.before.size-f.total+1, 0))]
	n, err := f.readNow(p)
	f.total += int64(n)
	if f.total > f.before.size {
		return n, Grew(f.before.size)
	}
	if errors.Is(err, io.EOF) {
		if changed := f.unchanged(); changed != nil {
			return n, changed
		}
	}
	return n, err
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// CopyTo writes the whole file to w, one buf at a time, and returns how many bytes it read. The
// error is that of [File.Read], of w, or the context's if ctx ended. read, if not nil, is told of
// the bytes as they are read.
func (f *File) CopyTo(ctx context.Context, w io.Writer, buf []byte, read func(int)) (int64, error) {
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := f.Read(buf)
		total += int64(n)
		if read != nil && n > 0 {
			read(n)
		}
		if _, failed := w.Write(buf[:n]); failed != nil {
			return total, failed
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func (f *File) unchanged() error {
	if f.total < f.before.size {
		return Ended(f.total, f.before.size)
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if state(info) != f.before {
		return ErrChanged
	}
	return nil
}

// fileState is what changes when a file's content does.
type fileState struct {
	size     int64
	modified time.Time
	changed  time.Time // status change, where the system has it
}

func state(info fs.FileInfo) fileState {
	return fileState{info.Size(), info.ModTime(), statusChange(info)}
}

// ChangedBefore reports whether the last change of a file was before when: of its content, and,
// where the system tells that time, of its status.
func ChangedBefore(info fs.FileInfo, when time.Time) bool {
	s := state(info)
	return s.modified.Before(when) && s.changed.Before(when)
}

// Modified is when the file's content was last changed before it was opened.
func (f *File) Modified() time.Time { return f.before.modified }
