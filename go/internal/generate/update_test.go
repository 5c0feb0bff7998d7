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
	generate.Remembered: "remembered", generate.Forgotten: "forgotten",
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
	text, told, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: path})
	want := head + sha256Lines(now, "changed", "new", "old", "same", "sub/gone", "touched")
	wantChanges := []string{"added new", "changed changed", "comment # after", "still missing sub/gone", "unread old", "unread same"}
	if err != nil || text != want || !slices.Equal(told, wantChanges) {
		t.Errorf("%v, changes %q, got\n%swant\n%s", err, told, text, want)
	}
	// The manifest has the time of its beginning now, so every file of this test is younger.
	future(t, path)
	// A suspect file holds up the update.
	text, told, err = updated(t, generate.UpdateRequest{AcceptChanged: true, Path: path, All: true, Prune: true})
	wantChanges = []string{"removed sub/gone", "suspect old"}
	if err != nil || text != want || !slices.Equal(told, wantChanges) {
		t.Errorf("%v, changes %q, got\n%swant\n%s", err, told, text, want)
	}
	now["old"] = "rotten, which no time tells"
	text, told, err = updated(t, generate.UpdateRequest{AcceptSuspect: true, Path: path, All: true, Prune: true})
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
	text, told, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: w.Path})
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
	text, told, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: w.Path})
	if err != nil || !slices.Equal(told, []string{"changed a", "unread b"}) || !strings.Contains(text, "\n6,") {
		t.Errorf("%v, changes %q, got\n%s", err, told, text)
	}
}

func TestUpdateAddsNothingWhereNothingBelongs(t *testing.T) {
	files := map[string]string{"disc.iso": "d", "other": "o"}
	for name, keep := range map[string]bool{"disc.iso.sha256": false, "SHA256SUMS": true} {
		t.Run(name, func(t *testing.T) {
			_, path := aged(t, files, name, sha256Lines(files, "disc.iso"))
			text, told, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: path, KeepFiles: keep})
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
	text, told, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: path})
	if err != nil || text != dotted("a", "b", "sub/c") || !slices.Equal(told, []string{"added ./a", "unread ./b", "unread ./sub/c"}) {
		t.Errorf("%v, changes %q, got\n%s", err, told, text)
	}
}

func TestUpdateDropsWhatIsExcludedAndItself(t *testing.T) {
	files := map[string]string{"a": "a", "tmp/b": "b", "c.tmp": "c"}
	_, path := aged(t, files, "SHA256SUMS", sha256Lines(files, "a", "tmp/b")+strings.Repeat("0", 64)+"  SHA256SUMS\n")
	text, told, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: path, Selection: generate.Selection{Exclude: []string{"tmp", "*.tmp"}}})
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
			after, _, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: path})
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
	text, told, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: path})
	slices.Sort(names)
	if err != nil || text != sha256Lines(files, names...) || len(told) != len(names) {
		t.Errorf("%v, told %d", err, len(told))
	}
}

// What changed is listed only if the caller accepts it, and a dry run writes nothing.
func TestUpdateIsHeld(t *testing.T) {
	files := map[string]string{"a": "a", "b": "b"}
	for _, c := range []struct {
		request generate.UpdateRequest
		outcome generate.Outcome
		writes  bool
	}{
		{generate.UpdateRequest{}, generate.Held, false},
		{generate.UpdateRequest{AcceptSuspect: true}, generate.Held, false},
		{generate.UpdateRequest{DryRun: true}, generate.PlannedHeld, false},
		{generate.UpdateRequest{DryRun: true, AcceptChanged: true}, generate.Planned, false},
		{generate.UpdateRequest{AcceptChanged: true}, generate.Done, true},
	} {
		t.Run(fmt.Sprintf("%+v", c.request), func(t *testing.T) {
			before := sha256Lines(files, "a", "b")
			dir, path := aged(t, files, "SHA256SUMS", before)
			manifestIn(t, dir, "b", "B")
			manifestIn(t, dir, "c", "c")
			future(t, filepath.Join(dir, "b"))
			c.request.Path = path
			var told collector
			w, err := generate.Update(t.Context(), c.request, told.sink(), &hashpool.Progress{})
			slices.Sort(told.got)
			if err != nil || w.Outcome != c.outcome || !slices.Equal(told.got, []string{"added c", "changed b", "unread a"}) {
				t.Errorf("%v, %+v, %q", err, w, told.got)
			}
			text, _ := os.ReadFile(path)
			if (string(text) != before) != c.writes {
				t.Errorf("got\n%s", text)
			}
			noTrace(t, dir)
		})
	}
}

