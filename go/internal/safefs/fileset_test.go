//go:build cgo && (amd64 || arm64) && (linux || darwin)

package safefs_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

var reference = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New,
	"sha384": sha512.New384, "sha512": sha512.New,
}

func expected(a *multibuffer.Algorithm, content []byte) []byte {
	h := reference[a.Name]()
	h.Write(content)
	return h.Sum(nil)
}

func random(seed byte, size int) []byte {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(content)
	return content
}

// openFolder is a folder that is open in two ways.
type openFolder struct {
	*os.File
	start *safefs.Folder
}

// folder writes files and returns their folder, opened.
func folder(t *testing.T, files map[string][]byte) openFolder {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), string(content))
	}
	opened, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	start := tree(t, dir, false).Folder()
	t.Cleanup(func() {
		opened.Close()
		start.Release()
	})
	return openFolder{opened, start}
}

// at is a file in a folder, of any size.
func at(dir openFolder, name string) *safefs.Opening {
	return &safefs.Opening{Folder: dir.start, Name: name, Size: -1}
}

// eachChoice runs f with every set of CPU features that can be enabled here.
func eachChoice(t *testing.T, f func(*testing.T, safefs.Hasher)) {
	h := hasher(t)
	always := h.Features & -h.Features // SSE2 or NEON
	for features := h.Features; features != 0; features = (features - 1) & h.Features {
		if features&always != 0 {
			h := h
			h.Features = features
			t.Run(fmt.Sprintf("%b", features), func(t *testing.T) { f(t, h) })
		}
	}
}

// outcomes opens names beneath dir and hashes them, so many at once, and returns each file's outcome.
func outcomes(t *testing.T, s *safefs.FileSet, a *multibuffer.Algorithm, dir openFolder, names []string, atOnce int) map[string]safefs.Outcome {
	t.Helper()
	found := map[string]safefs.Outcome{}
	var opened [safefs.MaxFiles]string
	var stop atomic.Uint32
	for next := 0; len(found) < len(names); s.Step(&stop) {
		for i := range atOnce {
			if s.Phase(i) >= safefs.PhaseDone {
				o := s.Take(i, nil)
				if o.Phase == safefs.PhaseDeclined && errors.Is(o.Err, syscall.ENOSYS) {
					adopt(t, s, i, a, filepath.Join(dir.Name(), opened[i]))
				} else {
					found[opened[i]] = o
				}
			}
			if s.Phase(i) == safefs.PhaseIdle && next < len(names) {
				opened[i] = names[next]
				give(t, s, i, a, dir, names[next])
				next++
			}
		}
	}
	return found
}

// adopt gives an open file to the set, as is done where the system cannot open files beneath a folder.
func adopt(t *testing.T, s *safefs.FileSet, i int, a *multibuffer.Algorithm, path string) {
	t.Helper()
	f, err := safefs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Adopt(i, a, f) {
		t.Fatalf("%s was not adopted", path)
	}
}

// give has the set open a file, or adopt it.
func give(t *testing.T, s *safefs.FileSet, i int, a *multibuffer.Algorithm, dir openFolder, name string) {
	t.Helper()
	if !s.Open(i, a, at(dir, name)) {
		adopt(t, s, i, a, filepath.Join(dir.Name(), name))
	}
}

// needsOpen skips a test where a set opens no files itself.
func needsOpen(t *testing.T) {
	t.Helper()
	if !safefs.FileSetThreads {
		t.Skip("the set adopts files that are open")
	}
}

// opens reports whether a file set opens a file.
func opens(t *testing.T, dir openFolder, name string) bool {
	t.Helper()
	s := fileSet(t)
	opened := s.Open(0, multibuffer.ByName("md5"), at(dir, name))
	if opened != (s.Phase(0) == safefs.PhaseReading) {
		t.Fatalf("%q: opened is %t, its phase %d", name, opened, s.Phase(0))
	}
	return opened
}

