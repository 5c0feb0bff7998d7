package engine

import (
	"bytes"
	"context"
	"errors"
	"hash"
	"os"
	"path/filepath"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

func idleRun(ctx context.Context) *run {
	ctx, cancel := context.WithCancelCause(ctx)
	return &run{request: Request{Workers: 2}, ctx: ctx, fail: cancel, progress: &Progress{}}
}

func ofSize(t *testing.T, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	path = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func openedFile(t *testing.T, path string) *safefs.File {
	t.Helper()
	file, err := safefs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// Whatever a file's size, all its digests are the same, read ahead or not.
func TestRelayedDigests(t *testing.T) {
	algorithms := []*digest.Algorithm{digest.ByName("md5"), digest.ByName("sha256"), digest.ByName("crc32")}
	for _, size := range []int{
		0, 1, relayPiece - 1, relayPiece, relayPiece + 1, worthSharing - 1, worthSharing, 9*worthSharing + 5,
	} {
		path, content := ofSize(t, size)
		for count := 1; count <= len(algorithms); count++ {
			r, own := idleRun(t.Context()), hashers{}
			total, err := r.relay(openedFile(t, path), own.start(algorithms[:count]))
			if err != nil || total != int64(size) || r.progress.Bytes.Load() != int64(size) {
				t.Fatalf("%d of %d bytes, %v", total, size, err)
			}
			for _, a := range algorithms[:count] {
				h := a.New()
				h.Write(content)
				if got := own[a].Sum(nil); !bytes.Equal(got, h.Sum(nil)) {
					t.Errorf("%s of %d bytes: %x", a.Name, size, got)
				}
			}
		}
	}
}

// onWrite is a hasher that does something with the first piece.
type onWrite struct {
	hash.Hash
	do func()
}

func (h *onWrite) Write(p []byte) (int, error) {
	h.do()
	return h.Hash.Write(p)
}

func TestRelayEnds(t *testing.T) {
	size := 3 * relayPieces * relayPiece
	newHash := digest.ByName("crc32").New
	t.Run("when the file grows", func(t *testing.T) {
		path, _ := ofSize(t, size)
		grow := func() {
			if err := os.Truncate(path, int64(size)+1); err != nil {
				t.Error(err)
			}
		}
		_, err := idleRun(t.Context()).relay(openedFile(t, path), several{&onWrite{newHash(), grow}})
		if err == nil {
			t.Error("no error")
		}
	})
	t.Run("when the file ends early", func(t *testing.T) {
		path, _ := ofSize(t, size)
		file := openedFile(t, path)
		if err := os.Truncate(path, relayPiece); err != nil {
			t.Fatal(err)
		}
		if _, err := idleRun(t.Context()).relay(file, several{newHash()}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("when it is cancelled", func(t *testing.T) {
		path, _ := ofSize(t, size)
		r := idleRun(t.Context())
		total, err := r.relay(openedFile(t, path), several{&onWrite{newHash(), func() { r.fail(nil) }}, newHash()})
		if !errors.Is(err, context.Canceled) || total == int64(size) {
			t.Errorf("%d bytes, %v", total, err)
		}
	})
	t.Run("when a hasher panics", func(t *testing.T) {
		path, _ := ofSize(t, size)
		r := idleRun(t.Context())
		_, err := r.relay(openedFile(t, path), several{newHash(), &onWrite{newHash(), func() { panic("no") }}})
		var panicked *PanicError
		if err == nil || !errors.As(context.Cause(r.ctx), &panicked) {
			t.Errorf("%v, %v", err, context.Cause(r.ctx))
		}
	})
}

// Only CPUs that have nothing else to do take part.
func TestIdleCPUs(t *testing.T) {
	for _, c := range []struct{ workers, busy, waiting, want int }{
		{1, 1, 0, 0}, {2, 1, 0, 1}, {2, 2, 0, 0}, {2, 2, 1, 1}, {8, 3, 0, 5},
	} {
		r := idleRun(t.Context())
		r.request.Workers = c.workers
		r.busy.Store(int32(c.busy))
		r.queue = newQueue(c.workers)
		r.queue.idle = c.waiting
		if got := r.idleCPUs(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
