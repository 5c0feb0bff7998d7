package verify

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"checksig/internal/hashpool"
)

// slowTree makes folders with manifests of all kinds, and returns how many files and bytes these list.
func slowTree(t testing.TB, dir string) (files, size int64) {
	t.Helper()
	for i := range 120 {
		folder := fmt.Sprintf("%s/%d/%d", dir, i%7, i)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		content := fmt.Sprint("content ", i)
		write(t, folder+"/file", content)
		line := fmt.Sprintf("%x  file\n", sha256.Sum256([]byte(content)))
		bag := fmt.Sprintf("%x  data/file\n", sha256.Sum256([]byte(content)))
		name, text := "SHA256SUMS", line
		switch i % 8 {
		case 0:
			text = ""
		case 1:
			text += "neither a digest nor a name\n"
		case 2:
			text = strings.Repeat("#"+strings.Repeat(" large", 1000)+"\n", 11) + line
		case 3: // a candidate
			name = "hashes.txt"
		case 4: // a candidate that is none
			name, text = "digests.txt", "nothing\n"
		case 5:
			name = "manifest-sha256.txt"
			write(t, folder+"/bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
			if err := os.Mkdir(folder+"/data", 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, folder+"/data/file", content)
			write(t, folder+"/data/unlisted", content)
			for n := 0; i == 13 && n <= maxRemarks; n++ {
				write(t, fmt.Sprintf("%s/data/unlisted %d", folder, n), content)
			}
			text = bag
		case 6: // a folder instead
			if err := os.Mkdir(folder+"/SHA1SUMS", 0o755); err != nil {
				t.Fatal(err)
			}
		case 7:
			if os.Symlink("/etc/passwd", folder+"/MD5SUMS") != nil {
				write(t, folder+"/MD5SUMS", "")
			}
		}
		write(t, filepath.Join(folder, name), text)
		if i%8 != 0 && i%8 != 4 {
			files, size = files+1, size+int64(len(content))
		}
	}
	return files, size
}

// TestSlowStorageChangesNothing reads manifests in their turn and ahead of it.
func TestSlowStorageChangesNothing(t *testing.T) {
	dir := t.TempDir()
	files, size := slowTree(t, dir)
	defer func(manifest, stat time.Duration) { fastManifest, fastStat = manifest, stat }(fastManifest, fastStat)
	run := func(fast time.Duration) (read, found []string, totals [2]int64) {
		fastManifest, fastStat = fast, fast
		var mu sync.Mutex
		add := func(to *[]string, what ...any) {
			mu.Lock()
			defer mu.Unlock()
			*to = append(*to, fmt.Sprint(what...))
		}
		sink := Sink{
			Manifest: func(m *Manifest) { add(&read, m.Index, m.Path, m.Format) },
			Read:     func(m *Manifest) { add(&read, m.Index, len(m.Algorithms)) },
			Result:   func(r *Result) { add(&found, r.Manifest.Path, r.Name, r.Status, r.Detail) },
			BadLine:  func(b *BadLine) { add(&found, b.Manifest.Path, b.Line, b.Cause) },
			Unlisted: func(u *UnlistedFile) { add(&found, u.Path) },
			Note:     func(n *Note) { add(&found, n.Text) },
		}
		request := Request{Reading: Reading{Recursive: true}, Path: dir, Unlisted: ReportUnlisted, Workers: 1}
		if _, err := Run(t.Context(), request, sink, &hashpool.Progress{}); err != nil {
			t.Fatal(err)
		}
		d, err := discover(t.Context(), dir, &request.Reading)
		if err != nil {
			t.Fatal(err)
		}
		defer d.roots.Close()
		totals[0], totals[1], err = countTotals(t.Context(), &reader{discovery: d, reading: &request.Reading}, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		return read, found, totals
	}
	read, found, totals := run(time.Hour)
	readSlow, foundSlow, totalsSlow := run(0)
	if !slices.Equal(read, readSlow) {
		t.Errorf("manifests: got %q\nwant %q", readSlow, read)
	}
	if !slices.Equal(found, foundSlow) {
		t.Errorf("results: got %q\nwant %q", foundSlow, found)
	}
	if want := [2]int64{files, size}; totals != want || totalsSlow != want {
		t.Errorf("totals are %d, and %d of slow files, want %d", totals, totalsSlow, want)
	}
}

// TestSearchTogether finds the same unlisted files in one walk as in one through each folder.
func TestSearchTogether(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for i := range 12 {
		folder := fmt.Sprintf("%s/%d/%d", dir, i%3, i)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, folder+"/file", "content")
		write(t, folder+"/SHA256SUMS", fmt.Sprintf("%x  file\n", sha256.Sum256([]byte("content"))))
	}
	write(t, outside+"/file", "outside")
	for folder, files := range map[string][]string{
		"1/1":        {"a/b/c", "a.sig", "SHA256SUMS.sig", "MD5SUMS.txt", "left/out/x", "z"},
		"none":       {"no manifest is here", "deep/nor here"},
		"2/2/nested": {"x", "SHA256SUMS.asc"},
		"":           {"top"},
	} {
		for _, file := range files {
			path := filepath.Join(dir, folder, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, path, "unlisted")
		}
	}
	for link, target := range map[string]string{
		"1/1/outside": outside + "/file", "1/1/inside": "z", "1/1/other": "../../2/11/file", "1/1/gone": "gone",
		"1/1/folder": "../../none",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	if err := os.Mkdir(dir+"/1/1/closed", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir+"/1/1/closed", 0o755) })
	defer func(before int) { manyRoots = before }(manyRoots)
	for _, exclude := range [][]string{nil, {"left"}, {"*.sig", "/2"}} {
		var all [2][]string
		for i, many := range []int{1 << 30, 1} {
			manyRoots = many
			var mu sync.Mutex
			add := func(what ...any) {
				mu.Lock()
				defer mu.Unlock()
				all[i] = append(all[i], fmt.Sprint(what...))
			}
			sink := Sink{
				Manifest: func(*Manifest) {}, Read: func(*Manifest) {}, Result: func(*Result) {},
				BadLine:  func(b *BadLine) { add(b.Manifest.Path, b.Line, b.Cause) },
				Unlisted: func(u *UnlistedFile) { add(u.Path) },
				Note:     func(n *Note) { add(n.Text) },
			}
			reading := Reading{Recursive: true, Exclude: exclude}
			request := Request{Reading: reading, Path: dir, Unlisted: ReportUnlisted, Workers: 1}
			if _, err := Run(t.Context(), request, sink, &hashpool.Progress{}); err != nil {
				t.Fatal(err)
			}
			slices.Sort(all[i])
		}
		if !slices.Equal(all[0], all[1]) || !slices.ContainsFunc(all[0], func(s string) bool { return strings.HasSuffix(s, "1/1/z") }) {
			t.Errorf("without %q: %q\nin one walk: %q", exclude, all[0], all[1])
		}
	}
}
