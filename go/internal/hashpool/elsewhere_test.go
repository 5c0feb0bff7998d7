package hashpool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/safefs"
)

// outcomes keeps what a pool found, by name.
type outcomes struct {
	mu    sync.Mutex
	found map[string]string
}

func (*outcomes) Opened(*hashpool.Task[string], hashpool.OpenFile) {}

func (*outcomes) OtherNames(*hashpool.Task[string]) []string { return nil }

func (h *outcomes) Done(t *hashpool.Task[string], o *hashpool.Outcome) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.found[t.Name] += fmt.Sprint(o.Err, " ", o.Size)
	return false
}

// elsewhere is a pool that hashes nothing itself.
type elsewhere struct {
	*hashpool.Pool[string]
	top   *safefs.Root
	group *guard.Group
	bytes *atomic.Int64
	found map[string]string // see outcomes
}

// newElsewhere returns a pool for the files in a folder, whose shards go to send. It ends with the test.
func newElsewhere(ctx context.Context, t *testing.T, dir string, inFlight int, send func(*hashpool.Shard)) *elsewhere {
	t.Helper()
	roots, err := safefs.NewRootCache(dir, "", false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(roots.Close)
	group := guard.New(ctx)
	t.Cleanup(group.Close)
	handler := &outcomes{found: map[string]string{}}
	bytes := &atomic.Int64{}
	pool, err := hashpool.New(group, roots, hashpool.Config[string]{
		BytesRead: bytes, NewHandler: func(int) hashpool.Handler[string] { return handler },
		Elsewhere: &hashpool.Elsewhere{InFlight: inFlight, Send: send},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &elsewhere{pool, roots.Top(), group, bytes, handler.found}
}

// submit has a file hashed whose size is known, or -1.
func (e *elsewhere) submit(name string, size int64) {
	sha256, _ := digest.Find("sha256")
	task := e.Task()
	task.Root, task.Name, task.Size, task.Memory = e.top, name, size, len(name)
	task.Algorithms = append(task.Algorithms[:0], sha256)
	e.Submit(task)
}

func TestElsewhere(t *testing.T) {
	dir := t.TempDir()
	const large, small, inFlight = 2, 600, 3
	names := []string{"gone", "nul\x00"}
	for i := range large {
		names = append(names, fmt.Sprintf("large%d", i))
		file, err := os.Create(filepath.Join(dir, names[len(names)-1]))
		if err != nil || file.Truncate(1<<30) != nil || file.Close() != nil {
			t.Fatal(err)
		}
	}
	for i := range small {
		names = append(names, fmt.Sprintf("small%d", i))
		if err := os.WriteFile(filepath.Join(dir, names[len(names)-1]), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var flying, most atomic.Int64
	var shards sync.WaitGroup
	pool := newElsewhere(t.Context(), t, dir, inFlight, func(s *hashpool.Shard) {
		most.Store(max(most.Load(), flying.Add(1)))
		if len(s.Files) > 1 && s.Bytes >= 1<<30 {
			t.Errorf("a large file is in a shard of %d files", len(s.Files))
		}
		shards.Go(func() {
			if s.Files[0].Names[0] == "large1" {
				flying.Add(-1)
				s.Finish(nil, errors.New("lost"))
				return
			}
			found := make([]hashpool.ShardOutcome, len(s.Files))
			for i, f := range s.Files {
				found[i] = hashpool.ShardOutcome{State: safefs.State{Size: 5}, BytesRead: 5, Digests: [][]byte{{1}}}
				if f.Names[0] == "gone" {
					found[i] = hashpool.ShardOutcome{State: safefs.State{Size: -1}, Err: safefs.Reported(safefs.MissingError, "gone")}
				} else if f.Names[0] == "small0" {
					found[i] = hashpool.ShardOutcome{State: safefs.State{Size: -1}, Err: safefs.Reported(safefs.MissingError, "gone")}
				}
			}
			flying.Add(-1)
			s.Finish(found, nil)
		})
	})
	for _, name := range names {
		pool.submit(name, -1)
	}
	pool.Finish()
	shards.Wait()
	if err := pool.group.Err(); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		want := "<nil> 5"
		switch name {
		case "gone":
			want = "gone 0"
		case "large1":
			want = "lost 0"
		case "nul\x00":
			want = pool.found[name]
			if !strings.Contains(want, "invalid") {
				t.Errorf("%q: %s", name, want)
			}
		case "small0": // only the worker does not find it
			want = pool.found[name]
			if !strings.Contains(want, "at the same path") {
				t.Errorf("%s: %s", name, want)
			}
		}
		if got := pool.found[name]; got != want {
			t.Errorf("%q: %q instead of %q", name, got, want)
		}
	}
	if most.Load() > inFlight {
		t.Errorf("%d shards in flight, not at most %d", most.Load(), inFlight)
	}
	if want := int64(5 * (len(names) - 4)); pool.bytes.Load() != want {
		t.Errorf("%d bytes read instead of %d", pool.bytes.Load(), want)
	}
}

func TestElsewhereEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	pool := newElsewhere(ctx, t, t.TempDir(), 1, func(*hashpool.Shard) { cancel() })
	pool.submit("x", -1)
	pool.Finish() // although no shard is ever finished
}

func TestElsewhereFlush(t *testing.T) {
	sent := make(chan *hashpool.Shard, 1)
	pool := newElsewhere(t.Context(), t, t.TempDir(), 1, func(s *hashpool.Shard) { sent <- s })
	pool.submit("x", -1)
	pool.Flush()
	shard := <-sent // although no more files were submitted
	shard.Finish([]hashpool.ShardOutcome{{State: safefs.State{Size: 1}, BytesRead: 1, Digests: [][]byte{{1}}}}, nil)
	pool.Finish()
	if got := pool.found["x"]; got != "<nil> 1" || pool.group.Err() != nil {
		t.Errorf("%q, %v", got, pool.group.Err())
	}
}

// TestElsewhereShards checks how many files shards have: at first few, so that work begins; then more, the more are known
// to follow; and fewer at the end, so that all workers end at about the same time. Many are a multiple of 16.
func TestElsewhereShards(t *testing.T) {
	const inFlight = 2
	for _, test := range []struct {
		files int // a multiple of 128: as many as are placed in shards at once
		size  int64
		want  []int
	}{
		{128, 768 << 10, []int{32, 32, 32, 16, 11, 5}},
		{1280, 1 << 20, []int{32, 32, 240, 240, 240, 240, 128, 64, 32, 20, 12}},
	} {
		sent := make(chan *hashpool.Shard, test.files)
		pool := newElsewhere(t.Context(), t, t.TempDir(), inFlight, func(s *hashpool.Shard) { sent <- s })
		for i := range test.files {
			pool.submit(fmt.Sprint(i), test.size)
		}
		if len(sent) != inFlight { // the others wait until these are done, when all files are known
			t.Fatalf("%d shards sent instead of %d", len(sent), inFlight)
		}
		var sizes []int
		var finishing sync.WaitGroup
		finishing.Go(func() {
			for s := range sent {
				sizes = append(sizes, len(s.Files))
				found := make([]hashpool.ShardOutcome, len(s.Files))
				for i := range found {
					found[i] = hashpool.ShardOutcome{State: safefs.State{Size: test.size}, BytesRead: 1, Digests: [][]byte{{1}}}
				}
				s.Finish(found, nil)
			}
		})
		pool.Finish()
		close(sent)
		finishing.Wait()
		if fmt.Sprint(sizes) != fmt.Sprint(test.want) || len(pool.found) != test.files {
			t.Errorf("%v files in shards instead of %v, %d outcomes", sizes, test.want, len(pool.found))
		}
	}
}
