package engine_test

import (
	"crypto/md5"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"checksig/internal/engine"
)

const benchFiles = 20_000

// benchFolder makes a folder of small files, listed in SHA1SUMS.
func benchFolder(b *testing.B, alsoMD5 bool) string {
	b.Helper()
	dir := b.TempDir()
	var sums, md5sums strings.Builder
	for i := range benchFiles {
		content := []byte(strings.Repeat(fmt.Sprintf("%08d", i), 512))
		name := fmt.Sprintf("f%05d", i)
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha1.Sum(content), name)
		fmt.Fprintf(&md5sums, "%x  %s\n", md5.Sum(content), name)
	}
	manifestIn(b, dir, "SHA1SUMS", sums.String())
	if alsoMD5 {
		manifestIn(b, dir, "MD5SUMS", md5sums.String())
	}
	return dir
}

func benchmark(b *testing.B, r engine.Request) {
	b.Helper()
	sink := engine.Sink{
		Manifest: func(*engine.Manifest) {}, Result: func(*engine.Result) {}, BadLine: func(*engine.BadLine) {},
	}
	for b.Loop() {
		if s, err := engine.Run(b.Context(), r, sink, &engine.Progress{}); err != nil || !s.OK() {
			b.Fatalf("%+v, %v", s, err)
		}
	}
}

func BenchmarkSmallFiles(b *testing.B) {
	benchmark(b, engine.Request{Path: benchFolder(b, false)})
}

func BenchmarkSmallFilesUnderTwoAlgorithms(b *testing.B) {
	benchmark(b, engine.Request{Path: benchFolder(b, true)})
}