// ragged returns contents of random lengths, some of them short and some of whole blocks.
func ragged(count, longest int) [][]byte {
	numbers := rand.New(rand.NewPCG(9, 5))
	data := random(9, longest)
	contents := make([][]byte, count)
	for i := range contents {
		length := numbers.IntN(longest)
		switch numbers.IntN(4) {
		case 0:
			length = numbers.IntN(130)
		case 1:
			length -= length % 64
		}
		contents[i] = data[longest-length:]
	}
	return contents
}

func TestFileSetHashes(t *testing.T) {
	files := map[string][]byte{}
	var names []string
	for i, message := range ragged(100, 150_000) {
		name := fmt.Sprintf("%d/file %d", i%3, i)
		files[name], names = message, append(names, name)
	}
	dir := folder(t, files)
	digests := map[string][]byte{}
	for _, a := range multibuffer.Algorithms {
		for name, content := range files {
			digests[a.Name+name] = expected(a, content)
		}
	}
	eachChoice(t, func(t *testing.T, h safefs.Hasher) {
		for _, threads := range []int{0, 1, 20} {
			s := newFileSet(t, h)
			s.SetDepth(threads, true)
			for _, a := range multibuffer.Algorithms {
				for _, atOnce := range []int{1, 3, 13, safefs.MaxFiles} {
					for name, o := range outcomes(t, s, a, dir, names, atOnce) {
						size := int64(len(files[name]))
						if want := digests[a.Name+name]; o.Phase != safefs.PhaseDone || !bytes.Equal(o.Digest, want) || o.Err != nil || o.Total != size {
							t.Fatalf("%s of %s with %d at once: %+v, not %x of %d bytes", a.Name, name, atOnce, o, want, size)
						}
					}
				}
			}
		}
	})
}

// Files of one set may have different algorithms.
func TestFileSetOfSeveralAlgorithms(t *testing.T) {
	content := random(3, 100_000)
	dir := folder(t, map[string][]byte{"x": content})
	s := fileSet(t)
	var stop atomic.Uint32
	for i := range safefs.MaxFiles {
		give(t, s, i, multibuffer.Algorithms[i%len(multibuffer.Algorithms)], dir, "x")
	}
	for i := range safefs.MaxFiles {
		for s.Phase(i) < safefs.PhaseDone {
			s.Step(&stop)
		}
		a := multibuffer.Algorithms[i%len(multibuffer.Algorithms)]
		if o := s.Take(i, nil); o.Phase != safefs.PhaseDone || !bytes.Equal(o.Digest, expected(a, content)) {
			t.Errorf("%s: %+v", a.Name, o)
		}
	}
}

// A file set declines whatever may not be a regular file beneath the folder.
func TestFileSetDeclines(t *testing.T) {
	needsOpen(t)
	dir := folder(t, map[string][]byte{"below/file": []byte("x")})
	outside := folder(t, map[string][]byte{"secret": []byte("x")})
	path := func(name string) string { return filepath.Join(dir.Name(), name) }
	for _, err := range []error{
		syscall.Mkfifo(path("pipe"), 0o600),
		os.Symlink("below/file", path("link")),
		os.Symlink(outside.Name(), path("out")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"", "below/file\x00", strings.Repeat("/", 4092) + "file", ".", "..", "/", "below", "below/", "below/.", "below/..", "absent", "absent/file", "below/file/x", "pipe", "link",
		"out/secret", "../" + filepath.Base(outside.Name()) + "/secret", outside.Name() + "/secret", "/dev/null", path("below/file"),
	} {
		if opens(t, dir, name) {
			t.Errorf("%q was opened", name)
		}
	}
	if runtime.GOOS == "linux" && !opens(t, dir, "below/../below/file") {
		t.Error("below/../below/file was not opened")
	}
}

// A writer that waits for a reader of its FIFO keeps waiting.
func TestFileSetLeavesFIFOsAlone(t *testing.T) {
	needsOpen(t)
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
			t.Fatal("the FIFO was opened")
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-opened:
		t.Fatalf("the writer went on: %v", err)
	default:
	}
	f, err := os.Open(pipe) // lets the writer go on
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
}

