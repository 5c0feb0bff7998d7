package generate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"checksig/internal/generate"
	"checksig/internal/hashpool"
)

var changes = map[generate.Change]string{
	generate.Skipped: "skipped", generate.Added: "added", generate.Changed: "changed", generate.Removed: "removed",
	generate.StillMissing: "still missing", generate.Unread: "unread", generate.Suspect: "suspect", generate.Comment: "comment", generate.Renamed: "renamed",
}

// collector is a sink that keeps what it gets, as "change name".
type collector struct {
	mu   sync.Mutex
	got  []string
	sent []byte
}

func (c *collector) sink() generate.Sink {
	return generate.Sink{
		File: func(name string, change generate.Change) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.got = append(c.got, changes[change]+" "+name)
		},
		Data: func(data []byte) { c.sent = append(c.sent, data...) },
	}
}

// updated runs r and gives the manifest as it is then, and what was told.
func updated(t testing.TB, r generate.UpdateRequest) (string, []string, error) {
	t.Helper()
	var c collector
	_, err := generate.Update(t.Context(), r, c.sink(), &hashpool.Progress{})
	text, failed := os.ReadFile(r.Path)
	if failed != nil {
		t.Fatal(failed)
	}
	slices.Sort(c.got)
	noTrace(t, filepath.Dir(r.Path))
	return string(text), c.got, err
}

// aged makes a folder whose manifest is younger than its files, as far as the system's times of
// status change, which cannot be set, go.
func aged(t testing.TB, files map[string]string, manifest, text string) (dir, path string) {
	t.Helper()
	dir, _ = folder(t, files)
	manifestIn(t, dir, manifest, text)
	path = filepath.Join(dir, manifest)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	return dir, path
}

