package hashpool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

// setup returns a pool of two workers for a folder, and its root.
func setup(t testing.TB, dir string, change func(*Config[string])) (*Pool[string], *safefs.Root, *collector) {
	t.Helper()
	group := guard.New(t.Context())
	t.Cleanup(group.Close)
	roots, err := safefs.NewRootCache(dir, "shown", false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(roots.Close)
	c := &collector{got: map[string]string{}, progress: &Progress{}}
	config := Config[string]{
		Workers: 2, BytesRead: &c.progress.Bytes, NewHandler: func(int) Handler[string] { return c },
	}
	if change != nil {
		change(&config)
	}
	p, err := New(group, roots, config)
	if err != nil {
		t.Fatal(err)
	}
	return p, roots.Top(), c
}

// collector keeps what became of each payload.
type collector struct {
	progress *Progress
	others   []string
	again    int
	wanted   func(OpenFile) bool

	mu  sync.Mutex
	got map[string]string
}

func (c *collector) Opened(t *Task[string], f OpenFile) {
	if c.wanted != nil && !c.wanted(f) {
		t.Algorithms = t.Algorithms[:0]
	}
}

func (c *collector) OtherNames(*Task[string]) []string { return c.others }

func (c *collector) Done(t *Task[string], o *Outcome) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	result := ""
	if o.Err != nil {
		result = " " + o.Err.Error()
	}
	for _, a := range t.Algorithms {
		if o.Err == nil {
			result += fmt.Sprintf(" %s:%x", a.Name, o.Digest(a))
		}
	}
	c.got[t.Payload] += o.Name + result
	c.again--
	return c.again >= 0
}

func algorithms(names ...string) (found []*digest.Algorithm) {
	for _, name := range names {
		found = append(found, digest.ByName(name))
	}
	return found
}

