package verify_test

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/verify"
)

// folder makes a folder of files; lists gives the GNU sha1 line of each.
func folder(t testing.TB, files map[string]string) (dir string, lists func(names ...string) string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func(names ...string) string {
		lines := ""
		for _, name := range names {
			lines += fmt.Sprintf("%x  %s\n", sha1.Sum([]byte(files[name])), name)
		}
		return lines
	}
}

func manifestIn(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// collected runs r and gives what became of each entry, as "name status", and each bad line, as
// "manifest:line cause", sorted.
func collected(t testing.TB, r verify.Request) ([]string, verify.Summary, error) {
	t.Helper()
	var mu sync.Mutex
	got := []string{}
	add := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, s)
	}
	sink := verify.Sink{
		Manifest: func(*verify.Manifest) {}, Read: func(*verify.Manifest) {}, Unlisted: func(*verify.UnlistedFile) {},
		Result: func(r *verify.Result) { add(r.Name + " " + r.Status.String()) },
		BadLine: func(b *verify.BadLine) {
			add(fmt.Sprintf("%s:%d %s", filepath.Base(b.Manifest.Path), b.Line, b.Cause))
		},
	}
	summary, err := verify.Run(t.Context(), r, sink, &hashpool.Progress{})
	slices.Sort(got)
	return got, summary, err
}

func TestRunReportsEveryKindOfFailure(t *testing.T) {
	dir, lists := folder(t, map[string]string{"good": "g", "bad": "b", "gone": "x", "sub/good": strings.Repeat("s", 1<<20)})
	manifestIn(t, dir, "sha1sum.txt", lists("good", "bad", "gone", "sub/good")+"garbage\n"+lists("good")[:40]+"  ../up\n"+lists("good")[:40]+"  sub\n")
	manifestIn(t, dir, "bad", "changed")
	if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "sha1sum.txt")} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			got, summary, err := collected(t, verify.Request{Path: path})
			want := []string{"../up unreadable", "bad mismatched", "gone missing", "good verified",
				"sha1sum.txt:5 expected a digest and a file name", "sub unreadable", "sub/good verified"}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got  %q, %v\nwant %q", got, err, want)
			}
			if summary.Entries != 6 || summary.Statuses != [7]int64{2, 1, 1, 2, 0, 0, 0} || summary.BadLines != 1 ||
				summary.BytesRead != 1+7+1<<20 || summary.OK() {
				t.Errorf("summary %+v", summary)
			}
		})
	}
}

func TestRunReadsEveryManifestOfAFolder(t *testing.T) {
	dir, lists := folder(t, map[string]string{"a": "a", "b": "b"})
	manifestIn(t, dir, "SHA1SUMS", lists("a"))
	manifestIn(t, dir, "b.sha1", lists("b"))
	manifestIn(t, dir, "md5sum.txt", "")
	got, summary, err := collected(t, verify.Request{Path: dir})
	want := []string{"a verified", "b verified", "md5sum.txt:0 lists no file"}
	if err != nil || !slices.Equal(got, want) || summary.OK() {
		t.Errorf("got %q, %+v, %v", got, summary, err)
	}
}

func TestContradictionsAreReported(t *testing.T) {
	dir, lists := folder(t, map[string]string{"a": "a", "b": "b"})
	wrong := strings.Repeat("0", 40)
	manifestIn(t, dir, "SHA1SUMS", lists("a", "a", "b")+wrong+"  ./a\n"+lists("a"))
	manifestIn(t, dir, "other.sha1", wrong+"  b\n")
	got, summary, err := collected(t, verify.Request{Path: dir})
	want := []string{
		"./a mismatched",
		"SHA1SUMS:4 contradicts line 1: another sha1 digest for the same file",
		"a verified", "a verified", "a verified", "b mismatched", "b verified",
		"other.sha1:1 contradicts " + filepath.Join(dir, "SHA1SUMS") + " line 3: another sha1 digest for the same file",
	}
	if err != nil || !slices.Equal(got, want) || summary.OK() || summary.BadLines != 2 {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
}

func TestNothingVerifiedIsNeverOK(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "comments": "# a\n\n", "garbage": "x\n"} {
		t.Run(name, func(t *testing.T) {
			dir, _ := folder(t, nil)
			manifestIn(t, dir, "sha1sum.txt", text)
			if _, summary, err := collected(t, verify.Request{Path: dir}); err != nil || summary.OK() || summary.BadLines == 0 {
				t.Errorf("%s: %+v, %v", name, summary, err)
			}
		})
	}
	if (&verify.Summary{}).OK() {
		t.Error("a run that saw nothing is OK")
	}
}

