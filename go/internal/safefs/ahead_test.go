package safefs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testReaders are readers that find the storage slow, and have faults.
type testReaders struct {
	readers
	most   int                 // of the limit
	refuse func(*reading) bool // start fails
	hang   func(*reading) bool // the folder is never read
	fail   func(*reading) error
}

func (r *testReaders) limit() int { return min(r.most, r.readers.limit()) }

func (r *testReaders) start(f *reading) bool {
	if r.refuse != nil && r.refuse(f) {
		return false
	}
	return r.hang != nil && r.hang(f) || r.readers.start(f)
}

func (r *testReaders) fetch() *reading {
	f := r.readers.fetch()
	if f == nil {
		return nil
	}
	f.isBlocked = true
	if r.fail != nil && f.err == nil {
		if f.err = r.fail(f); f.err != nil {
			f.dir.close()
			f.dir = nil
		}
	}
	return f
}

// kindsOfReaders are those of this system, and those of systems without C.
var kindsOfReaders = map[string]func(context.Context, int) readers{"system": newReaders, "goroutines": newGoReaders}

// walkAhead walks as [Tree.WalkFrom] does, and reads ahead from the beginning on.
func walkAhead(ctx context.Context, t *Tree, start string, skips func(string) bool, visit Visit, r testReaders,
	newReaders func(context.Context, int) readers) error {
	w := newWalk(ctx, t, start, skips, visit)
	defer w.close()
	w.ahead.newReaders = func(ctx context.Context, limit int) readers {
		if r.readers = newReaders(ctx, limit); r.readers == nil {
			return nil
		}
		return &r
	}
	w.ahead.begin()
	return w.all(start)
}

