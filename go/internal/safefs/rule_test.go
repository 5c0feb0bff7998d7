//go:build linux || darwin

package safefs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

// answer is what a [safefs.FileSet] does with a file, compared with [safefs.Tree] and [safefs.File].
type answer int

const (
	agrees   answer = iota // has the same outcome
	declines               // does not open it, and leaves the decision to the tree
	isStale                // opens it, and then leaves the decision to the tree
)

// ruleCase is one case of the rule: a regular file, beneath its folder, unchanged while it is read.
type ruleCase struct {
	what string
	// arrange prepares the new folder root and returns the name to open. Next to root is "outside/secret".
	arrange func(t *testing.T, root string) (name string)
	root    string // an existing folder instead of a new one

	// The changes are made to the file at path.
	looked  func(path string) error // after the name was looked at, before it is opened
	opened  func(path string) error // after it was opened, before it is read
	reading func(path string) error // after some of it was read

	content string // what must be read
	err     error  // or the error of opening or reading it; see errors.Is
	fileSet answer
}

// Sizes of files: read at once, in several reads of 64 KiB, in several steps of a file set.
const small, several, long = 100, 300_000, 20 << 20

// errAny is any error of the system.
var errAny = errors.New("any error")

func filled(size int) string { return strings.Repeat("0123456789", size/10+1)[:size] }