func write(t testing.TB, dir, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func content(size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	return content
}

func sum(name string, content []byte) string {
	h := digest.ByName(name).New()
	h.Write(content)
	return fmt.Sprintf(" %s:%x", name, h.Sum(nil))
}

func (p *Pool[P]) submit(root *safefs.Root, name string, payload P, by ...*digest.Algorithm) {
	t := p.Task()
	t.Root, t.Name, t.Size, t.Payload = root, name, -1, payload
	t.Algorithms = append(t.Algorithms[:0], by...)
	p.Submit(t)
}

// Every file is hashed once by all its algorithms, however many there are, and however large.
func TestPoolHashesEveryFile(t *testing.T) {
	for _, count := range []int{0, 1, startAt - 1, startAt, 3000} {
		t.Run(fmt.Sprintf("%d files", count), func(t *testing.T) {
			dir := t.TempDir()
			p, root, c := setup(t, dir, nil)
			want := map[string]string{}
			total := 0
			for i := range count {
				name := fmt.Sprintf("%d/%d", i%7, i)
				data := content(i * 13 % 5000)
				if i == 5 {
					data = content(3 << 20)
				}
				write(t, dir, name, data)
				total += len(data)
				names := []string{"sha256"}
				if i%10 == 5 {
					names = []string{"md5", "crc32", "sha512"}
				}
				want[name] = name
				for _, by := range names {
					want[name] += sum(by, data)
				}
				p.submit(root, name, name, algorithms(names...)...)
			}
			p.Finish()
			for name := range want {
				if c.got[name] != want[name] {
					t.Fatalf("%s: got %q, want %q", name, c.got[name], want[name])
				}
			}
			if len(c.got) != count || c.progress.Bytes.Load() != int64(total) || p.roots.OpenFiles() != 0 {
				t.Errorf("%d files, %d of %d bytes, %d still open", len(c.got), c.progress.Bytes.Load(), total, p.roots.OpenFiles())
			}
		})
	}
}

func TestHandler(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", []byte("a"))
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	a := sum("sha1", []byte("a"))
	for name, c := range map[string]struct {
		file  string
		size  int64
		ask   bool
		setup func(*collector)
		want  string
	}{
		"a regular file":             {"a", -1, false, nil, "a" + a},
		"a missing file":             {"none", -1, false, nil, "none statat none: no such file or directory"},
		"a folder":                   {"folder", -1, false, nil, "folder not a regular file"},
		"a name that leads outside":  {"../a", -1, false, nil, "../a leads outside the manifest's folder"},
		"another name":               {"A", -1, false, func(c *collector) { c.others = []string{"none", "a", "folder"} }, "a" + a},
		"no other name":              {"A", -1, false, func(c *collector) { c.others = []string{"none"} }, "A statat A: no such file or directory"},
		"another name is no file":    {"A", -1, false, func(c *collector) { c.others = []string{"folder", "a"} }, "A not a regular file"},
		"asked, and wanted":          {"a", -1, true, func(c *collector) { c.wanted = func(f OpenFile) bool { return f.Size() == 1 } }, "a" + a},
		"asked, and not wanted":      {"a", -1, true, func(c *collector) { c.wanted = func(OpenFile) bool { return false } }, "a"},
		"not asked":                  {"a", -1, false, func(c *collector) { c.wanted = func(OpenFile) bool { return false } }, "a" + a},
		"the size expected":          {"a", 1, false, func(c *collector) { c.wanted = func(OpenFile) bool { return false } }, "a" + a},
		"another size than expected": {"a", 2, false, func(c *collector) { c.wanted = func(OpenFile) bool { return false } }, "a"},
		"done again":                 {"a", -1, false, func(c *collector) { c.again = 2 }, "a" + a + "a" + a + "a" + a},
	} {
		t.Run(name, func(t *testing.T) {
			p, root, got := setup(t, dir, nil)
			if c.setup != nil {
				c.setup(got)
			}
			task := p.Task()
			task.Root, task.Name, task.Size, task.Ask, task.Payload = root, c.file, c.size, c.ask, "x"
			task.Algorithms = append(task.Algorithms, algorithms("sha1")...)
			p.Submit(task)
			p.Finish()
			if got.got["x"] != c.want {
				t.Errorf("got %q, want %q", got.got["x"], c.want)
			}
		})
	}
}

// A panic in a handler ends the group, and Finish returns.
func TestAPanicInAHandlerEndsThePool(t *testing.T) {
	for _, count := range []int{1, 100} {
		t.Run(fmt.Sprintf("%d files", count), func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "a", []byte("a"))
			p, root, _ := setup(t, dir, func(c *Config[string]) {
				c.NewHandler = func(int) Handler[string] { return &panicking{} }
			})
			for range count {
				p.submit(root, "a", "a", algorithms("sha256")...)
			}
			p.Finish()
			var panicked *guard.PanicError
			if !errors.As(p.group.Err(), &panicked) {
				t.Errorf("%v", p.group.Err())
			}
		})
	}
}

type panicking struct{ collector }

func (*panicking) Done(*Task[string], *Outcome) bool { panic("no") }

func openFile(t *testing.T, dir string) *safefs.File {
	t.Helper()
	file, err := safefs.Open(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// Whatever a file's size, all its digests are the same with fan-out.
func TestFanOutDigests(t *testing.T) {
	by := algorithms("md5", "sha256", "crc32")
	for _, size := range []int{
		0, 1, fanOutChunk - 1, fanOutChunk, fanOutChunk + 1, fanOutSize - 1, fanOutSize, 9*fanOutSize + 5,
		hugeFile - 1, hugeFile, hugeFile + hugeChunk + 5,
	} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir, data := t.TempDir(), content(size)
			write(t, dir, "file", data)
			for count := 1; count <= len(by); count++ {
				p, _, c := setup(t, dir, nil)
				hashers := newWorker(p).start(by[:count], int64(size))
				total, err := p.fanOut(openFile(t, dir), hashers)
				if err != nil || total != int64(size) || c.progress.Bytes.Load() != int64(size) {
					t.Fatalf("%d of %d bytes, %v", total, size, err)
				}
				for i, a := range by[:count] {
					h := a.Of(int64(size))
					h.Write(data)
					if got := hashers[i].Sum(nil); !bytes.Equal(got, h.Sum(nil)) {
						t.Errorf("%s of %d bytes: %x", a.Name, size, got)
					}
				}
			}
		})
	}
}

