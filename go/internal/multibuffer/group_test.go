//go:build cgo && (amd64 || arm64) && (linux || darwin)

package multibuffer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// folder writes files and returns their folder, opened.
func folder(t *testing.T, files map[string][]byte) *os.File {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opened, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func group(t *testing.T) *Group {
	t.Helper()
	g, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Free)
	return g
}

// verdicts opens names below dir and hashes them, lanes at once, and returns what became of each.
func verdicts(t *testing.T, g *Group, a *Algorithm, dir *os.File, names []string, lanes int) map[string]Outcome {
	t.Helper()
	found := map[string]Outcome{}
	var inLane [Max]string
	var stop atomic.Uint32
	for next := 0; len(found) < len(names); g.Step(&stop) {
		for lane := range lanes {
			if g.Phase(lane) >= Done {
				found[inLane[lane]] = g.Take(lane, a, nil)
			}
			if g.Phase(lane) == Idle && next < len(names) {
				inLane[lane] = names[next]
				if !g.Open(lane, a, dir.Fd(), names[next], new(Seen)) {
					adopt(t, g, lane, a, filepath.Join(dir.Name(), names[next]))
				}
				next++
			}
		}
	}
	return found
}

// adopt gives a file to a lane as is done where the system cannot confine names to a folder.
func adopt(t *testing.T, g *Group, lane int, a *Algorithm, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !g.Adopt(lane, a, f.Fd()) {
		t.Fatalf("%s is not taken", path)
	}
}

// opens reports whether a file is opened.
func opens(t *testing.T, dir *os.File, name string) bool {
	t.Helper()
	g := group(t)
	opened := g.Open(0, ByName("md5"), dir.Fd(), name, new(Seen))
	if opened != (g.Phase(0) == reading) {
		t.Fatalf("%q: opened is %t, its phase %d", name, opened, g.Phase(0))
	}
	return opened
}

func TestFilesTogether(t *testing.T) {
	files := map[string][]byte{}
	var names []string
	for i, message := range ragged(9, 100, 150_000) {
		name := fmt.Sprintf("%d/file %d", i%3, i)
		files[name], names = message, append(names, name)
	}
	dir := folder(t, files)
	digests := map[string][]byte{}
	for _, a := range Algorithms {
		for name, content := range files {
			digests[a.Name+name] = expected(a, content)
		}
	}
	eachChoice(t, func(t *testing.T) {
		g := group(t)
		for _, a := range Algorithms {
			for _, lanes := range []int{1, 3, 13, Max} {
				for name, o := range verdicts(t, g, a, dir, names, lanes) {
					size := int64(len(files[name]))
					if want := digests[a.Name+name]; o.Phase != Done || !bytes.Equal(o.Digest, want) || o.Total != size || o.Size != size {
						t.Fatalf("%s of %s with %d lanes: %+v, not %x of %d bytes", a.Name, name, lanes, o, want, size)
					}
				}
			}
		}
	})
}

// Files of several algorithms may be in one group.
func TestAlgorithmsTogether(t *testing.T) {
	content := random(3, 100_000)
	dir := folder(t, map[string][]byte{"x": content})
	g := group(t)
	var stop atomic.Uint32
	for lane := range Max {
		g.Open(lane, Algorithms[lane%len(Algorithms)], dir.Fd(), "x", new(Seen))
	}
	for lane := range Max {
		for g.Phase(lane) < Done {
			g.Step(&stop)
		}
		a := Algorithms[lane%len(Algorithms)]
		if o := g.Take(lane, a, nil); o.Phase != Done || !bytes.Equal(o.Digest, expected(a, content)) {
			t.Errorf("%s: %+v", a.Name, o)
		}
	}
}

