package filehash_test

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/filehash"
	"checksig/internal/hashpool"
	"checksig/internal/safefs"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	const md5, crc = "0cc175b9c0f1b6a831c399e269772661", "e8b7be43" // of "a"
	paths := []string{"none", ".", "../" + filepath.Base(dir) + "/0"}
	for i := range 50 { // enough that workers are started
		name := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(name, []byte("a"), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, name)
	}
	var mu sync.Mutex
	seen := map[int]bool{}
	_, err := filehash.Run(t.Context(), filehash.Request{
		Paths: paths, Dir: dir, Algorithms: []*digest.Algorithm{digest.ByName("md5"), digest.ByName("crc32")},
	}, func(r *filehash.Result) {
		mu.Lock()
		defer mu.Unlock()
		seen[r.File] = true
		switch {
		case r.File == 0 && safefs.IsMissing(r.Err), r.File == 1 && errors.Is(r.Err, safefs.ErrNotRegular):
		case r.Err != nil || hex.EncodeToString(r.Digests[0]) != md5 || hex.EncodeToString(r.Digests[1]) != crc || r.BytesRead != 1:
			t.Errorf("%s: %x, %v", paths[r.File], r.Digests, r.Err)
		}
	}, &hashpool.Progress{})
	if err != nil || len(seen) != len(paths) {
		t.Errorf("%d of %d files, %v", len(seen), len(paths), err)
	}
}

func TestACancelledRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := filehash.Run(ctx, filehash.Request{
		Paths: []string{"x"}, Dir: t.TempDir(), Algorithms: []*digest.Algorithm{digest.ByName("md5")},
	}, func(*filehash.Result) {}, &hashpool.Progress{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
