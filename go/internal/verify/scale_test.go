package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// outermostOf returns what [unlistedSearch.outermost] does for manifests in these folders.
func outermostOf(t testing.TB, dirs []string) []string {
	t.Helper()
	roots, err := safefs.NewRootCache(t.TempDir(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	defer roots.Close()
	record := &recorder{sink: Sink{Manifest: func(*Manifest) {}}}
	for _, dir := range dirs {
		record.manifest(&Manifest{root: roots.Add(dir, dir)})
	}
	s := &unlistedSearch{record: record}
	var found []string
	for _, root := range s.outermost() {
		found = append(found, root.Dir)
	}
	return found
}

func TestOutermost(t *testing.T) {
	for _, c := range []struct{ dirs, want string }{
		{"", ""},
		{"/a", "/a"},
		{"/a /a /a/b /a/b/c", "/a"},
		{"/a/b /a-b /a /ab /a.b/c", "/a-b /a.b/c /a /ab"},
		{"/x / /y", "/"},
	} {
		dirs := strings.Fields(filepath.FromSlash(c.dirs))
		if got := strings.Join(outermostOf(t, dirs), " "); got != filepath.FromSlash(c.want) {
			t.Errorf("%q: %q, want %q", c.dirs, got, c.want)
		}
	}
}

// TestManyFolders counts allocations: comparing each folder with each other one makes some for every pair.
func TestManyFolders(t *testing.T) {
	allocations := func(n int) float64 {
		dirs := make([]string, n)
		for i := range dirs {
			dirs[i] = fmt.Sprintf("/%06d/%d", i, i)
		}
		roots, err := safefs.NewRootCache(t.TempDir(), "", false)
		if err != nil {
			t.Fatal(err)
		}
		defer roots.Close()
		record := &recorder{sink: Sink{Manifest: func(*Manifest) {}}}
		for _, dir := range dirs {
			record.manifest(&Manifest{root: roots.Add(dir, dir)})
		}
		s := &unlistedSearch{record: record}
		return testing.AllocsPerRun(1, func() {
			if found := len(s.outermost()); found != n {
				t.Errorf("%d of %d folders", found, n)
			}
		})
	}
	few, many := allocations(200), allocations(2000)
	if many > 20*few {
		t.Errorf("%v allocations for 2000 folders, %v for 200", many, few)
	}
}

// TestManyMovedFiles finds as many equal files as there are missing entries of that digest.
func TestManyMovedFiles(t *testing.T) {
	const n = 100_000
	sha1, err := digest.Find("sha1")
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{}
	missing := make([]*Result, n)
	for i := range missing {
		missing[i] = &Result{Manifest: m, Entry: manifest.Entry{Line: int64(i), Algorithm: sha1, Digest: []byte("equal"), Name: "x"}}
	}
	x := newMovedIndex(missing)
	if len(x.byDigest) != 1 {
		t.Fatalf("%d digests", len(x.byDigest))
	}
	for _, found := range x.byDigest {
		for i := range n { // each of them in one step
			found.found(fmt.Sprintf("%06d", n-i))
		}
	}
	x.finish()
	for _, r := range missing {
		if r.MovedTo != "000001" {
			t.Fatalf("moved to %q", r.MovedTo)
		}
	}
}

// TestPendingMissing keeps few missing entries with long names.
func TestPendingMissing(t *testing.T) {
	var p pendingMissing
	kept := 0
	for range 2000 {
		if p.add(&Result{Entry: manifest.Entry{Name: strings.Repeat("n", 60_000)}}) {
			kept++
		}
	}
	if kept != maxPendingBytes/60_000 || kept != len(p.results) {
		t.Errorf("%d entries are kept", kept)
	}
}

// TestManyContradictions reports some of them, and that there are more.
func TestManyContradictions(t *testing.T) {
	dir := t.TempDir()
	var lines strings.Builder
	for i := range maxContradictions + 100 {
		fmt.Fprintf(&lines, "%040x  a\n", i)
	}
	write(t, filepath.Join(dir, "a"), "a")
	write(t, filepath.Join(dir, "SHA1SUMS"), lines.String())
	bad, last := 0, ""
	sink := Sink{
		Manifest: func(*Manifest) {}, Read: func(*Manifest) {}, Unlisted: func(*UnlistedFile) {}, Result: func(*Result) {},
		BadLine: func(b *BadLine) { bad, last = bad+1, b.Cause },
	}
	summary, err := Run(t.Context(), Request{Path: dir}, sink, &hashpool.Progress{})
	if err != nil || summary.OK() || summary.Entries != maxContradictions+100 {
		t.Errorf("%+v, %v", summary, err)
	}
	if bad != maxContradictions+1 || !strings.HasPrefix(last, "more than 10000 contradictions") {
		t.Errorf("%d bad lines, the last is %q", bad, last)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
