package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"checksig/internal/manifest"
	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

const gigabyte = 1 << 30

func weighing(weight int64) *task { return &task{weight: weight} }

func filled(workers int, weights ...int64) *queue {
	q := newQueue(workers)
	for _, weight := range weights {
		q.put(weighing(weight))
	}
	return q
}

// takeAll has workers take in turns what they may, and returns the weights that each took.
func takeAll(q *queue) [][]int64 {
	hands := make([]holding, q.workers)
	taken := make([][]int64, q.workers)
	for more := true; more; {
		more = false
		for i := range hands {
			if t := q.take(&hands[i], false); t != nil {
				hands[i].now.add(t.load())
				taken[i] = append(taken[i], t.weight)
				more = true
			}
		}
	}
	return taken
}

func TestLargeFilesComeFirst(t *testing.T) {
	q := filled(1, 5, largeFile, 3, gigabyte, largeFile-1, -1, largeFile+1, gigabyte, 0)
	var got []string
	for q.len() > 0 {
		task := q.take(&holding{}, false)
		got = append(got, fmt.Sprintf("%d:%d", task.turn, task.weight))
	}
	want := "3:1073741824 7:1073741824 6:1048577 1:1048576 0:5 2:3 4:1048575 5:-1 8:0"
	if strings.Join(got, " ") != want {
		t.Errorf("%v, not %s", got, want)
	}
}

func TestWorkersShare(t *testing.T) {
	small := slices.Repeat([]int64{4096}, 200)
	for what, c := range map[string]struct {
		weights []int64
		want    string
	}{
		"four large ones":             {slices.Repeat([]int64{gigabyte}, 4), "[[g g] [g g]]"},
		"three":                       {slices.Repeat([]int64{gigabyte}, 3), "[[g g] [g]]"},
		"two":                         {slices.Repeat([]int64{gigabyte}, 2), "[[g] [g]]"},
		"one of which is much larger": {[]int64{gigabyte, gigabyte, 5 * gigabyte, gigabyte, gigabyte}, "[[5g] [g g g g]]"},
		"the last is large":           {append(slices.Clone(small), gigabyte), "[[g] [200]]"},
		"small ones":                  {small, "[[100] [100]]"},
		"unknown ones":                {slices.Repeat([]int64{-1}, 10), "[[5] [5]]"},
	} {
		var shown []string
		for _, weights := range takeAll(filled(2, c.weights...)) {
			var words []string
			few := 0
			for _, weight := range weights {
				switch {
				case weight == gigabyte:
					words = append(words, "g")
				case weight > gigabyte:
					words = append(words, fmt.Sprintf("%dg", weight/gigabyte))
				default:
					few++
				}
			}
			if few > 0 {
				words = append(words, fmt.Sprint(few))
			}
			shown = append(shown, fmt.Sprint(words))
		}
		if got := fmt.Sprint(shown); got != c.want {
			t.Errorf("%s: %s, not %s", what, got, c.want)
		}
	}
}

// Whatever the sizes, and whatever is found out of them meanwhile: every task is taken once, the
// small ones in order, and no more wait than may.
func TestQueueLosesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		workers, count := 1+random.IntN(5), random.IntN(20_000)
		q := newQueue(workers)
		var group sync.WaitGroup
		var mu sync.Mutex
		var seen []int
		var again spent
		for range workers {
			group.Go(func() {
				last := -1
				for {
					task := q.take(&holding{}, true)
					if task == nil {
						return
					}
					if !task.isLarge() {
						if task.turn <= last {
							t.Errorf("%d comes behind %d", task.turn, last)
						}
						last = task.turn
					}
					mu.Lock()
					seen = append(seen, task.turn)
					mu.Unlock()
					again.put(task)
				}
			})
		}
		weights := make([]int64, count)
		for i := range weights {
			weights[i] = random.Int64N(2*largeFile) - largeFile/4
		}
		group.Go(func() {
			for _, weight := range weights {
				t := again.task(claim{})
				t.weight = max(weight, -1)
				q.put(t)
			}
			q.close()
		})
		for !q.isDrained() {
			q.mu.Lock()
			if q.len() > mostAhead || q.small.end-q.small.first > 4*mostAhead {
				t.Errorf("%d wait, in %d places", q.len(), q.small.end-q.small.first)
			}
			q.mu.Unlock()
			var waiting [scoutTurn]sight
			for n := q.unseen(q.pace(), waiting[:]); n > 0; n-- {
				q.mu.Lock()
				if s := waiting[n-1]; q.has(s) {
					q.reweigh(s.task, int64(n)*largeFile/2)
				}
				q.mu.Unlock()
			}
		}
		group.Wait()
		slices.Sort(seen)
		for i, turn := range seen {
			if i != turn {
				t.Fatalf("%d is at %d", turn, i)
			}
		}
		if len(seen) != count || q.memory != 0 || q.waiting != 0 || q.unsized != 0 {
			t.Fatalf("%d of %d; %+v", len(seen), count, q)
		}
	}
}

func (q *queue) isDrained() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && q.len() == 0
}

func TestAClosedQueueTakesNoMore(t *testing.T) {
	q := newQueue(1)
	for range mostWaiting {
		q.put(weighing(1))
	}
	done := make(chan struct{})
	go func() {
		q.put(weighing(1)) // waits for room
		close(done)
	}()
	q.close()
	<-done
	if q.len() != mostWaiting {
		t.Errorf("%d wait", q.len())
	}
}

// The scout looks at what has waited; the name of a link or of nothing tells no size.
func TestScout(t *testing.T) {
	dir := t.TempDir()
	sizes := map[string]int64{"a": 3, "sub/b": 3 * largeFile, "empty": 0}
	for name, size := range sizes {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Skip("no links here")
	}
	tree, err := safefs.OpenTree(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	top := &base{dir: dir, within: "."}
	ctx, cancel := context.WithCancel(t.Context())
	r := &run{request: Request{Workers: 2}, queue: newQueue(2), bases: newBases(top, tree, false)}
	defer r.bases.close()
	names := []string{"link", "a", "absent", "sub", "empty", "sub/b"}
	for _, name := range names {
		r.queue.put(&task{claim: claim{base: top, name: name, entry: manifest.Entry{Name: name}}, weight: -1})
	}
	var group sync.WaitGroup
	group.Go(func() { r.lookAhead(ctx) })
	if hasLanes() {
		for !r.queue.hasLarge() {
			continue
		}
	}
	cancel()
	group.Wait()
	var order []string
	for r.queue.len() > 0 {
		task := r.queue.take(&holding{}, false)
		order = append(order, task.name)
		if size, ok := sizes[task.name]; hasLanes() && (ok && task.seen.Size() != size) || !ok && task.weight != -1 {
			t.Errorf("%s: %d bytes", task.name, task.weight)
		}
	}
	if hasLanes() && order[0] != "sub/b" {
		t.Errorf("%v", order)
	}
}

func hasLanes() bool {
	scout, err := multibuffer.NewScout()
	if err != nil {
		return false
	}
	scout.Free()
	return true
}

func (q *queue) hasLarge() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.large) > 0
}