// A file whose status alone has changed, and whose content is another one, is suspect.
func TestUpdateSuspectsWhatTheModificationTimeDoesNotShow(t *testing.T) {
	files := map[string]string{"a": "a"}
	dir, _ := folder(t, files)
	past := time.Now().Add(-time.Hour)
	manifestIn(t, dir, "SHA256SUMS", sha256Lines(files, "a"))
	path := filepath.Join(dir, "SHA256SUMS")
	manifestIn(t, dir, "a", "b")
	for name, when := range map[string]time.Time{"a": past.Add(-time.Hour), "SHA256SUMS": past} {
		if err := os.Chtimes(filepath.Join(dir, name), when, when); err != nil {
			t.Fatal(err)
		}
	}
	text, told, err := updated(t, generate.UpdateRequest{AcceptChanged: true, Path: path})
	if err != nil || text != sha256Lines(files, "a") || !slices.Equal(told, []string{"suspect a"}) && !slices.Equal(told, []string{"unread a"}) {
		t.Errorf("%v, changes %q, got\n%s", err, told, text)
	}
}

// What a manifest remembers keeps new files out, and takes nothing away.
func TestUpdateFollowsWhatIsRemembered(t *testing.T) {
	files := map[string]string{"a": "a", "b.tmp": "b", "sub/c": "c", "sub/d.tmp": "d", "e/f": "f"}
	for _, c := range []struct{ head, added string }{
		{"", "b.tmp e/f sub/c sub/d.tmp"},
		{"# checksig: exclude=*.tmp\n", "e/f sub/c"},
		{"# checksig: include=*.tmp\n", "b.tmp sub/d.tmp"},
		{"# checksig: path=sub\n# checksig: exclude=*.t?p\n", "sub/c"},
		{"# checksig: path=e\n# checksig: path=sub/c\n# checksig: path=gone\n", "e/f sub/c"},
		{"# checksig: exclude=a\n", "b.tmp e/f sub/c sub/d.tmp"}, // "a" stays
		{"# checksig: exclude=%2A.tmp\n", "e/f sub/c"},
	} {
		t.Run(c.head, func(t *testing.T) {
			_, path := aged(t, files, "SHA256SUMS", c.head+sha256Lines(files, "a"))
			text, told, err := updated(t, generate.UpdateRequest{Remember: true, Path: path})
			added := ""
			for _, each := range told {
				if name, is := strings.CutPrefix(each, "added "); is {
					added += " " + name
				}
			}
			if err != nil || added != " "+c.added || !strings.HasPrefix(text, c.head) || !slices.Contains(told, "unread a") ||
				strings.Count(c.head, "\n") != strings.Count(strings.Join(told, "\n"), "remembered ") {
				t.Errorf("%q: %v, %q", c.head, err, told)
			}
			_, told, err = updated(t, generate.UpdateRequest{Path: path})
			if err != nil || slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, "remembered") }) {
				t.Errorf("ignored: %v, %q", err, told)
			}
		})
	}
	for _, head := range []string{
		"# checksig: path=../x\n", "# checksig: path=/etc\n", "# checksig: path=a//b\n", "# checksig: exclude=[\n", "# checksig: exclude=%\n",
		"# checksig: exclude=%00\n", "# checksig: verify=no\n", "# checksig: links=follow\n", "# checksig: names=elsewhere\n",
	} {
		_, path := aged(t, files, "SHA256SUMS", head+sha256Lines(files, "a"))
		if _, _, err := updated(t, generate.UpdateRequest{Remember: true, Path: path}); err == nil {
			t.Errorf("%q: no error", head)
		}
	}
}