// The file changes after its first megabytes were read.
func TestFileSetSeesChanges(t *testing.T) {
	const size = 20 << 20
	for name, c := range map[string]struct {
		change func(string) error
		want   safefs.Phase
	}{
		"shorter": {func(path string) error { return os.Truncate(path, size-1) }, safefs.PhaseEnded},
		"longer":  {func(path string) error { return os.Truncate(path, size+1) }, safefs.PhaseGrew},
		"touched": {func(path string) error {
			before := time.Unix(1_000_000_000, 0)
			return os.Chtimes(path, before, before)
		}, safefs.PhaseChanged},
		"removed": {os.Remove, safefs.PhaseChanged}, // its status change time changes
	} {
		dir := folder(t, map[string][]byte{"x": make([]byte, size)})
		s := fileSet(t)
		var stop atomic.Uint32
		give(t, s, 0, multibuffer.ByName("sha1"), dir, "x")
		if n := s.Step(&stop); n == 0 || n >= size || s.Phase(0) != safefs.PhaseReading || s.Size(0) != size {
			t.Fatalf("%s: %d bytes in the first step", name, n)
		}
		if err := c.change(filepath.Join(dir.Name(), "x")); err != nil {
			t.Fatal(err)
		}
		for s.Phase(0) < safefs.PhaseDone {
			s.Step(&stop)
		}
		if o := s.Take(0, nil); safefs.FileSetThreads && o.Phase != c.want || o.Digest != nil || !errors.Is(o.Err, safefs.ErrChanged) {
			t.Errorf("%s: %+v, not phase %d", name, o, c.want)
		}
	}
}

// A small file must match the snapshot taken before it was opened.
func TestSnapshot(t *testing.T) {
	needsOpen(t)
	prober, err := safefs.NewProber()
	if err != nil {
		t.Fatal(err)
	}
	defer prober.Free()
	for what, c := range map[string]struct {
		change func(path string) error
		want   safefs.Phase
	}{
		"as it was":  {func(string) error { return nil }, safefs.PhaseDone},
		"longer":     {func(path string) error { return os.Truncate(path, 4) }, safefs.PhaseStale},
		"shorter":    {func(path string) error { return os.Truncate(path, 2) }, safefs.PhaseStale},
		"other mode": {func(path string) error { return os.Chmod(path, 0o400) }, safefs.PhaseStale},
		"another": {func(path string) error {
			return errors.Join(os.WriteFile(path+"2", []byte("abc"), 0o600), os.Rename(path+"2", path))
		}, safefs.PhaseStale},
	} {
		dir := folder(t, map[string][]byte{"x": []byte("abc")})
		s := fileSet(t)
		var snapshot safefs.Snapshot
		if !prober.Probe(dir.start, "x", &snapshot) || snapshot.Size() != 3 {
			t.Fatalf("%s: %d bytes", what, snapshot.Size())
		}
		prober.CloseFolder()
		if err := c.change(filepath.Join(dir.Name(), "x")); err != nil {
			t.Fatal(err)
		}
		if !s.Open(0, multibuffer.ByName("md5"), &safefs.Opening{Folder: dir.start, Name: "x", Snapshot: &snapshot, Size: -1}) {
			t.Fatalf("%s: not opened", what)
		}
		var stop atomic.Uint32
		for s.Phase(0) < safefs.PhaseDone {
			s.Step(&stop)
		}
		// After a long pause the snapshot is too old: the file is looked at again, and is good.
		if phase := s.Phase(0); phase != c.want && phase != safefs.PhaseDone {
			t.Errorf("%s: %+v", what, s.Take(0, nil))
		}
		s.Drop(0)
	}
	for _, name := range []string{"", "absent", ".", "x\x00"} {
		if prober.Probe(folder(t, map[string][]byte{"x": nil}).start, name, new(safefs.Snapshot)) {
			t.Errorf("%q: there is a snapshot", name)
		}
	}
}