func TestErrorsNameThePathAsItWasGiven(t *testing.T) {
	dir, _ := folder(t, map[string]string{"notes": "n"})
	t.Chdir(dir)
	for path, want := range map[string]error{
		"":          fs.ErrNotExist,
		"none":      fs.ErrNotExist,
		"none/sums": fs.ErrNotExist,
		".":         verify.ErrNoManifest,
	} {
		t.Run(path, func(t *testing.T) {
			_, _, err := collected(t, verify.Request{Path: path})
			var at *fs.PathError
			if !errors.Is(err, want) || !errors.As(err, &at) || at.Path != path {
				t.Errorf("%q: got %v", path, err)
			}
		})
	}
}

func TestNamesMayLeadOutsideOnlyWhenAsked(t *testing.T) {
	dir, lists := folder(t, map[string]string{"inside/x": "x", "up": "u"})
	manifestIn(t, filepath.Join(dir, "inside"), "sha1sum.txt", strings.ReplaceAll(lists("up"), "up", "../up"))
	for follow, want := range map[bool]string{false: "../up unreadable", true: "../up verified"} {
		t.Run(fmt.Sprintf("follow %t", follow), func(t *testing.T) {
			got, _, err := collected(t, verify.Request{Path: filepath.Join(dir, "inside"), Reading: verify.Reading{FollowOutside: follow}})
			if err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("follow %v: %q, %v", follow, got, err)
			}
		})
	}
}

