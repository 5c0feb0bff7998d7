// Package safefs opens and reads files without being tricked: every file must be regular, beneath the
// folder it is opened from, and unchanged while it is read.
//
// The rule has two implementations with one table of test cases. [Tree] and [File] are in Go and decide
// every case. [FileSet] is in C, reads and hashes many files together, and declines whatever it cannot
// open in few system calls; [Tree.Open] then decides.
package safefs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// slowRead is what a read takes at most, besides a nanosecond for each byte, if the data is in memory.
const slowRead = 50 * time.Microsecond

// Reasons to refuse an existing file.
var (
	ErrOutside    = errors.New("leads outside the manifest's folder")
	ErrNotRegular = errors.New("not a regular file")
	ErrChanged    = errors.New("changed while being read")
	ErrName       = errors.New("not the name of a file on this system")
)

// grew returns an [ErrChanged] for a file that continues beyond size bytes.
func grew(size int64) error {
	return fmt.Errorf("%w: longer than its size, %d bytes", ErrChanged, size)
}

// ended returns an [ErrChanged] for a file of size bytes that ended after total.
func ended(total, size int64) error {
	return fmt.Errorf("%w: ended at byte %d of %d", ErrChanged, total, size)
}

// readError returns the error to report for a file whose reading failed with err.
func readError(err error) error {
	if errors.Is(err, syscall.EAGAIN) { // no regular file waits for data; /proc/kmsg only claims to be one
		return ErrNotRegular
	}
	return err
}

// IsMissing reports whether err means that there is no such file.
func IsMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// IsExhausted reports whether err means that no more files can be open at once, in this process or on
// this system. It may be temporary.
func IsExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// IsHeld reports whether err, returned by an Open, means that another program holds a lease on the
// file, as file servers do. The attempt has asked it to release the lease.
func IsHeld(err error) bool { return errors.Is(err, syscall.EAGAIN) }

// Tree opens files by their names relative to a folder. It keeps the folder open, so that it remains
// the same folder after a rename or a change of the working folder.
type Tree struct {
	root          *os.Root
	dir           string
	followOutside bool
	cache         *RootCache // that it is of, or nil
	source        Source     // that has the files; nil for the file system

	opening sync.Mutex // held while folder is being opened
	folder  *Folder    // nil until it is asked for
}

// OpenTree opens the folder dir, which should be an absolute path. With followOutside, names may lead
// out of it: through "..", as absolute paths, or through symbolic links.
func OpenTree(dir string, followOutside bool) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Tree{root: root, dir: dir, followOutside: followOutside}, nil
}

// Sub opens the folder called name in the tree as a tree of its own, whose names must not lead out of
// that folder either.
func (t *Tree) Sub(name string) (*Tree, error) {
	if t.source != nil {
		at, err := t.sourcePath(filepath.ToSlash(name))
		return &Tree{dir: at, cache: t.cache, source: t.source}, err
	}
	root, err := t.root.OpenRoot(name)
	if err != nil {
		return nil, mapOutside(err)
	}
	return &Tree{root: root, dir: filepath.Join(t.dir, name), followOutside: t.followOutside, cache: t.cache}, nil
}

// Close closes the folder; files opened from it stay open.
func (t *Tree) Close() error {
	if t.source != nil {
		return nil
	}
	t.opening.Lock()
	defer t.opening.Unlock()
	if t.folder != nil {
		t.folder.Release()
		t.folder = nil
	}
	return t.root.Close()
}