func TestFileSetAdopts(t *testing.T) {
	content := random(2, 300_000)
	dir := folder(t, map[string][]byte{"x": content})
	s := fileSet(t)
	var stop atomic.Uint32
	adopt(t, s, 5, multibuffer.ByName("sha512"), filepath.Join(dir.Name(), "x"))
	for s.Phase(5) < safefs.PhaseDone {
		s.Step(&stop)
	}
	if o := s.Take(5, nil); !bytes.Equal(o.Digest, expected(multibuffer.ByName("sha512"), content)) {
		t.Errorf("%+v", o)
	}
}

// A dropped file is closed, and its number can be used again.
func TestFileSetDrops(t *testing.T) {
	dir := folder(t, map[string][]byte{"long": make([]byte, 300_000), "x": []byte("abc")})
	s := fileSet(t)
	before := descriptors(t)
	var stop atomic.Uint32
	if give(t, s, 0, multibuffer.ByName("md5"), dir, "long"); s.Size(0) != 300_000 {
		t.Fatalf("%d bytes", s.Size(0))
	}
	s.Drop(0)
	if after := descriptors(t); !slices.Equal(after, before) || s.Phase(0) != safefs.PhaseIdle {
		t.Errorf("%v after it, %v before", after, before)
	}
	if give(t, s, 0, multibuffer.ByName("md5"), dir, "x"); s.Size(0) != 3 {
		t.Fatalf("%d bytes", s.Size(0))
	}
	s.Step(&stop)
	if o := s.Take(0, nil); !bytes.Equal(o.Digest, expected(multibuffer.ByName("md5"), []byte("abc"))) {
		t.Errorf("%+v", o)
	}
}

// A set goes deep at most for as long as the storage is slow: what is in memory needs no threads.
func TestFileSetStaysShallow(t *testing.T) {
	needsOpen(t)
	files := map[string][]byte{}
	var names []string
	for i := range 600 {
		name := fmt.Sprint(i)
		files[name], names = random(4, 1000+i), append(names, name)
	}
	dir := folder(t, files)
	s := fileSet(t)
	s.SetDepth(8, false)
	s.GoDeep()
	if !s.IsDeep() {
		t.Fatal("it did not go deep")
	}
	a := multibuffer.ByName("sha256")
	for try := 0; s.IsDeep(); try++ {
		if try == 100 {
			t.Fatal("it stays deep")
		}
		for name, o := range outcomes(t, s, a, dir, names, safefs.MaxFiles) {
			if !bytes.Equal(o.Digest, expected(a, files[name])) {
				t.Fatalf("%s: %+v", name, o)
			}
		}
	}
}

// That others have the CPU while it reads does not count as slow storage for a file set.
func TestBusyCPUsAreNotSlowStorage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not count how often a thread waits")
	}
	needsOpen(t)
	files := map[string][]byte{}
	for i := range byte(32) {
		files[fmt.Sprint(i)] = random(i, 16<<10)
	}
	dir := folder(t, files)
	names := slices.Sorted(maps.Keys(files))
	wants := func(most time.Duration) bool {
		s := fileSet(t)
		for start := time.Now(); ; {
			outcomes(t, s, multibuffer.ByName("md5"), dir, names, 16)
			if s.WantsThreads() || time.Since(start) >= most {
				return s.WantsThreads()
			}
		}
	}
	wants(0) // the first reading may wait to note its time

	for range runtime.NumCPU() {
		other := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Wait() }) // it ended with the context
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 3 { // the system may make it wait, but hardly ever
		if !wants(2 * time.Second) {
			return
		}
	}
	t.Error("threads are to read, although all is in memory")
}