func TestCheckSignatures(t *testing.T) {
	dir, lists := folder(t, map[string]string{"a": "a", "b": "b", "c": "c"})
	manifestIn(t, dir, "sha1sum.txt", lists("a", "b", "c"))
	if err := verify.CheckSignatures(t.Context(), dir); err != nil {
		t.Errorf("all is well, but: %v", err)
	}
	manifestIn(t, dir, "b", "B")
	want := fmt.Sprintf("%q - mismatch", filepath.Join(dir, "b"))
	if err := verify.CheckSignatures(t.Context(), dir); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	os.Remove(filepath.Join(dir, "a"))
	manifestIn(t, dir, "sha1sum.txt", lists("a", "b")+"x\n"+lists("c"))
	want = fmt.Sprintf("%q - missing\n%s\n%q line 3 - expected a digest and a file name",
		filepath.Join(dir, "a"), want, filepath.Join(dir, "sha1sum.txt"))
	if err := verify.CheckSignatures(t.Context(), dir); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if err := verify.CheckSignatures(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
}

func TestCancelEndsTheRunAndItsGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	dir, lists := folder(t, map[string]string{"a": "a"})
	manifestIn(t, dir, "sha1sum.txt", strings.Repeat(lists("a"), 100_000))
	ctx, cancel := context.WithCancel(t.Context())
	var once sync.Once
	sink := verify.Sink{
		Manifest: func(*verify.Manifest) {}, Read: func(*verify.Manifest) {}, Unlisted: func(*verify.UnlistedFile) {},
		Result:  func(*verify.Result) { once.Do(cancel) },
		BadLine: func(*verify.BadLine) {},
	}
	summary, err := verify.Run(ctx, verify.Request{Path: dir, Totals: true}, sink, &hashpool.Progress{})
	if !errors.Is(err, context.Canceled) || summary.Entries > 90_000 {
		t.Errorf("%d entries, %v", summary.Entries, err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

func TestAPanicEndsTheRunNotTheProcess(t *testing.T) {
	dir, lists := folder(t, map[string]string{"a": "a"})
	manifestIn(t, dir, "sha1sum.txt", lists("a")+"bad line\n")
	for name, sink := range map[string]verify.Sink{
		"in a worker":   {Manifest: func(*verify.Manifest) {}, Read: func(*verify.Manifest) {}, Unlisted: func(*verify.UnlistedFile) {}, Result: nil, BadLine: func(*verify.BadLine) {}},
		"in the reader": {Manifest: func(*verify.Manifest) {}, Read: func(*verify.Manifest) {}, Unlisted: func(*verify.UnlistedFile) {}, Result: func(*verify.Result) {}, BadLine: nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify.Run(t.Context(), verify.Request{Path: dir}, sink, &hashpool.Progress{})
			var panicked *guard.PanicError
			if !errors.As(err, &panicked) || !strings.Contains(string(panicked.Stack), "internal/verify") {
				t.Errorf("%s: got %v", name, err)
			}
		})
	}
}

func TestTheTotalsOfALongRunAreFound(t *testing.T) {
	dir, lists := folder(t, map[string]string{"a": "a", "b": "bbb"})
	manifestIn(t, dir, "sha1sum.txt", lists("a", "b")+"bad line\n")
	progress := &hashpool.Progress{}
	hold := make(chan struct{})
	sink := verify.Sink{
		Manifest: func(*verify.Manifest) {}, Read: func(*verify.Manifest) {}, Unlisted: func(*verify.UnlistedFile) {},
		Result:  func(*verify.Result) { <-hold },
		BadLine: func(*verify.BadLine) {},
	}
	go func() {
		defer close(hold)
		for range 1000 {
			if progress.TotalFiles.Load() > 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := verify.Run(t.Context(), verify.Request{Path: dir, Totals: true}, sink, progress); err != nil {
		t.Fatal(err)
	}
	if files, bytes := progress.TotalFiles.Load(), progress.TotalBytes.Load(); files != 2 || bytes != 4 {
		t.Errorf("totals: %d files, %d bytes", files, bytes)
	}
}

// A run closes what it has opened.
func TestRunLeavesNothingOpen(t *testing.T) {
	const descriptors = "/proc/self/fd"
	if _, err := os.Stat(descriptors); err != nil {
		t.Skip("there is no " + descriptors)
	}
	dir, lists := folder(t, map[string]string{"a": "a", "sub/b": "b", "sub/unlisted": "u"})
	manifestIn(t, dir, "sha1sum.txt", lists("a", "sub/b"))
	manifestIn(t, filepath.Join(dir, "sub"), "sha1sum.txt", strings.ReplaceAll(lists("sub/b"), "sub/", "")+"garbage\n")
	root := t.TempDir()
	for name, r := range map[string]verify.Request{
		"a folder":              {Path: dir},
		"a manifest":            {Path: filepath.Join(dir, "sha1sum.txt")},
		"folders below":         {Path: dir, Reading: verify.Reading{Recursive: true}, Unlisted: verify.ReportUnlisted},
		"another root":          {Path: dir, Reading: verify.Reading{Root: root}},
		"a root that is absent": {Path: dir, Reading: verify.Reading{Root: filepath.Join(root, "none")}},
		"an absent path":        {Path: filepath.Join(dir, "none")},
	} {
		t.Run(name, func(t *testing.T) {
			open := func() int {
				entries, err := os.ReadDir(descriptors)
				if err != nil {
					t.Fatal(err)
				}
				return len(entries)
			}
			before := open()
			for range 20 {
				_, _, _ = collected(t, r)
			}
			if after := open(); after > before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}