// future gives a file a time of modification after that of the manifest of aged.
func future(t testing.TB, path string) {
	t.Helper()
	later := time.Now().Add(2 * time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}

func TestUpdateReadsOnlyWhatMayHaveChanged(t *testing.T) {
	files := map[string]string{"same": "s", "touched": "t", "changed": "c", "sub/gone": "g", "old": "o"}
	before := "# a header\n\n# of two lines\n" + sha256Lines(files, "touched", "sub/gone", "changed", "same", "old") + "# after\n"
	dir, path := aged(t, files, "SHA256SUMS", before)
	manifestIn(t, dir, "changed", "another")
	manifestIn(t, dir, "new", "n")
	manifestIn(t, dir, "old", "rotten, which no time tells")
	future(t, filepath.Join(dir, "changed"))
	future(t, filepath.Join(dir, "touched"))
	if err := os.Remove(filepath.Join(dir, "sub", "gone")); err != nil {
		t.Fatal(err)
	}
	head := "# a header\n\n# of two lines\n"
	now := map[string]string{"same": "s", "touched": "t", "changed": "another", "sub/gone": "g", "old": "o", "new": "n"}
	text, told, err := updated(t, generate.UpdateRequest{Path: path})
	want := head + sha256Lines(now, "changed", "new", "old", "same", "sub/gone", "touched")
	wantChanges := []string{"added new", "changed changed", "comment # after", "still missing sub/gone", "unread old", "unread same"}
	if err != nil || text != want || !slices.Equal(told, wantChanges) {
		t.Errorf("%v, changes %q, got\n%swant\n%s", err, told, text, want)
	}
	// The manifest has the time of its beginning now, so every file of this test is younger.
	future(t, path)
	text, told, err = updated(t, generate.UpdateRequest{Path: path, All: true, Prune: true})
	want = head + sha256Lines(now, "changed", "new", "old", "same", "touched")
	wantChanges = []string{"removed sub/gone", "suspect old"}
	if err != nil || text != want || !slices.Equal(told, wantChanges) {
		t.Errorf("%v, changes %q, got\n%swant\n%s", err, told, text, want)
	}
}

// What changes while or after a manifest is written is read again.
func TestUpdateAfterCreate(t *testing.T) {
	dir, _ := folder(t, map[string]string{"a": "a", "b": "b"})
	time.Sleep(50 * time.Millisecond) // the clock of a file system is coarse
	_, _, w, err := created(t, generate.CreateRequest{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	manifestIn(t, dir, "a", "A") // of the same size
	if err := os.Chtimes(filepath.Join(dir, "b"), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	text, told, err := updated(t, generate.UpdateRequest{Path: w.Path})
	want := sha256Lines(map[string]string{"a": "A", "b": "b"}, "a", "b")
	if err != nil || text != want || !slices.Contains(told, "changed a") {
		t.Errorf("%v, changes %q, got\n%swant\n%s", err, told, text, want)
	}
}

func TestUpdateTellsAChangeBySize(t *testing.T) {
	dir, _ := folder(t, map[string]string{"a": "a", "b": "b"})
	_, _, w, err := created(t, generate.CreateRequest{Paths: []string{dir}, Format: "hashdeep", Algorithms: []string{"md5", "sha256"}})
	if err != nil {
		t.Fatal(err)
	}
	manifestIn(t, dir, "a", "longer")
	future(t, w.Path)
	text, told, err := updated(t, generate.UpdateRequest{Path: w.Path})
	if err != nil || !slices.Equal(told, []string{"changed a", "unread b"}) || !strings.Contains(text, "\n6,") {
		t.Errorf("%v, changes %q, got\n%s", err, told, text)
	}
}

func TestUpdateAddsNothingWhereNothingBelongs(t *testing.T) {
	files := map[string]string{"disc.iso": "d", "other": "o"}
	for name, keep := range map[string]bool{"disc.iso.sha256": false, "SHA256SUMS": true} {
		t.Run(name, func(t *testing.T) {
			_, path := aged(t, files, name, sha256Lines(files, "disc.iso"))
			text, told, err := updated(t, generate.UpdateRequest{Path: path, KeepFiles: keep})
			if err != nil || text != sha256Lines(files, "disc.iso") || !slices.Equal(told, []string{"unread disc.iso"}) {
				t.Errorf("%s: %v, changes %q, got\n%s", name, err, told, text)
			}
		})
	}
}

func TestUpdateKeepsTheSpellingOfNames(t *testing.T) {
	files := map[string]string{"b": "b", "sub/c": "c", "a": "a"}
	dotted := func(names ...string) string {
		return strings.NewReplacer("  ", "  ./").Replace(sha256Lines(files, names...))
	}
	_, path := aged(t, files, "SHA256SUMS", dotted("sub/c", "b"))
	text, told, err := updated(t, generate.UpdateRequest{Path: path})
	if err != nil || text != dotted("a", "b", "sub/c") || !slices.Equal(told, []string{"added ./a", "unread ./b", "unread ./sub/c"}) {
		t.Errorf("%v, changes %q, got\n%s", err, told, text)
	}
}

func TestUpdateDropsWhatIsExcludedAndItself(t *testing.T) {
	files := map[string]string{"a": "a", "tmp/b": "b", "c.tmp": "c"}
	_, path := aged(t, files, "SHA256SUMS", sha256Lines(files, "a", "tmp/b")+strings.Repeat("0", 64)+"  SHA256SUMS\n")
	text, told, err := updated(t, generate.UpdateRequest{Path: path, Selection: generate.Selection{Exclude: []string{"tmp", "*.tmp"}}})
	if err != nil || text != sha256Lines(files, "a") || !slices.Equal(told, []string{"removed SHA256SUMS", "removed tmp/b", "unread a"}) {
		t.Errorf("%v, changes %q, got\n%s", err, told, text)
	}
}

func TestUpdateRefusesWhatItWouldSpoil(t *testing.T) {
	files := map[string]string{"a": "a"}
	good := sha256Lines(files, "a")
	for text, want := range map[string]string{
		good + "bad\n":                           "line 2",
		"":                                       "lists no file",
		good + strings.Repeat("0", 64) + "  a\n": "contradicts line 1",
		good + strings.Repeat("0", 64) + "  ../up\n": "outside",
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + good +
			"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n": "signed",
		"\xff\xfe" + strings.Join(strings.Split(good, ""), "\x00") + "\x00": "utf-16",
	} {
		t.Run(want, func(t *testing.T) {
			_, path := aged(t, files, "SHA256SUMS", text)
			after, _, err := updated(t, generate.UpdateRequest{Path: path})
			if err == nil || !strings.Contains(err.Error(), want) || after != text {
				t.Errorf("%q: %v, got %q", text, err, after)
			}
		})
	}
	dir := t.TempDir()
	var c collector
	_, err := generate.Update(t.Context(), generate.UpdateRequest{Path: filepath.Join(dir, "none")}, c.sink(), &hashpool.Progress{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no manifest: %v", err)
	}
}

// A manifest of any order and with repetitions becomes a sorted one.
func TestUpdateSorts(t *testing.T) {
	files := map[string]string{}
	var names []string
	for i := range 3000 {
		name := fmt.Sprintf("d%d/f%d", i%7, i)
		files[name] = name
		names = append(names, name)
	}
	_, path := aged(t, files, "SHA256SUMS", sha256Lines(files, names...)+sha256Lines(files, names[5:9]...))
	text, told, err := updated(t, generate.UpdateRequest{Path: path})
	slices.Sort(names)
	if err != nil || text != sha256Lines(files, names...) || len(told) != len(names) {
		t.Errorf("%v, told %d", err, len(told))
	}
}
