package safefs_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"checksig/internal/safefs"
)

// walked returns the names that a walk of dir visits; those of folders end in "/".
func walked(t testing.TB, dir string, visit func(string, fs.DirEntry) error) ([]string, error) {
	t.Helper()
	tree, err := safefs.OpenTree(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	var names []string
	err = tree.Walk(t.Context(), func(name string, entry fs.DirEntry) error {
		if entry.Name() != name[strings.LastIndexByte(name, '/')+1:] {
			t.Errorf("%q is called %q", name, entry.Name())
		}
		info, err := entry.Info()
		if err != nil || info.Mode().Type() != entry.Type() || info.IsDir() != entry.IsDir() {
			t.Errorf("%q is %v: %v, %v", name, entry, info, err)
		}
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, name)
		if visit != nil {
			return visit(name, entry)
		}
		return nil
	})
	return names, err
}

func plant(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWalkVisitsAllInBytewiseOrder(t *testing.T) {
	dir := t.TempDir()
	want := []string{"A", "a!", "a-/", "a-/x", "a-b", "a.b", "a/", "a/a", "a/b/", "a/b/c", "a0", "aa", "empty/", "z"}
	plant(t, dir, want...)
	got, err := walked(t, dir, nil)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
	files := slices.DeleteFunc(got, func(name string) bool { return strings.HasSuffix(name, "/") })
	if !slices.IsSorted(files) {
		t.Errorf("the files are not sorted: %q", files)
	}
}

func TestWalkOfLargeFolders(t *testing.T) {
	dir := t.TempDir()
	const many = 3000
	for i := range many {
		plant(t, dir, strings.Repeat("f", i%50+1)+string(rune('a'+i%26))+strings.Repeat("g", i/50))
	}
	got, err := walked(t, dir, nil)
	if err != nil || len(got) != many || !slices.IsSorted(got) {
		t.Errorf("%d names, %v", len(got), err)
	}
}

func TestWalkDoesNotFollowLinks(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "sub/file")
	for name, target := range map[string]string{"loop": ".", "sub/up": "..", "link": "sub", "dangling": "none"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	got, err := walked(t, dir, nil)
	want := []string{"dangling", "link", "loop", "sub/", "sub/file", "sub/up"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
}

func TestWalkSkips(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "a/x", "b/y", "c")
	stop := errors.New("stop")
	for answer, want := range map[error][]string{
		fs.SkipDir: {"a/", "b/", "b/y", "c"},
		fs.SkipAll: {"a/"},
		stop:       {"a/"},
	} {
		got, err := walked(t, dir, func(name string, _ fs.DirEntry) error {
			if name == "a/" {
				return answer
			}
			return nil
		})
		if !slices.Equal(got, want) || (answer == stop) != (err == stop) || answer != stop && err != nil {
			t.Errorf("%v: got %q, %v, want %q", answer, got, err, want)
		}
	}
}

func TestWalkOfAnUnreadableFolder(t *testing.T) {
	for answer, want := range map[error]string{nil: "a/,a/ unreadable", fs.SkipDir: "a/,a/ unreadable,b"} {
		dir := t.TempDir()
		plant(t, dir, "a/x", "b")
		tree, err := safefs.OpenTree(dir, false)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		var names []string
		err = tree.Walk(t.Context(), func(name string, entry fs.DirEntry) error {
			if u, ok := entry.(*safefs.UnreadableFolder); ok {
				names = append(names, name+"/ unreadable")
				if !errors.Is(u.Err, fs.ErrNotExist) {
					t.Errorf("the cause is %v", u.Err)
				}
				return answer
			}
			if entry.IsDir() { // gone by the time it is entered
				name += "/"
				if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			names = append(names, name)
			return nil
		})
		if strings.Join(names, ",") != want || (answer == nil) != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: got %q, %v, want %s", answer, names, err, want)
		}
	}
}

func TestWalkOfADeepTree(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	const depth = 300
	name := strings.Repeat(strings.Repeat("d", 30)+"/", depth)
	if err := root.MkdirAll(strings.TrimSuffix(name, "/"), 0o755); err != nil {
		t.Skip("no such depth here:", err)
	}
	if err := root.WriteFile(name+"file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := walked(t, dir, nil)
	if err != nil || len(got) != depth+1 || got[depth] != name+"file" {
		t.Errorf("%d names, %v", len(got), err)
	}
	if err := root.RemoveAll(strings.Repeat("d", 30)); err != nil {
		t.Error(err)
	}
}

func TestWalkEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "a", "b", "c")
	tree, err := safefs.OpenTree(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err = tree.Walk(ctx, func(string, fs.DirEntry) error {
		seen++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || seen != 1 {
		t.Errorf("%d names, %v", seen, err)
	}
}

// chain makes folders in each other, with names of so many bytes, and a file called "end" in the last one. Their
// paths may be longer than the system takes.
func chain(t testing.TB, dir string, levels, size int) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	for range levels {
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Repeat("n", size)
		if err := root.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		next, failed := root.OpenRoot(name)
		root.Close()
		root, err = next, failed
	}
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.WriteFile("end", nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDeepWalk measures the memory in the deepest folder: paths of the folders above it would take 6 MB.
func TestDeepWalk(t *testing.T) {
	dir := t.TempDir()
	chain(t, dir, 250, 200)
	tree, err := safefs.OpenTree(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	held := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, after, visited := held(), int64(0), 0
	err = tree.Walk(t.Context(), func(name string, entry fs.DirEntry) error {
		visited++
		if entry.Name() == "end" {
			after = held()
		}
		return nil
	})
	if err != nil || visited != 251 {
		t.Fatalf("%d visited, %v", visited, err)
	}
	if after-before > 2<<20 {
		t.Errorf("%d KB are held in the deepest folder", (after-before)>>10)
	}
}

// TestTooDeep searches folders down to a limit, and reports what lies below it.
func TestTooDeep(t *testing.T) {
	for _, shape := range []struct{ levels, size, want int }{{1010, 1, 1000}, {300, 250, 262}} {
		dir := t.TempDir()
		chain(t, dir, shape.levels, shape.size)
		tree, err := safefs.OpenTree(dir, false)
		if err != nil {
			t.Fatal(err)
		}
		visited, cause := 0, ""
		err = tree.Walk(t.Context(), func(_ string, entry fs.DirEntry) error {
			if unreadable, is := entry.(*safefs.UnreadableFolder); is {
				cause = unreadable.Err.Error()
				return fs.SkipDir
			}
			visited++
			return nil
		})
		tree.Close()
		if err != nil || visited != shape.want || !strings.HasPrefix(cause, "lies too deep: ") {
			t.Errorf("%d levels: %d visited, %q, %v", shape.levels, visited, cause, err)
		}
	}
}
