package generate_test

import (
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"checksig/internal/hashpool"
	"checksig/internal/verify"
)

// folder makes a folder of files; lists returns the GNU sha1 line of each.
func folder(t testing.TB, files map[string]string) (dir string, lists func(names ...string) string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		manifestIn(t, dir, name, text)
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

// verified verifies what was written.
func verified(t testing.TB, r verify.Request) (summary verify.Summary, err error) {
	t.Helper()
	sink := verify.Sink{
		Manifest: func(*verify.Manifest) {}, Read: func(*verify.Manifest) {},
		Result: func(*verify.Result) {}, BadLine: func(*verify.BadLine) {}, Unlisted: func(*verify.UnlistedFile) {},
	}
	return verify.Run(context.Background(), r, sink, &hashpool.Progress{})
}