var ruleCases = []ruleCase{
	{what: "regular", arrange: put("a", small), content: filled(small)},
	{what: "empty", arrange: put("a", 0), content: ""},
	{what: "several chunks", arrange: put("a", several), content: filled(several)},
	{what: "exactly two chunks", arrange: put("a", 128<<10), content: filled(128 << 10)},
	{what: "in a folder", arrange: put("d/a", small), content: filled(small)},
	{what: "unclean name", arrange: named("./d//a", put("d/a", small)), content: filled(small)},
	{what: ".. within the folder", arrange: named("d/../d/a", put("d/a", small)), content: filled(small)},
	{what: "name of odd bytes", arrange: put("\\\n \xc3\xa9\x7f", small), content: filled(small)},

	{what: "link to a file inside", arrange: named("l", put("a", small), link("l", "a")), content: filled(small), fileSet: declines},
	{what: "link to a folder inside", arrange: named("l/a", put("d/a", small), link("l", "d")), content: filled(small)},
	{what: "link that leaves and comes back", arrange: named("l/a", put("d/a", small), link("l", "../root/d")), err: safefs.ErrOutside, fileSet: declines},
	{what: "link to a file outside", arrange: named("l", link("l", "../outside/secret")), err: safefs.ErrOutside, fileSet: declines},
	{what: "link to a folder outside", arrange: named("l/secret", link("l", "../outside")), err: safefs.ErrOutside, fileSet: declines},
	{what: "absolute link", arrange: named("l", link("l", "/etc/passwd")), err: safefs.ErrOutside, fileSet: declines},
	{what: "absolute link to a folder", arrange: named("l/passwd", link("l", "/etc")), err: safefs.ErrOutside, fileSet: declines},
	{what: "dangling link", arrange: named("l", link("l", "absent")), err: fs.ErrNotExist, fileSet: declines},
	{what: "loop of links", arrange: named("l", link("l", "m"), link("m", "l")), err: syscall.ELOOP, fileSet: declines},
	{what: "..", arrange: named(".."), err: safefs.ErrOutside, fileSet: declines},
	{what: ".. to a file outside", arrange: named("../outside/secret"), err: safefs.ErrOutside, fileSet: declines},
	{what: ".. after a folder", arrange: named("d/../../outside/secret", put("d/a", small)), err: safefs.ErrOutside, fileSet: declines},
	{what: ".. after a link", arrange: named("l/../../outside/secret", put("d/a", small), link("l", "d")), err: safefs.ErrOutside, fileSet: declines},
	{what: "absolute name", arrange: named("/etc/passwd"), err: safefs.ErrOutside, fileSet: declines},
	{what: "absolute name of a file inside", arrange: func(t *testing.T, root string) string {
		return filepath.Join(root, put("a", small)(t, root))
	}, err: safefs.ErrOutside, fileSet: declines},

	{what: "FIFO", arrange: fifo("f"), err: safefs.ErrNotRegular, fileSet: declines},
	{what: "link to a FIFO", arrange: named("l", fifo("f"), link("l", "f")), err: safefs.ErrNotRegular, fileSet: declines},
	{what: "socket", arrange: socket, err: safefs.ErrNotRegular, fileSet: declines},
	{what: "device", root: "/dev", arrange: named("null"), err: safefs.ErrNotRegular, fileSet: declines},
	{what: "folder", arrange: named("d", put("d/a", small)), err: safefs.ErrNotRegular, fileSet: declines},
	{what: "folder with a slash", arrange: named("d/", put("d/a", small)), err: safefs.ErrNotRegular, fileSet: declines},
	{what: "the folder itself", arrange: named("."), err: safefs.ErrNotRegular, fileSet: declines},

	{what: "missing", arrange: named("absent"), err: fs.ErrNotExist, fileSet: declines},
	{what: "missing folder", arrange: named("absent/a"), err: fs.ErrNotExist, fileSet: declines},
	{what: "missing folder, and a name that leads outside", arrange: named("absent/../../a"), err: safefs.ErrOutside, fileSet: declines},
	{what: "missing file outside", arrange: named("../absent"), err: safefs.ErrOutside, fileSet: declines},
	{what: "missing absolute name", arrange: named("/absent"), err: safefs.ErrOutside, fileSet: declines},
	{what: "beneath a file", arrange: named("a/b", put("a", small)), err: syscall.ENOTDIR, fileSet: declines},
	{what: "file with a slash", arrange: named("a/", put("a", small)), err: syscall.ENOTDIR, fileSet: declines},
	{what: "empty name", arrange: named(""), err: errAny, fileSet: declines},
	{what: "name with NUL", arrange: named("a\x00", put("a", small)), err: syscall.EINVAL, fileSet: declines},
	{what: "name of 300 bytes", arrange: named(strings.Repeat("n", 300)), err: syscall.ENAMETOOLONG, fileSet: declines},
	{what: "path of 5,000 bytes", arrange: named(strings.Repeat("d/../", 1000)+"a", put("d/b", small), put("a", small)), err: syscall.ENAMETOOLONG, fileSet: declines},

	{what: "magic link to a file", root: "/proc/self", arrange: magicLink("/etc/passwd", ""), err: safefs.ErrOutside, fileSet: declines},
	{what: "magic link to a folder", root: "/proc/self", arrange: magicLink("/etc", "/passwd"), err: safefs.ErrOutside, fileSet: declines},
	{what: "procfs file, of size 0", root: "/proc/self", arrange: named("status"), err: safefs.ErrChanged, fileSet: isStale},
	{what: "sysfs file, shorter than its size", root: "/sys/devices/system/cpu", arrange: named("online"), err: safefs.ErrChanged, fileSet: isStale},

	{what: "replaced before the opening", arrange: put("a", small), looked: replace("other"), content: "other", fileSet: isStale},
	{what: "long, replaced before the opening", arrange: put("a", several), looked: replace("other"), content: "other"},
	{what: "replaced by a link", arrange: put("a", small), looked: replaceBy(link("b", "../outside/secret")), err: safefs.ErrOutside, fileSet: declines},
	{what: "replaced by a FIFO", arrange: put("a", small), looked: replaceBy(fifo("b")), err: safefs.ErrNotRegular, fileSet: isStale},
	{what: "long, replaced by a FIFO", arrange: put("a", several), looked: replaceBy(fifo("b")), err: safefs.ErrNotRegular, fileSet: declines},
	{what: "removed before the opening", arrange: put("a", small), looked: os.Remove, err: fs.ErrNotExist, fileSet: declines},
	{what: "changed before the opening", arrange: put("a", small), looked: overwrite, content: "X" + filled(small)[1:], fileSet: isStale},

	{what: "small, truncated", arrange: put("a", small), opened: truncate(small - 1), err: safefs.ErrChanged, fileSet: isStale},
	{what: "small, grown", arrange: put("a", small), opened: truncate(small + 1), err: safefs.ErrChanged, fileSet: isStale},
	{what: "small, changed in place", arrange: put("a", small), opened: overwrite, err: safefs.ErrChanged, fileSet: isStale},
	{what: "empty, grown", arrange: put("a", 0), opened: truncate(1), err: safefs.ErrChanged, fileSet: isStale},
	{what: "truncated to nothing", arrange: put("a", several), opened: truncate(0), err: safefs.ErrChanged},

	{what: "truncated while read", arrange: put("a", long), reading: truncate(long - 1), err: safefs.ErrChanged},
	{what: "grown while read", arrange: put("a", long), reading: truncate(long + 1), err: safefs.ErrChanged},
	{what: "changed in place while read", arrange: put("a", long), reading: overwrite, err: safefs.ErrChanged},
	{what: "changed in place, modification time restored", arrange: put("a", long), reading: overwriteAndRestoreTime, err: safefs.ErrChanged},
	{what: "touched while read", arrange: put("a", long), reading: func(path string) error {
		return os.Chtimes(path, time.Time{}, time.Unix(1_000_000_000, 0))
	}, err: safefs.ErrChanged},
	{what: "removed while read", arrange: put("a", long), reading: os.Remove, err: safefs.ErrChanged},
	{what: "replaced while read", arrange: put("a", long), reading: replace("other"), err: safefs.ErrChanged},
}

