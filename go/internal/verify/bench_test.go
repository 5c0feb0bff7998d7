package verify_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"checksig/internal/hashpool"
	"checksig/internal/verify"
)

// BenchmarkRun is the engine alone. It verifies what CHECKSIG_BENCHMARK names, a folder or a
// manifest, or else a thousand small files; each once before, so that what is timed is warm.
func BenchmarkRun(b *testing.B) {
	path := os.Getenv("CHECKSIG_BENCHMARK")
	if path == "" {
		path = smallFiles(b, 1000)
	}
	verifyAll(b, path)
	for b.Loop() {
		verifyAll(b, path)
	}
}

// BenchmarkRunOfTwoAlgorithms reads each of a thousand small files once, for two manifests.
func BenchmarkRunOfTwoAlgorithms(b *testing.B) {
	path := smallFiles(b, 1000)
	var sums strings.Builder
	for i := range 1000 {
		content, err := os.ReadFile(filepath.Join(path, fmt.Sprintf("%04d", i)))
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %04d\n", md5.Sum(content), i)
	}
	manifestIn(b, path, "MD5SUMS", sums.String())
	for b.Loop() {
		verifyAll(b, path)
	}
}

func smallFiles(b testing.TB, count int) string {
	files := map[string]string{}
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("%04d", i)
		files[names[i]] = fmt.Sprintf("%4096d", i)
	}
	dir, lists := folder(b, files)
	manifestIn(b, dir, "SHA1SUMS", lists(names...))
	return dir
}

func verifyAll(b testing.TB, path string) {
	b.Helper()
	var results atomic.Int64
	sink := verify.Sink{
		Manifest: func(*verify.Manifest) {}, Read: func(*verify.Manifest) {}, Unlisted: func(*verify.UnlistedFile) {},
		Result:  func(*verify.Result) { results.Add(1) },
		BadLine: func(bad *verify.BadLine) { b.Errorf("%d: %s", bad.Line, bad.Cause) },
	}
	summary, err := verify.Run(context.Background(), verify.Request{Path: path}, sink, &hashpool.Progress{})
	if err != nil || !summary.OK() || results.Load() != summary.Entries {
		b.Fatalf("%+v, %v", summary, err)
	}
}

// BenchmarkRunOfOneFile is what a run costs by itself: one file of one byte.
func BenchmarkRunOfOneFile(b *testing.B) {
	dir, lists := folder(b, map[string]string{"a": "a"})
	manifestIn(b, dir, "SHA1SUMS", lists("a"))
	b.ReportAllocs()
	for b.Loop() {
		verifyAll(b, dir)
	}
}