// A file of another size than expected is declined, open or not.
func TestFileSetDeclinesOtherSizes(t *testing.T) {
	needsOpen(t)
	dir := folder(t, map[string][]byte{"x": []byte("abc"), "long": random(1, 300_000)})
	before := descriptors(t)
	for _, threads := range []int{0, 2} {
		for name, size := range map[string]int64{"x": 3, "long": 300_000} {
			for _, expected := range []int64{-1, 0, size - 1, size, size + 1} {
				s, err := safefs.NewFileSet(hasher(t))
				if err != nil {
					t.Fatal(err)
				}
				s.SetDepth(threads, true)
				opened := s.Open(0, multibuffer.ByName("md5"), &safefs.Opening{Folder: dir.start, Name: name, Size: expected})
				var stop atomic.Uint32
				for opened && s.Phase(0) < safefs.PhaseDone {
					s.Step(&stop)
				}
				phase := s.Phase(0)
				if !opened && phase != safefs.PhaseIdle {
					t.Errorf("not opened: phase %d", phase)
				}
				if is := opened && phase == safefs.PhaseDone; is != (expected < 0 || expected == size) {
					t.Errorf("%s of %d bytes with %d threads, where %d are expected: phase %d", name, size, threads, expected, phase)
				}
				s.Free()
			}
		}
	}
	if after := descriptors(t); !slices.Equal(after, before) {
		t.Errorf("%v after it, %v before", after, before)
	}
}

// A stopped step reads nothing, and the next one continues.
// A folder is kept open for a moment only: then its name counts again.
func TestFileSetSeesANewFolder(t *testing.T) {
	needsOpen(t)
	a := multibuffer.ByName("sha256")
	for _, threads := range []int{0, 2} {
		dir := folder(t, map[string][]byte{"d/x": []byte("old"), "new/x": []byte("new")})
		s := fileSet(t)
		s.SetDepth(threads, true)
		outcomes(t, s, a, dir, []string{"d/x"}, 1)
		for _, step := range [][2]string{{"d", "old"}, {"new", "d"}} {
			if err := os.Rename(filepath.Join(dir.Name(), step[0]), filepath.Join(dir.Name(), step[1])); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(200 * time.Millisecond)
		if o := outcomes(t, s, a, dir, []string{"d/x"}, 1)["d/x"]; !bytes.Equal(o.Digest, expected(a, []byte("new"))) {
			t.Errorf("with %d threads: %+v", threads, o)
		}
	}
}

func TestFileSetStops(t *testing.T) {
	content := random(2, 300_000)
	dir := folder(t, map[string][]byte{"x": content})
	s := fileSet(t)
	var stop atomic.Uint32
	give(t, s, 0, multibuffer.ByName("md5"), dir, "x")
	stop.Store(1)
	if n := s.Step(&stop); n != 0 || s.Phase(0) >= safefs.PhaseDone {
		t.Errorf("%d bytes, phase %d", n, s.Phase(0))
	}
	stop.Store(0)
	for s.Phase(0) < safefs.PhaseDone {
		s.Step(&stop)
	}
	if o := s.Take(0, nil); !bytes.Equal(o.Digest, expected(multibuffer.ByName("md5"), content)) {
		t.Errorf("%+v", o)
	}
}

// Freeing a set closes everything, whatever the outcomes.
func TestFileSetFreeClosesAll(t *testing.T) {
	dir := folder(t, map[string][]byte{"x": make([]byte, 20<<20), "a/b": nil})
	h := hasher(t)
	for i := range 6 {
		before := descriptors(t)
		s, err := safefs.NewFileSet(h)
		if err != nil {
			t.Fatal(err)
		}
		s.SetDepth(i%3*10, true)
		var stop atomic.Uint32
		for i := range safefs.MaxFiles {
			if name := []string{"x", "a/b", "a", "absent"}[i%4]; i%4 < 2 {
				give(t, s, i, multibuffer.ByName("md5"), dir, name)
			} else {
				s.Open(i, multibuffer.ByName("md5"), at(dir, name))
			}
		}
		s.Step(&stop)
		if during := descriptors(t); len(during) <= len(before) {
			t.Errorf("%v during the run, %v before", during, before)
		}
		s.Free()
		if after := descriptors(t); !slices.Equal(after, before) {
			t.Errorf("%v after it, %v before", after, before)
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