// plantAtRandom makes about count files and folders.
func plantAtRandom(t testing.TB, dir string, random *rand.Rand, count int) {
	t.Helper()
	folders := []string{dir}
	for i := range count {
		above := folders[random.IntN(len(folders))]
		if random.IntN(3) == 0 {
			above = folders[len(folders)-1] // some are deep
		}
		path := filepath.Join(above, fmt.Sprintf("%c%d", "a-.zA"[random.IntN(5)], i))
		var err error
		switch random.IntN(5) {
		case 0, 1:
			err = os.Mkdir(path, 0o755)
			folders = append(folders, path)
		case 2:
			if os.Symlink("..", path) != nil {
				err = os.WriteFile(path, nil, 0o644)
			}
		default:
			err = os.WriteFile(path, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func openTestTree(t testing.TB, dir string) *Tree {
	t.Helper()
	tree, err := OpenTree(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

// openFiles returns how many descriptors are open, 0 where that is not known.
func openFiles(t testing.TB) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(names)
}

// TestReadingAheadChangesNothing compares what walks visit with and without it.
func TestReadingAheadChangesNothing(t *testing.T) {
	errStop := errors.New("stop")
	answers := map[string]func(name string) error{
		"all":   func(string) error { return nil },
		"skips": func(name string) error { return map[bool]error{true: fs.SkipDir}[len(name)%3 == 0] },
		"ends":  func(name string) error { return map[bool]error{true: fs.SkipAll}[strings.HasSuffix(name, "99")] },
		"fails": func(name string) error { return map[bool]error{true: errStop}[strings.HasSuffix(name, "77")] },
	}
	nth := func(n int) func(*reading) bool { // every n-th
		count := 0
		return func(*reading) bool { count++; return count%n == 0 }
	}
	failing := func(n int, err error) func(*reading) error {
		isFault := nth(n)
		return func(r *reading) error { return map[bool]error{true: err}[isFault(r)] }
	}
	faults := map[string]func() testReaders{
		"none":          func() testReaders { return testReaders{most: maxReaders} },
		"one reader":    func() testReaders { return testReaders{most: 1} },
		"few threads":   func() testReaders { return testReaders{most: 8, refuse: nth(5)} },
		"no threads":    func() testReaders { return testReaders{most: 8, refuse: nth(1)} },
		"few files":     func() testReaders { return testReaders{most: 8, fail: failing(3, syscall.EMFILE)} },
		"no files":      func() testReaders { return testReaders{most: 8, fail: failing(1, syscall.ENFILE)} },
		"input, output": func() testReaders { return testReaders{most: 8, fail: failing(2, syscall.EIO)} },
	}
	for seed := range uint64(3) {
		dir := t.TempDir()
		plantAtRandom(t, dir, rand.New(rand.NewPCG(seed, 0)), 500)
		tree := openTestTree(t, dir)
		starts := []string{"."}
		entries, err := tree.List(t.Context(), ".")
		for _, e := range entries {
			if e.IsDir() {
				starts = append(starts, e.Name())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, start := range starts[:min(len(starts), 4)] {
			for answer, of := range answers {
				visited := func(walk func(Visit) error) (names []string, err error) {
					err = walk(func(name string, entry fs.DirEntry) error {
						names = append(names, fmt.Sprint(name, " ", entry))
						if !entry.IsDir() && of(name) == fs.SkipDir {
							return nil
						}
						return of(name)
					})
					return names, err
				}
				want, wantErr := visited(func(v Visit) error { return tree.WalkFrom(t.Context(), start, nil, v) })
				for kind, newReaders := range kindsOfReaders {
					for fault, readers := range faults {
						for _, skips := range []func(string) bool{nil, func(name string) bool { return of(name) != nil }} {
							before := openFiles(t)
							got, err := visited(func(v Visit) error {
								return walkAhead(t.Context(), tree, start, skips, v, readers(), newReaders)
							})
							if !slices.Equal(got, want) || err != wantErr {
								t.Fatalf("%s, %s, %s, seed %d, from %s: got %q, %v\nwant %q, %v",
									kind, answer, fault, seed, start, got, err, want, wantErr)
							}
							for openFiles(t) > before { // those of the last readers are closed by these
								time.Sleep(time.Millisecond)
							}
						}
					}
				}
			}
		}
	}
}

// TestReadingAheadIsBounded has few folders wait in a wide tree, and few bytes of their names.
func TestReadingAheadIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 400 {
		name := filepath.Join(dir, fmt.Sprintf("%03d", i))
		if err := os.MkdirAll(filepath.Join(name, "a", "b"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5000 { // more than are read ahead
		path := filepath.Join(dir, "300", fmt.Sprintf("%04d%s", i, strings.Repeat("n", 50)))
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree := openTestTree(t, dir)
	for kind, newReaders := range kindsOfReaders {
		const limit = 4
		count, before := 0, openFiles(t)
		var w *walk
		w = newWalk(t.Context(), tree, ".", nil, func(name string, _ fs.DirEntry) error {
			count++
			if w.ahead.waiting > maxWaiting*limit || len(w.ahead.inFlight) > limit || w.ahead.held > limit*maxAhead {
				t.Errorf("%s: %d waiting, %d in flight, %d bytes", kind, w.ahead.waiting, len(w.ahead.inFlight), w.ahead.held)
			}
			if open := openFiles(t) - before; open > 64 {
				t.Errorf("%s: %d folders are open", kind, open)
			}
			return nil
		})
		w.ahead.newReaders = func(ctx context.Context, most int) readers {
			return &testReaders{readers: newReaders(ctx, most), most: limit}
		}
		w.ahead.begin()
		err := w.all(".")
		if a := &w.ahead; a.waiting != 0 || a.held != 0 || a.dirs != 0 || len(a.inFlight) != 0 || a.first != nil || a.last != nil {
			t.Errorf("%s: at the end, %d wait, %d bytes are held, %d are open", kind, a.waiting, a.held, a.dirs)
		}
		w.close()
		if err != nil || count != 3*400+5000 {
			t.Errorf("%s: %d visited, %v", kind, count, err)
		}
	}
}

// TestReadingAheadEndsWithItsContext waits for a folder that is never read.
func TestReadingAheadEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tree := openTestTree(t, dir)
	for kind, newReaders := range kindsOfReaders {
		ctx, cancel := context.WithCancel(t.Context())
		hanging := testReaders{most: 8, hang: func(r *reading) bool {
			if r.name == "b" {
				time.AfterFunc(time.Millisecond, cancel)
			}
			return r.name == "b"
		}}
		var names []string
		err := walkAhead(ctx, tree, ".", nil, func(name string, entry fs.DirEntry) error {
			names = append(names, name)
			return nil
		}, hanging, newReaders)
		cancel()
		if !errors.Is(err, context.Canceled) || slices.Contains(names, "c") {
			t.Errorf("%s: visited %q, %v", kind, names, err)
		}
	}
}

// TestReadingAheadFollowsTheStorage begins when folders are slow, and ends when they are not.
func TestReadingAheadFollowsTheStorage(t *testing.T) {
	a := newAhead(t.Context(), nil, "")
	defer func() { a.free() }()
	for range 1000 {
		a.observe(20*time.Microsecond, 10)
	}
	for range 100 { // interrupted once in a while
		a.observe(3*time.Millisecond, 10)
		for range slowPoints {
			a.observe(20*time.Microsecond, 10)
		}
	}
	a.observe(30*time.Millisecond, 100_000)
	if a.depth != 0 {
		t.Fatal("it began although the storage is fast")
	}
	a.observe(time.Millisecond, 10)
	a.observe(time.Millisecond, 10)
	if a.depth == 0 {
		t.Fatal("it did not begin although the storage is slow")
	}
	for range 100 {
		a.adjust(true)
		a.adjust(false)
	}
	if a.depth == 0 {
		t.Fatal("it ended although the storage is slow")
	}
	for range 100 {
		a.adjust(false)
	}
	if a.depth != 0 {
		t.Fatal("it did not end although the storage is fast")
	}
}