// One CPU reads a large file, and another one hashes it.
func TestLargeFile(t *testing.T) {
	dir, data := t.TempDir(), content(hugeFile+12345)
	write(t, dir, "file", data)
	for _, by := range []string{"sha256", "crc32"} {
		for _, leaveCache := range []bool{false, true} {
			p, root, c := setup(t, dir, func(c *Config[string]) { c.LeaveCache = leaveCache })
			p.submit(root, "file", "file", algorithms(by)...)
			p.Finish()
			if want := "file" + sum(by, data); c.got["file"] != want || c.progress.Bytes.Load() != int64(len(data)) {
				t.Errorf("%q of %d bytes, not %q", c.got["file"], c.progress.Bytes.Load(), want)
			}
		}
	}
}

// TestManyRoots has others than the workers with lanes open roots.
func TestManyRoots(t *testing.T) {
	defer func(before time.Duration) { slowRoot = before }(slowRoot)
	slowRoot = 0
	dir, want := t.TempDir(), map[string]string{}
	p, top, c := setup(t, dir, func(c *Config[string]) { c.Depth = 16 })
	for file := range 4 {
		for folder := range 300 { // more than are kept open
			in, name := fmt.Sprint(folder), fmt.Sprint(file)
			data := fmt.Appendf(nil, "%d %d", folder, file)
			if file == 0 {
				if err := os.Mkdir(filepath.Join(dir, in), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			write(t, dir, in+"/"+name, data)
			want[in+"/"+name] = name + sum("sha256", data)
			p.submit(p.roots.At(in, ""), name, in+"/"+name, algorithms("sha256")...)
		}
	}
	missing := p.roots.At("none", "")
	p.submit(missing, "file", "none/file", algorithms("sha256")...)
	p.submit(top, "0/0", "0/0 again", algorithms("sha256")...)
	p.Finish()
	for payload, result := range want {
		if c.got[payload] != result {
			t.Fatalf("%s: %q, not %q", payload, c.got[payload], result)
		}
	}
	if got := c.got["none/file"]; len(c.got) != len(want)+2 || !strings.Contains(got, "no such file") {
		t.Errorf("%d results, %q", len(c.got), got)
	}
}

// onWrite is a hasher that does something with the first chunk.
type onWrite struct {
	hash.Hash
	do func()
}

func (h *onWrite) Write(p []byte) (int, error) {
	h.do()
	return h.Hash.Write(p)
}

func TestFanOutEnds(t *testing.T) {
	for _, size := range []int64{3 * fanOutChunks * fanOutChunk, hugeFile + 1} {
		t.Run(fmt.Sprint(size), func(t *testing.T) { testFanOutEnds(t, size) })
	}
}

func testFanOutEnds(t *testing.T, size int64) {
	newHash := digest.ByName("crc32").New
	prepare := func(t *testing.T) (*Pool[string], string) {
		dir := t.TempDir()
		write(t, dir, "file", content(int(size)))
		p, _, _ := setup(t, dir, nil)
		return p, dir
	}
	t.Run("when the file grows", func(t *testing.T) {
		p, dir := prepare(t)
		grow := func() {
			if err := os.Truncate(filepath.Join(dir, "file"), size+1); err != nil {
				t.Error(err)
			}
		}
		if _, err := p.fanOut(openFile(t, dir), []hash.Hash{&onWrite{newHash(), grow}}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("when the file ends early", func(t *testing.T) {
		p, dir := prepare(t)
		file := openFile(t, dir)
		if err := os.Truncate(filepath.Join(dir, "file"), fanOutChunk); err != nil {
			t.Fatal(err)
		}
		if _, err := p.fanOut(file, []hash.Hash{newHash()}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("when it is cancelled", func(t *testing.T) {
		p, dir := prepare(t)
		total, err := p.fanOut(openFile(t, dir), []hash.Hash{&onWrite{newHash(), p.group.Close}, newHash()})
		if !errors.Is(err, context.Canceled) || total == size {
			t.Errorf("%d bytes, %v", total, err)
		}
	})
	t.Run("when a hasher panics", func(t *testing.T) {
		p, dir := prepare(t)
		_, err := p.fanOut(openFile(t, dir), []hash.Hash{newHash(), &onWrite{newHash(), func() { panic("no") }}})
		var panicked *guard.PanicError
		if err == nil || !errors.As(p.group.Err(), &panicked) {
			t.Errorf("%v, %v", err, p.group.Err())
		}
	})
}

// Only CPUs that have nothing else to do take part.
func TestIdleCPUs(t *testing.T) {
	for _, c := range []struct{ workers, busy, waiting, want int }{
		{1, 1, 0, 0}, {2, 1, 0, 1}, {2, 2, 0, 0}, {2, 2, 1, 1}, {8, 3, 0, 5},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			p, _, _ := setup(t, t.TempDir(), func(config *Config[string]) { config.Workers = c.workers })
			p.busy.Store(int32(c.busy))
			p.queue.idle = c.waiting
			if got := p.idleCPUs(); got != c.want {
				t.Errorf("%d", got)
			}
		})
	}
}

// The prober finds the sizes of what waits; the name of a link or of nothing tells none.
func TestProber(t *testing.T) {
	if _, err := multibuffer.NewHasher(); err != nil {
		t.Skip("nothing to probe for here: ", err)
	}
	if prober, err := safefs.NewProber(); err != nil {
		t.Skip("no prober: ", err)
	} else {
		prober.Free()
	}
	dir := t.TempDir()
	sizes := map[string]int64{"a": 3, "sub/b": 3 * hugeFile, "empty": 0}
	for name, size := range sizes {
		write(t, dir, name, make([]byte, size))
	}
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	p, root, _ := setup(t, dir, nil)
	for _, name := range []string{"link", "a", "absent", "sub", "empty", "sub/b"} {
		p.queue.put(&Task[string]{Root: root, Name: name, weight: -1})
	}
	var probing sync.WaitGroup
	p.group.Go(&probing, p.probe)
	for !p.queue.hasLarge() {
		continue
	}
	p.group.Close()
	probing.Wait()
	var order []string
	for p.queue.len() > 0 {
		task := p.queue.take(&holding{}, false)
		order = append(order, task.Name)
		if size, ok := sizes[task.Name]; ok && task.seen.Size() != size || !ok && task.weight != -1 {
			t.Errorf("%s: %d bytes", task.Name, task.weight)
		}
	}
	if order[0] != "sub/b" {
		t.Errorf("%v", order)
	}
}

func (q *queue[P]) hasLarge() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.large) > 0
}

// Where no threads read for lanes, workers are added while the storage is slow.
func TestWorkersAreAdded(t *testing.T) {
	if safefs.FileSetThreads {
		t.Skip("threads read for lanes")
	}
	dir := t.TempDir()
	p, root, c := setup(t, dir, nil)
	write(t, dir, "x", content(200_000))
	for i := range 7 {
		p.queue.put(&Task[string]{Root: root, Name: "x", Payload: fmt.Sprint(i), Algorithms: algorithms("sha256"), Size: -1, weight: -1})
	}
	w := newWorker(p)
	l := newLaneWorker(w)
	if l == nil {
		t.Skip("no kernels")
	}
	defer l.free()
	w.whenSlow = func() { p.addWorker() }
	for p.readers.Load() == 0 {
		w.noteWait(time.Hour)
	}
	p.Finish()
	for i := range 7 {
		if want := "x" + sum("sha256", content(200_000)); c.got[fmt.Sprint(i)] != want {
			t.Errorf("%s, not %s", c.got[fmt.Sprint(i)], want)
		}
	}
}