// What create remembers is what update follows, whatever the bytes of the patterns are.
func TestWhatIsRememberedIsRead(t *testing.T) {
	patterns := []string{"*.tmp", "%", "a b", "\xff", "ä", "x\ny", "deadbeefdeadbeef", "MD5 (x) = y", " HASH", ": 5 bytes", "#", "=", `\*`}
	for format, algorithm := range map[string]string{
		"gnu": "sha256", "bsd": "md5", "base64": "sha512", "openssl": "sha1", "pipe": "sha256", "name-first": "sha256", "sfv": "crc32",
	} {
		t.Run(format, func(t *testing.T) {
			dir, _ := folder(t, map[string]string{"a": "a", "x.tmp": "x"})
			output := filepath.Join(dir, "x.list")
			request := generate.CreateRequest{
				Paths: []string{dir}, Remember: true, Output: output, Format: format, Algorithms: []string{algorithm},
				Selection: generate.Selection{Exclude: patterns, Links: generate.SkipLinks},
			}
			var c collector
			w, err := generate.Create(t.Context(), request, c.sink(), &hashpool.Progress{})
			if err != nil || w.Files != 1 || w.Excluded != 1 || len(c.got) != len(patterns)+1 || !strings.HasPrefix(c.got[0], "remembered ") {
				t.Fatalf("%v, %+v, %q", err, w, c.got)
			}
			before := slices.Sorted(slices.Values(c.got))
			_, told, err := updated(t, generate.UpdateRequest{Remember: true, Path: output, Format: format})
			told = slices.DeleteFunc(told, func(s string) bool { return !strings.HasPrefix(s, "remembered ") })
			if err != nil || !slices.Equal(told, before) {
				t.Errorf("%v, %q", err, told)
			}
		})
	}
	for format, name := range map[string]string{"hashdeep": "x.list", "bagit": "manifest-sha256.txt", "gnu": "B3SUMS"} {
		algorithm := "sha256"
		if name == "B3SUMS" {
			algorithm = "blake3"
		}
		dir, _ := folder(t, map[string]string{"a": "a"})
		request := generate.CreateRequest{
			Paths: []string{dir}, Remember: true, Output: filepath.Join(dir, name), Format: format, Algorithms: []string{algorithm},
			Selection: generate.Selection{Exclude: []string{"*.tmp"}},
		}
		var c collector
		_, err := generate.Create(t.Context(), request, c.sink(), &hashpool.Progress{})
		if err != nil || !slices.Equal(c.got, []string{"forgotten exclude=*.tmp"}) {
			t.Errorf("%s: %v, %q", format, err, c.got)
		}
	}
}

// Other outputs, with what they list, are not added.
func TestUpdateLeavesOtherOutputsAlone(t *testing.T) {
	files := map[string]string{"photos/a": "a", "docs/b": "b"}
	dir, _ := folder(t, files)
	for _, name := range []string{"photos", "docs"} {
		for _, output := range []string{filepath.Join(dir, name+".sha256"), filepath.Join(dir, "list-of-"+name)} {
			_, _, _, err := created(t, generate.CreateRequest{Paths: []string{filepath.Join(dir, name)}, Output: output, Remember: true})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	manifestIn(t, dir, "photos/new", "n")
	manifestIn(t, dir, "photos/MD5SUMS", "d41d8cd98f00b204e9800998ecf8427e  x\n")
	manifestIn(t, dir, "photos/sums-md5.txt", "d41d8cd98f00b204e9800998ecf8427e  x\n")
	for _, name := range []string{"photos.sha256", "list-of-photos"} {
		_, told, err := updated(t, generate.UpdateRequest{Path: filepath.Join(dir, name), Remember: true, All: true})
		told = slices.DeleteFunc(told, func(s string) bool { return strings.HasPrefix(s, "remembered ") })
		if err != nil || !slices.Equal(told, []string{"added photos/new", "added photos/sums-md5.txt", "skipped photos/MD5SUMS"}) &&
			!slices.Equal(told, []string{"added photos/new", "skipped photos/MD5SUMS", "skipped photos/sums-md5.txt"}) {
			t.Errorf("%s: %v, %q", name, err, told)
		}
	}
}

// Names that start from another folder are those of the files there, or nothing is updated.
func TestUpdateOfNamesThatStartElsewhere(t *testing.T) {
	dir, _ := folder(t, map[string]string{"data/a": "a", "out/other": "o"})
	data, output := filepath.Join(dir, "data"), filepath.Join(dir, "out", "SHA256SUMS")
	if _, _, _, err := created(t, generate.CreateRequest{Paths: []string{data}, Output: output, Remember: true}); err != nil {
		t.Fatal(err)
	}
	manifestIn(t, dir, "data/b", "b")
	var usage *generate.UsageError
	if _, _, err := updated(t, generate.UpdateRequest{Path: output, Remember: true}); !errors.As(err, &usage) {
		t.Errorf("%v", err)
	}
	text, told, err := updated(t, generate.UpdateRequest{Path: output, Remember: true, RelativeTo: data, All: true})
	if err != nil || !strings.HasSuffix(text, sha256Lines(map[string]string{"a": "a", "b": "b"}, "a", "b")) || !slices.Contains(told, "added b") {
		t.Errorf("%v, %q, got\n%s", err, told, text)
	}
}