// Names returns the names of everything directly in the folder. ReadDir would look at each of them.
func (t *Tree) Names() ([]string, error) {
	if t.source != nil {
		infos, err := t.listSource(".")
		names := make([]string, len(infos))
		for i, info := range infos {
			names[i] = info.Path
		}
		return names, err
	}
	dir, err := t.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// Folder is a tree's folder for [FileSet.Open] and [Prober.Probe]. It is open while somebody uses it.
type Folder struct {
	file     *os.File
	fd       uintptr
	anywhere bool   // names may lead out of it
	number   uint64 // of no other folder
	users    atomic.Int32
}

var folders atomic.Uint64

// Folder returns the tree's folder, to be released with [Folder.Release]; nil if it cannot be opened.
func (t *Tree) Folder() *Folder {
	if t.source != nil {
		return nil
	}
	t.opening.Lock()
	defer t.opening.Unlock()
	if t.folder == nil {
		file, err := t.root.Open(".")
		if err != nil {
			return nil
		}
		t.folder = &Folder{file: file, fd: file.Fd(), anywhere: t.followOutside, number: folders.Add(1)}
		t.folder.Use() // by the tree
	}
	t.folder.Use()
	return t.folder
}

// trim closes the folder that [Tree.Folder] has opened, if nobody uses it.
func (t *Tree) trim() {
	if t.source != nil || !t.opening.TryLock() { // it is being opened, which may take long
		return
	}
	defer t.opening.Unlock()
	if t.folder != nil && t.folder.users.Load() == 1 {
		t.folder.Release()
		t.folder = nil
	}
}

// Use keeps the folder open until [Folder.Release].
func (f *Folder) Use() { f.users.Add(1) }

// Release ends a use.
func (f *Folder) Release() {
	if f.users.Add(-1) == 0 {
		f.file.Close()
	}
}

// Open opens the regular file called name. The error is [ErrOutside], [ErrNotRegular], [ErrName], or
// the system's; see [IsMissing].
func (t *Tree) Open(name string) (*File, error) {
	if t.source != nil {
		return t.openSource(name)
	}
	if err := t.checkName(name); err != nil {
		return nil, err
	}
	if t.followOutside {
		return Open(t.resolve(name))
	}
	if err := requireRegular(t.root.Stat(name)); err != nil {
		return nil, mapOutside(err)
	}
	f, err := t.root.OpenFile(name, openFlags, 0)
	if err != nil {
		return nil, mapOutside(err)
	}
	return newFile(f)
}

// Stat describes the regular file called name, with the rules and errors of [Tree.Open].
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	info, err := t.Follow(name)
	return info, requireRegular(info, err)
}

// SizeOf returns the size in bytes of the regular file called name, 0 if there is none.
func (t *Tree) SizeOf(name string) int64 {
	info, err := t.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// IsSame reports whether f is the file that [Tree.Open] would open by that name.
func (t *Tree) IsSame(name string, f *File) bool {
	info, err := t.Stat(name)
	if err != nil {
		return false
	}
	if other, is := info.(*sourceInfo); is {
		return f.remote != nil && other.Path == f.remote.info.Path
	}
	opened, err := f.file.Stat()
	return err == nil && os.SameFile(info, opened)
}

// IsSameFile reports whether [Tree.Stat] has described one file twice.
func IsSameFile(a, b fs.FileInfo) bool {
	if one, is := a.(*sourceInfo); is {
		other, is := b.(*sourceInfo)
		return is && one.Path == other.Path
	}
	return os.SameFile(a, b)
}

// Follow describes what name leads to through symbolic links, whether a regular file or not, with the
// rules of [Tree.Open].
func (t *Tree) Follow(name string) (fs.FileInfo, error) {
	if t.source != nil {
		return t.followSource(name)
	}
	if err := t.checkName(name); err != nil {
		return nil, err
	}
	if t.followOutside {
		return os.Stat(t.resolve(name))
	}
	info, err := t.root.Stat(name)
	return info, mapOutside(err)
}

// Readlink returns the text of a symbolic link.
func (t *Tree) Readlink(name string) (string, error) {
	if t.followOutside {
		return os.Readlink(t.resolve(name))
	}
	text, err := t.root.Readlink(name)
	return text, mapOutside(err)
}

// Confines reports whether name stays in the folder when symbolic links are followed.
func (t *Tree) Confines(name string) bool {
	if t.source != nil {
		return true
	}
	_, err := t.root.Stat(name)
	return err == nil
}

// Lstat describes what is called name, without following a symbolic link.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) {
	if t.source != nil {
		return t.followSource(name)
	}
	if t.followOutside {
		return os.Lstat(t.resolve(name))
	}
	info, err := t.root.Lstat(name)
	return info, mapOutside(err)
}

// checkName returns why name must not be opened, judging by its text alone.
func (t *Tree) checkName(name string) error { return checkName(name, t.followOutside) }

func checkName(name string, followOutside bool) error {
	if !followOutside && (filepath.IsAbs(name) || escapes(name)) {
		return ErrOutside
	}
	return checkSystemName(name)
}

func (t *Tree) resolve(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	if name != "" && os.IsPathSeparator(name[0]) { // on Windows: from the root of the drive
		return filepath.VolumeName(t.dir) + name
	}
	// Not filepath.Join, which cleans the path: if d is a link, d/../x is a different file from x.
	return t.dir + string(os.PathSeparator) + name
}

// escapes reports whether name leaves the folder by its text, through "..".
func escapes(name string) bool {
	clean := filepath.Clean(name)
	return clean == ".." || len(clean) > 2 && clean[:2] == ".." && os.IsPathSeparator(clean[2])
}

// mapOutside replaces the error by which [os.Root] refuses a symbolic link by [ErrOutside]. The standard
// library does not export that error, so its text is compared.
func mapOutside(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Err.Error() == "path escapes from parent" {
		return ErrOutside
	}
	return err
}

// Open opens the regular file at path, wherever that leads.
func Open(path string) (*File, error) {
	if err := requireRegular(os.Stat(path)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, openFlags, 0)
	if err != nil {
		return nil, err
	}
	return newFile(f)
}