// What is not surely a regular file below the folder is left to others.
func TestUnopened(t *testing.T) {
	dir := folder(t, map[string][]byte{"below/file": []byte("x")})
	outside := folder(t, map[string][]byte{"secret": []byte("x")})
	below := func(name string) string { return filepath.Join(dir.Name(), name) }
	for _, err := range []error{
		syscall.Mkfifo(below("pipe"), 0o600),
		os.Symlink("below/file", below("link")),
		os.Symlink(outside.Name(), below("out")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"", "below/file\x00", strings.Repeat("/", 4092) + "file", ".", "..", "/", "below", "below/", "below/.", "below/..", "absent", "absent/file", "below/file/x", "pipe", "link",
		"out/secret", "../" + filepath.Base(outside.Name()) + "/secret", outside.Name() + "/secret", "/dev/null", below("below/file"),
	} {
		if opens(t, dir, name) {
			t.Errorf("%q was opened", name)
		}
	}
	if runtime.GOOS == "linux" && !opens(t, dir, "below/../below/file") {
		t.Error("below/../below/file was not opened")
	}
}

// A writer that waits for a reader of its FIFO is not let go on.
func TestPipeIsNotOpened(t *testing.T) {
	dir := folder(t, nil)
	pipe := filepath.Join(dir.Name(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error)
	go func() {
		f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		opened <- err
	}()
	for range 100 {
		if opens(t, dir, "pipe") {
			t.Fatal("it was opened")
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-opened:
		t.Fatalf("the writer went on: %v", err)
	default:
	}
	f, err := os.Open(pipe) // now it may
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
}

// A file of which the first megabytes were read is changed.
func TestChangedMeanwhile(t *testing.T) {
	const size = 20 << 20
	path := func(dir *os.File) string { return filepath.Join(dir.Name(), "x") }
	for want, change := range map[Phase]func(string) error{
		Ended: func(path string) error { return os.Truncate(path, size-1) },
		Grew:  func(path string) error { return os.Truncate(path, size+1) },
		Changed: func(path string) error {
			before := time.Unix(1_000_000_000, 0)
			return os.Chtimes(path, before, before)
		},
		Done: os.Remove, // what is open stays
	} {
		dir := folder(t, map[string][]byte{"x": make([]byte, size)})
		g := group(t)
		var stop atomic.Uint32
		g.Open(0, ByName("sha1"), dir.Fd(), "x", new(Seen))
		if n := g.Step(&stop); n == 0 || n >= size || g.Phase(0) != reading {
			t.Fatalf("%d bytes in the first step", n)
		}
		if err := change(path(dir)); err != nil {
			t.Fatal(err)
		}
		if want == Done { // its status change time is another now
			want = Changed
		}
		for g.Phase(0) < Done {
			g.Step(&stop)
		}
		if o := g.Take(0, ByName("sha1"), nil); o.Phase != want || o.Digest != nil || o.Size != size {
			t.Errorf("%+v, not %d", o, want)
		}
	}
}

// What was seen of a file before its opening has to be what it is at its end.
func TestSeen(t *testing.T) {
	scout, err := NewScout()
	if err != nil {
		t.Fatal(err)
	}
	defer scout.Free()
	for what, c := range map[string]struct {
		change func(path string) error
		want   Phase
	}{
		"as it was":  {func(string) error { return nil }, Done},
		"longer":     {func(path string) error { return os.Truncate(path, 4) }, Stale},
		"shorter":    {func(path string) error { return os.Truncate(path, 2) }, Stale},
		"other mode": {func(path string) error { return os.Chmod(path, 0o400) }, Stale},
		"another": {func(path string) error {
			return errors.Join(os.WriteFile(path+"2", []byte("abc"), 0o600), os.Rename(path+"2", path))
		}, Stale},
	} {
		dir := folder(t, map[string][]byte{"x": []byte("abc")})
		g := group(t)
		var seen Seen
		if !scout.Look(dir.Fd(), "x", &seen) || seen.Size() != 3 {
			t.Fatalf("%s: %d bytes", what, seen.Size())
		}
		scout.Leave()
		if err := c.change(filepath.Join(dir.Name(), "x")); err != nil {
			t.Fatal(err)
		}
		if !g.Open(0, ByName("md5"), dir.Fd(), "x", &seen) {
			t.Fatalf("%s: not opened", what)
		}
		var stop atomic.Uint32
		for g.Phase(0) < Done {
			g.Step(&stop)
		}
		// Behind a long pause the file is looked at anew, and is what it is.
		if phase := g.Phase(0); phase != c.want && phase != Done {
			t.Errorf("%s: %+v", what, g.Take(0, ByName("md5"), nil))
		}
		g.Drop(0)
	}
	for _, name := range []string{"", "absent", ".", "x\x00"} {
		if scout.Look(folder(t, map[string][]byte{"x": nil}).Fd(), name, new(Seen)) {
			t.Errorf("%q is seen", name)
		}
	}
}

func TestAdopt(t *testing.T) {
	content := random(2, 300_000)
	dir := folder(t, map[string][]byte{"x": content})
	g := group(t)
	var stop atomic.Uint32
	f, err := os.Open(filepath.Join(dir.Name(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	if !g.Adopt(5, ByName("sha512"), f.Fd()) {
		t.Fatal("it is not taken")
	}
	if g.Adopt(6, ByName("sha512"), dir.Fd()) {
		t.Error("a folder is taken")
	}
	f.Close()
	for g.Phase(5) < Done {
		g.Step(&stop)
	}
	if o := g.Take(5, ByName("sha512"), nil); !bytes.Equal(o.Digest, expected(ByName("sha512"), content)) {
		t.Errorf("%+v", o)
	}
}

// A file that is dropped is closed, and its lane takes another.
func TestDrop(t *testing.T) {
	dir := folder(t, map[string][]byte{"long": make([]byte, 300_000), "x": []byte("abc")})
	g := group(t)
	before := descriptors(t)
	var stop atomic.Uint32
	if !g.Open(0, ByName("md5"), dir.Fd(), "long", new(Seen)) || g.Size(0) != 300_000 {
		t.Fatalf("%d bytes", g.Size(0))
	}
	g.Drop(0)
	if after := descriptors(t); !slices.Equal(after, before) || g.Phase(0) != Idle {
		t.Errorf("%v behind it, %v before", after, before)
	}
	if !g.Open(0, ByName("md5"), dir.Fd(), "x", new(Seen)) || g.Size(0) != 3 {
		t.Fatalf("%d bytes", g.Size(0))
	}
	g.Step(&stop)
	if o := g.Take(0, ByName("md5"), nil); !bytes.Equal(o.Digest, expected(ByName("md5"), []byte("abc"))) {
		t.Errorf("%+v", o)
	}
}

// A step that is to stop reads nothing, and goes on later as if nothing had been.
func TestStop(t *testing.T) {
	content := random(2, 300_000)
	dir := folder(t, map[string][]byte{"x": content})
	g := group(t)
	var stop atomic.Uint32
	g.Open(0, ByName("md5"), dir.Fd(), "x", new(Seen))
	stop.Store(1)
	if n := g.Step(&stop); n != 0 || g.Phase(0) >= Done {
		t.Errorf("%d bytes, phase %d", n, g.Phase(0))
	}
	stop.Store(0)
	for g.Phase(0) < Done {
		g.Step(&stop)
	}
	if o := g.Take(0, ByName("md5"), nil); !bytes.Equal(o.Digest, expected(ByName("md5"), content)) {
		t.Errorf("%+v", o)
	}
}

// Nothing stays open, whatever became of the files.
func TestNothingStaysOpen(t *testing.T) {
	dir := folder(t, map[string][]byte{"x": make([]byte, 20<<20), "a/b": nil})
	for range 3 {
		before := descriptors(t)
		g, err := New()
		if err != nil {
			t.Fatal(err)
		}
		var stop atomic.Uint32
		for lane := range Max {
			g.Open(lane, ByName("md5"), dir.Fd(), []string{"x", "a/b", "a", "absent"}[lane%4], new(Seen))
		}
		g.Step(&stop)
		if during := descriptors(t); len(during) <= len(before) {
			t.Errorf("%v during the run, %v before", during, before)
		}
		g.Free()
		if after := descriptors(t); !slices.Equal(after, before) {
			t.Errorf("%v behind it, %v before", after, before)
		}
	}
}

func descriptors(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("/dev/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}
