package generate_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/generate"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/verify"
)

// created runs r and returns what it wrote, and the names of what it skipped.
func created(t testing.TB, r generate.CreateRequest) (text string, skipped []string, w generate.Written, err error) {
	t.Helper()
	var mu sync.Mutex
	sent := ""
	sink := generate.Sink{
		File: func(name string, change generate.Change) {
			mu.Lock()
			defer mu.Unlock()
			switch change {
			case generate.Skipped:
				skipped = append(skipped, name)
			case generate.Remembered:
			default:
				t.Errorf("%q: change %d", name, change)
			}
		},
		Data: func(data []byte) { sent += string(data) },
	}
	w, err = generate.Create(t.Context(), r, sink, &hashpool.Progress{})
	if r.ToCaller || err != nil {
		return sent, skipped, w, err
	}
	read, failed := os.ReadFile(w.Path)
	if failed != nil {
		t.Fatal(failed)
	}
	return string(read), skipped, w, err
}

// sha256Lines is the GNU manifest of names, in this order.
func sha256Lines(files map[string]string, names ...string) string {
	text := ""
	for _, name := range names {
		text += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(files[name])), name)
	}
	return text
}

// noTrace fails if anything of a manifest that was not written is left.
func noTrace(t testing.TB, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, ".checksig-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %q, %v", left, err)
	}
}

func TestCreateListsTheTreeInTheOrderOfBytes(t *testing.T) {
	files := map[string]string{"b": "b", "a/x": "ax", "a-b": "a-b", "a.c": "", "a0": strings.Repeat("0", 1<<20), "a/b/c": "abc"}
	dir, _ := folder(t, files)
	want := sha256Lines(files, "a-b", "a.c", "a/b/c", "a/x", "a0", "b")
	for _, workers := range []int{1, 2, 16} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			text, skipped, w, err := created(t, generate.CreateRequest{Paths: []string{dir}, Workers: workers, Replace: true})
			if err != nil || text != want || len(skipped) > 0 {
				t.Errorf("%d workers: %v, skipped %q, got\n%swant\n%s", workers, err, skipped, text, want)
			}
			if w.Path != filepath.Join(dir, "SHA256SUMS") || w.Files != 6 || w.Entries != 6 ||
				w.BytesRead != 1+2+3+1<<20+3 || w.Format != "gnu" || !slices.Equal(w.Algorithms, []string{"sha256"}) {
				t.Errorf("%+v", w)
			}
			noTrace(t, dir)
		})
	}
	summary, err := verified(t, verify.Request{Path: dir})
	if err != nil || !summary.OK() {
		t.Errorf("what was created does not verify: %+v, %v", summary, err)
	}
}

func TestCreateReplacesOnlyWhenAsked(t *testing.T) {
	dir, _ := folder(t, map[string]string{"a": "a", "SHA256SUMS": "precious"})
	_, _, _, err := created(t, generate.CreateRequest{Paths: []string{dir}})
	if !errors.Is(err, os.ErrExist) {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "SHA256SUMS")); string(text) != "precious" {
		t.Errorf("%q", text)
	}
	text, _, _, err := created(t, generate.CreateRequest{Paths: []string{dir}, Replace: true})
	if err != nil || text != sha256Lines(map[string]string{"a": "a"}, "a") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestCreateOfSeveralPaths(t *testing.T) {
	files := map[string]string{"a/1": "1", "a/sub/2": "2", "a-": "-", "b/3": "3", "c": "c"}
	dir, _ := folder(t, files)
	in := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
		return paths
	}
	output := filepath.Join(dir, "LIST")
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{in("c", "a", "a/sub", "a-", "c"), sha256Lines(files, "a-", "a/1", "a/sub/2", "c")},
		{in("a/sub"), sha256Lines(files, "a/sub/2")},
		{in("b/3"), sha256Lines(files, "b/3")},
		{in("b", "."), sha256Lines(files, "a-", "a/1", "a/sub/2", "b/3", "c")},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			text, _, _, err := created(t, generate.CreateRequest{Paths: c.paths, Output: output, Replace: true})
			if err != nil || text != c.want {
				t.Errorf("%q: %v, got\n%swant\n%s", c.paths, err, text, c.want)
			}
		})
	}
	text, _, w, err := created(t, generate.CreateRequest{Paths: in("b/3")})
	if err != nil || text != strings.Replace(sha256Lines(files, "b/3"), "b/3", "3", 1) || w.Path != in("b/3.sha256")[0] {
		t.Errorf("next to the file: %q in %s, %v", text, w.Path, err)
	}
	for _, r := range []generate.CreateRequest{
		{Paths: in("a", "b")},
		{Paths: in("a", "b"), Output: filepath.Join(dir, "a", "LIST")},
		{Paths: in("a"), RelativeTo: in("b")[0]},
		{Paths: in("a"), Algorithms: []string{"sha257"}},
		{Paths: in("a"), Format: "none"},
		{Paths: in("a"), Selection: generate.Selection{Exclude: []string{"[a"}}},
		{Paths: in("a"), Selection: generate.Selection{Links: "eat"}},
	} {
		t.Run(fmt.Sprintf("%+v", r), func(t *testing.T) {
			_, _, _, err := created(t, r)
			var usage *generate.UsageError
			var algorithm *digest.UnknownError
			var format *manifest.UnknownFormatError
			if !errors.As(err, &usage) && !errors.As(err, &algorithm) && !errors.As(err, &format) {
				t.Errorf("%+v: %v", r, err)
			}
		})
	}
}