// requireRegular returns the error of a Stat, or [ErrNotRegular]. It is called before a file is opened,
// because opening has side effects on some: it rewinds a tape, starts a watchdog, unblocks the writer
// of a FIFO. It is called again afterwards, because another file may have taken the name.
func requireRegular(info fs.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	return err
}

func newFile(f *os.File) (*File, error) {
	info, err := f.Stat()
	if err := requireRegular(info, err); err != nil {
		f.Close()
		return nil, err
	}
	return &File{file: f, before: stateOf(info)}, nil
}

// File is an open regular file, to be read once from its beginning.
type File struct {
	file     *os.File    // nil if remote is set
	remote   *sourceFile // of a [Source], or nil
	before   fileState
	total    int64         // bytes read
	waited   time.Duration // for data that was not in memory
	uncached bool          // leave the page cache as it was
}

// Size returns the size in bytes that the file had when it was opened.
func (f *File) Size() int64 { return f.before.size }

// Read reads the next bytes; see [io.Reader]. It returns [io.EOF] only if the file is whole. The error
// is [ErrChanged] if the file changed after it was opened, or has more or fewer bytes than its size.
func (f *File) Read(p []byte) (int, error) {
	// Asking for one byte more than is left shows whether the file has grown.
	if left := f.before.size - f.total; left < int64(len(p)) {
		p = p[:max(left+1, 0)]
	}
	start := time.Now()
	var n int
	var err error
	if f.remote != nil {
		n, err = f.remote.read(p)
	} else {
		n, err = f.readNow(p)
	}
	if took := time.Since(start); took > slowRead+time.Duration(n)*time.Nanosecond {
		f.waited += took
	}
	f.total += int64(n)
	if f.total > f.before.size {
		return n, grew(f.before.size)
	}
	if errors.Is(err, io.EOF) {
		if changed := f.unchanged(); changed != nil {
			return n, changed
		}
	}
	return n, err
}

// ReadAt reads a part of the file that is not before what [File.Read] has read; see [io.ReaderAt]. Several goroutines may
// call it at once. The error is [errors.ErrUnsupported] if the file is in a [Source], or the cache has to stay as it was.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if f.uncached || f.remote != nil {
		return 0, errors.ErrUnsupported
	}
	return f.file.ReadAt(p, offset)
}

// Skip has [File.Read] go on behind n bytes, which [File.ReadAt] has read from where it was.
func (f *File) Skip(n int64) error {
	if n == 0 {
		return nil
	}
	_, err := f.file.Seek(n, io.SeekCurrent)
	f.total += n
	return err
}

// Waited returns how long the reading waited for data that was not in memory, about.
func (f *File) Waited() time.Duration { return f.waited }

// Close closes the file.
func (f *File) Close() error {
	if f.remote != nil {
		return f.remote.close()
	}
	return f.file.Close()
}

// CopyTo writes the whole file to w, one buf at a time, and returns how many bytes it read. The error
// is that of [File.Read], of w, or of ctx if it ended. read, if not nil, is called with the number of
// bytes after each read.
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
		return ended(f.total, f.before.size)
	}
	if f.remote != nil {
		return nil // it was confirmed at the end
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if stateOf(info) != f.before {
		return ErrChanged
	}
	return nil
}

// fileState is the attributes that change when a file's content does.
type fileState struct {
	size     int64
	modified time.Time
	changed  time.Time // status change, if the system has it
	inode    uint64    // 0 if the system has none
}

func stateOf(info fs.FileInfo) fileState {
	return fileState{info.Size(), info.ModTime(), statusChange(info), inodeOf(info)}
}

// State is the attributes of a file by which a later run can tell that it has not changed since. Times are nanoseconds
// since 1970.
type State struct {
	Size     int64
	Modified int64
	Changed  int64  // status change; 0 if the system has no such time
	Inode    uint64 // 0 if the system has none
}

// StateOf returns the state that info describes.
func StateOf(info fs.FileInfo) State { return stateOf(info).export() }

func (s fileState) export() State {
	state := State{Size: s.size, Modified: s.modified.UnixNano(), Inode: s.inode}
	if !s.changed.IsZero() {
		state.Changed = s.changed.UnixNano()
	}
	return state
}

// ChangedBefore reports whether a file was last changed before when: its content and, if the system has
// that time, its status.
func ChangedBefore(info fs.FileInfo, when time.Time) bool {
	s := stateOf(info)
	return s.modified.Before(when) && s.changed.Before(when)
}

// State returns the file's state when it was opened. It still has that when a Read returns [io.EOF].
func (f *File) State() State { return f.before.export() }

// Modified returns the file's modification time when it was opened.
func (f *File) Modified() time.Time { return f.before.modified }