// put makes a regular file.
func put(name string, size int) func(*testing.T, string) string {
	return func(t *testing.T, root string) string {
		write(t, filepath.Join(root, name), filled(size))
		return name
	}
}

// named makes something in every step, and returns name instead of their names.
func named(name string, steps ...func(*testing.T, string) string) func(*testing.T, string) string {
	return func(t *testing.T, root string) string {
		for _, step := range steps {
			step(t, root)
		}
		return name
	}
}

func link(name, target string) func(*testing.T, string) string {
	return func(t *testing.T, root string) string {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		return name
	}
}

func fifo(name string) func(*testing.T, string) string {
	return func(t *testing.T, root string) string {
		if err := syscall.Mkfifo(filepath.Join(root, name), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
}

func socket(t *testing.T, root string) string {
	t.Chdir(root) // the address of a socket is short
	listener, err := net.Listen("unix", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return "s"
}

// magicLink opens target, and returns the name below /proc/self that leads to it.
func magicLink(target, below string) func(*testing.T, string) string {
	return func(t *testing.T, root string) string {
		file, err := os.Open(target)
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { file.Close() })
		return fmt.Sprintf("fd/%d%s", file.Fd(), below)
	}
}

func replace(content string) func(string) error {
	return func(path string) error {
		return errors.Join(os.WriteFile(path+"2", []byte(content), 0o600), os.Rename(path+"2", path))
	}
}

// replaceBy puts in place of the file what a step makes as "b".
func replaceBy(step func(*testing.T, string) string) func(string) error {
	return func(path string) error {
		step(nil, filepath.Dir(path))
		return os.Rename(filepath.Join(filepath.Dir(path), "b"), path)
	}
}

func truncate(size int64) func(string) error {
	return func(path string) error { return os.Truncate(path, size) }
}

// overwrite changes the first byte.
func overwrite(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString("X")
	return errors.Join(err, file.Close())
}

func overwriteAndRestoreTime(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return errors.Join(overwrite(path), os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// prepare arranges the case anew, and returns the folder and the name to open.
func (c ruleCase) prepare(t *testing.T) (root, name string) {
	t.Helper()
	root = c.root
	if root == "" {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "outside", "secret"), "secret")
		root = filepath.Join(dir, "root")
		if err := os.Mkdir(root, 0o700); err != nil {
			t.Fatal(err)
		}
	} else if _, err := os.Stat(root); err != nil {
		t.Skip(err)
	}
	name = c.arrange(t, root)
	if c.looked != nil || c.opened != nil || c.reading != nil {
		time.Sleep(20 * time.Millisecond) // timestamps are as coarse as the kernel's clock tick
	}
	return root, name
}

func change(t *testing.T, do func(string) error, root, name string) {
	t.Helper()
	if do == nil {
		return
	}
	if err := do(filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

// checkError compares the error of a case with the one wanted.
func (c ruleCase) checkError(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, c.err) && (c.err != errAny || err == nil) {
		t.Errorf("got %v, not %v", err, c.err)
	}
}

func TestRule(t *testing.T) {
	for _, c := range ruleCases {
		t.Run("File/"+c.what, func(t *testing.T) { checkFile(t, c) })
		if c.opened == nil {
			t.Run("adopted/"+c.what, func(t *testing.T) { checkAdopted(t, c) })
		}
		if !safefs.FileSetThreads {
			continue // it opens no files
		}
		t.Run("FileSet/"+c.what, func(t *testing.T) { checkFileSet(t, c, false) })
		if c.opened == nil { // threads open and read at once
			t.Run("deep FileSet/"+c.what, func(t *testing.T) { checkFileSet(t, c, true) })
		}
	}
}

func checkFile(t *testing.T, c ruleCase) {
	root, name := c.prepare(t)
	tr := tree(t, root, false)
	change(t, c.looked, root, name)
	file, err := tr.Open(name)
	if err != nil {
		if c.err == nil || c.opened != nil || c.reading != nil {
			t.Fatal(err)
		}
		c.checkError(t, err)
		return
	}
	defer file.Close()
	change(t, c.opened, root, name)
	var got bytes.Buffer
	w := &onFirst{w: &got, do: func() { change(t, c.reading, root, name) }}
	_, err = file.CopyTo(context.Background(), w, make([]byte, 1<<16), nil)
	c.checkError(t, err)
	if err == nil && got.String() != c.content {
		t.Errorf("got %d bytes, not %d", got.Len(), len(c.content))
	}
}

// checkAdopted has a set read what a tree has opened.
func checkAdopted(t *testing.T, c ruleCase) {
	s := fileSet(t)
	root, name := c.prepare(t)
	tr := tree(t, root, false)
	change(t, c.looked, root, name)
	file, err := tr.Open(name)
	if err != nil {
		if c.err == nil || c.reading != nil {
			t.Fatal(err)
		}
		c.checkError(t, err)
		return
	}
	if !s.Adopt(0, multibuffer.ByName("sha256"), file) {
		t.Fatal("not adopted")
	}
	var stop atomic.Uint32
	s.Step(&stop)
	change(t, c.reading, root, name)
	for s.Phase(0) < safefs.PhaseDone {
		s.Step(&stop)
	}
	o := s.Take(0, nil)
	c.checkError(t, o.Err)
	if digest := sha256.Sum256([]byte(c.content)); o.Err == nil && (!bytes.Equal(o.Digest, digest[:]) || o.Total != int64(len(c.content))) {
		t.Errorf("%+v, not %x", o, digest)
	}
}

func checkFileSet(t *testing.T, c ruleCase, isDeep bool) {
	s := fileSet(t)
	if isDeep {
		s.SetDepth(3, true)
	}
	prober, err := safefs.NewProber()
	if err != nil {
		t.Fatal(err)
	}
	defer prober.Free()
	root, name := c.prepare(t)
	want := c.fileSet
	if runtime.GOOS != "linux" && strings.Contains(name, "/") {
		want = declines // there is no openat2
	}
	folder := tree(t, root, false).Folder()
	defer folder.Release()

	var snapshot safefs.Snapshot
	start := time.Now()
	isProbed := prober.Probe(folder, name, &snapshot)
	prober.CloseFolder()
	if c.looked == nil && isProbed != (want != declines) {
		t.Errorf("probed: %t", isProbed)
	}
	change(t, c.looked, root, name)
	isOpened := s.Open(0, multibuffer.ByName("sha256"), &safefs.Opening{Folder: folder, Name: name, Snapshot: &snapshot, Size: -1})
	var stop atomic.Uint32
	if isDeep && isOpened {
		s.Step(&stop)
		isOpened = s.Phase(0) != safefs.PhaseDeclined
	}
	// If this took long, the snapshot was too old to be used, and the file was looked at again.
	isLate := c.looked != nil && time.Since(start) > 50*time.Millisecond
	if isOpened != (want != declines) && !isLate {
		t.Fatalf("opened: %t", isOpened)
	}
	if !isOpened {
		checkMissing(t, c, s.Missing(0, name))
		return
	}
	change(t, c.opened, root, name)
	s.Step(&stop)
	if c.reading != nil && s.Phase(0) != safefs.PhaseReading && s.Phase(0) != safefs.PhaseOpening {
		t.Fatalf("phase %d after the first step", s.Phase(0))
	}
	change(t, c.reading, root, name)
	for s.Phase(0) < safefs.PhaseDone {
		s.Step(&stop)
	}
	o := s.Take(0, nil)
	switch digest := sha256.Sum256([]byte(c.content)); {
	case isLate && o.Phase == safefs.PhaseStale:
	case (o.Phase == safefs.PhaseStale) != (want == isStale) && !isLate:
		t.Errorf("phase %d", o.Phase)
	case o.Phase == safefs.PhaseStale:
		if o.Err == nil || o.Digest != nil {
			t.Errorf("stale: %+v", o)
		}
	case c.err != nil:
		c.checkError(t, o.Err)
	case o.Err != nil || !bytes.Equal(o.Digest, digest[:]) || o.Total != int64(len(c.content)):
		t.Errorf("%+v, not %x", o, digest)
	}
}

// checkMissing compares why a set declined a file with what a tree would return. It need not know why.
func checkMissing(t *testing.T, c ruleCase, missing error) {
	t.Helper()
	plain := c.what == "missing" || runtime.GOOS == "linux" && c.what == "missing folder"
	if missing == nil && plain || missing != nil && !(errors.Is(c.err, fs.ErrNotExist) && safefs.IsMissing(missing)) {
		t.Errorf("missing: %v, not %v", missing, c.err)
	}
}

// fileSet returns a file set, or skips the test where there is none.
func fileSet(t *testing.T) *safefs.FileSet {
	t.Helper()
	return newFileSet(t, hasher(t))
}

func newFileSet(t *testing.T, h safefs.Hasher) *safefs.FileSet {
	t.Helper()
	s, err := safefs.NewFileSet(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Free)
	return s
}

// hasher returns the kernels, or skips the test where there are none.
func hasher(t *testing.T) safefs.Hasher {
	t.Helper()
	h, err := multibuffer.NewHasher()
	if err != nil {
		t.Skip(err)
	}
	return safefs.Hasher(h)
}