func TestCreateElsewhereAndForTheCaller(t *testing.T) {
	files := map[string]string{"sub/a": "a", "sub/b/c": "c"}
	dir, _ := folder(t, files)
	sub := filepath.Join(dir, "sub")
	bare := map[string]string{"a": "a", "b/c": "c"}
	for _, c := range []struct {
		request generate.CreateRequest
		want    string
	}{
		{generate.CreateRequest{Output: filepath.Join(dir, "LIST")}, sha256Lines(files, "sub/a", "sub/b/c")},
		{generate.CreateRequest{Output: filepath.Join(t.TempDir(), "LIST")}, sha256Lines(bare, "a", "b/c")},
		{generate.CreateRequest{Output: filepath.Join(sub, "b", "LIST")}, sha256Lines(bare, "a", "b/c")},
		{generate.CreateRequest{ToCaller: true}, sha256Lines(bare, "a", "b/LIST", "b/c")},
		{generate.CreateRequest{ToCaller: true, RelativeTo: dir, Selection: generate.Selection{Exclude: []string{"LIST"}}},
			sha256Lines(files, "sub/a", "sub/b/c")},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			if c.request.ToCaller {
				text, err := os.ReadFile(filepath.Join(sub, "b", "LIST"))
				if err != nil {
					t.Fatal(err)
				}
				bare["b/LIST"] = string(text)
				c.want = strings.Replace(c.want, fmt.Sprintf("%x  b/LIST", sha256.Sum256(nil)),
					fmt.Sprintf("%x  b/LIST", sha256.Sum256(text)), 1)
			}
			c.request.Paths = []string{sub}
			text, _, _, err := created(t, c.request)
			if err != nil || text != c.want {
				t.Errorf("%+v: %v, got\n%swant\n%s", c.request, err, text, c.want)
			}
		})
	}
}

func TestCreateExcludes(t *testing.T) {
	files := map[string]string{"a.tmp": "", "a": "", "sub/b.tmp": "", "sub/b": "", "git/x": "", "sub/git/y": ""}
	dir, _ := folder(t, files)
	for _, c := range []struct {
		exclude []string
		want    []string
	}{
		{[]string{"*.tmp"}, []string{"a", "git/x", "sub/b", "sub/git/y"}},
		{[]string{"git"}, []string{"a", "a.tmp", "sub/b", "sub/b.tmp"}},
		{[]string{"/git", "sub/*.tmp"}, []string{"a", "a.tmp", "sub/b", "sub/git/y"}},
		{[]string{"sub/"}, []string{"a", "a.tmp", "git/x"}},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			text, _, _, err := created(t, generate.CreateRequest{
				Paths: []string{dir}, Replace: true, Selection: generate.Selection{Exclude: c.exclude},
			})
			if want := sha256Lines(files, c.want...); err != nil || text != want {
				t.Errorf("%q: %v, got\n%swant\n%s", c.exclude, err, text, want)
			}
		})
	}
}

func TestCreateAndLinks(t *testing.T) {
	outside, _ := folder(t, map[string]string{"secret": "s"})
	files := map[string]string{"real": "r", "sub/file": "f", "link": "r"}
	dir, _ := folder(t, map[string]string{"real": "r", "sub/file": "f"})
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	link("real", "link")
	link("sub", "folder")
	link(".", "loop")
	request := func(links generate.Links) generate.CreateRequest {
		return generate.CreateRequest{Paths: []string{dir}, Replace: true, Selection: generate.Selection{Links: links}}
	}
	text, skipped, _, err := created(t, request(""))
	if err != nil || text != sha256Lines(files, "link", "real", "sub/file") || !slices.Equal(skipped, []string{"folder", "loop"}) {
		t.Errorf("followed: %v, skipped %q, got\n%s", err, skipped, text)
	}
	link("SHA256SUMS", "latest")
	text, skipped, _, err = created(t, request(generate.FollowLinks))
	if err != nil || text != sha256Lines(files, "link", "real", "sub/file") || !slices.Equal(skipped, []string{"folder", "latest", "loop"}) {
		t.Errorf("a link to the manifest: %v, skipped %q, got\n%s", err, skipped, text)
	}
	text, skipped, _, err = created(t, request(generate.SkipLinks))
	if err != nil || text != sha256Lines(files, "real", "sub/file") || len(skipped) != 4 {
		t.Errorf("skipped: %v, skipped %q, got\n%s", err, skipped, text)
	}
	if _, _, _, err = created(t, request(generate.RefuseLinks)); err == nil || err.Error() != "4 files cannot be listed" {
		t.Errorf("refused: %v", err)
	}
	for name, target := range map[string]string{
		"out": filepath.Join(outside, "secret"), "outfolder": outside, "dangling": "nowhere",
	} {
		t.Run(name, func(t *testing.T) {
			link(target, name)
			for _, follow := range []bool{false, true} {
				r := request("")
				r.FollowOutside = follow
				_, _, _, err := created(t, r)
				var refused *generate.WriteError
				fine := follow && name == "out"
				if fine != (err == nil) || !fine && (!errors.As(err, &refused) || filepath.Base(refused.Path) != name) {
					t.Errorf("%s, followed outside %t: %v", name, follow, err)
				}
				noTrace(t, dir)
			}
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// All files that cannot be listed are reported, not only the first.
func TestCreateReportsAllOddFiles(t *testing.T) {
	dir, _ := folder(t, map[string]string{"a": "a", "sub/b": "b", "z": "z"})
	for _, name := range []string{"0-gone", "sub/gone", "y-gone"} {
		if err := os.Symlink("nowhere", filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	want := []string{"0-gone", "sub/gone", "y-gone"}
	if os.Geteuid() > 0 { // root may read everything
		for _, name := range []string{"sub/b", "z"} {
			if err := os.Chmod(filepath.Join(dir, name), 0); err != nil {
				t.Fatal(err)
			}
		}
		want = []string{"0-gone", "sub/b", "sub/gone", "y-gone", "z"}
	}
	var c collector
	var odd []string
	sink := c.sink()
	sink.Odd = func(path, cause string) {
		name, _ := filepath.Rel(dir, path)
		odd = append(odd, filepath.ToSlash(name))
		if cause == "" {
			t.Errorf("%s: no cause", name)
		}
	}
	_, err := generate.Create(t.Context(), generate.CreateRequest{Paths: []string{dir}}, sink, &hashpool.Progress{})
	slices.Sort(odd)
	var all *generate.OddFilesError
	if !errors.As(err, &all) || all.Count != int64(len(want)) || !slices.Equal(odd, want) {
		t.Errorf("%v, reported %q", err, odd)
	}
	if _, err := os.Stat(filepath.Join(dir, "SHA256SUMS")); err == nil {
		t.Error("a manifest was written")
	}
}

func TestCreateOfNothing(t *testing.T) {
	dir := t.TempDir()
	_, _, _, err := created(t, generate.CreateRequest{Paths: []string{dir}})
	var refused *generate.WriteError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "no file to list") {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// A name that tells another algorithm, or another format, is found out before anything is written.
func TestCreateUnderAMisleadingName(t *testing.T) {
	dir, _ := folder(t, map[string]string{"a": "a"})
	for _, name := range []string{"MD5SUMS", "sha512.txt"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			_, _, _, err := created(t, generate.CreateRequest{Paths: []string{dir}, Output: path})
			var refused *generate.WriteError
			if !errors.As(err, &refused) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s is there", name)
			}
			noTrace(t, dir)
		})
	}
}
