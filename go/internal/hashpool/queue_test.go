package hashpool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

const gigabyte = 1 << 30

type task = Task[struct{}]

func weighing(weight int64) *task { return &task{weight: weight} }

func filled(workers int, weights ...int64) *queue[struct{}] {
	q := newQueue[struct{}](workers)
	for _, weight := range weights {
		q.put(weighing(weight))
	}
	return q
}

// takeAll has workers take in turns what they may, and returns the weights that each took.
func takeAll(q *queue[struct{}]) [][]int64 {
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

func TestWorkersShareTheLoad(t *testing.T) {
	small := slices.Repeat([]int64{4096}, 200)
	for name, c := range map[string]struct {
		weights []int64
		want    string
	}{
		"four large files":      {slices.Repeat([]int64{gigabyte}, 4), "[[g g] [g g]]"},
		"three":                 {slices.Repeat([]int64{gigabyte}, 3), "[[g g] [g]]"},
		"two":                   {slices.Repeat([]int64{gigabyte}, 2), "[[g] [g]]"},
		"one is much larger":    {[]int64{gigabyte, gigabyte, 5 * gigabyte, gigabyte, gigabyte}, "[[5g] [g g g g]]"},
		"the last is large":     {append(slices.Clone(small), gigabyte), "[[g] [200]]"},
		"small files":           {small, "[[100] [100]]"},
		"files of unknown size": {slices.Repeat([]int64{-1}, 10), "[[5] [5]]"},
	} {
		t.Run(name, func(t *testing.T) {
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
				t.Errorf("%s, not %s", got, c.want)
			}
		})
	}
}

// Whatever the sizes, and whatever the prober finds out: every task is taken once, the small ones in
// order, and no more wait than may.
func TestQueueLosesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		workers, count := 1+random.IntN(5), random.IntN(20_000)
		q := newQueue[struct{}](workers)
		var free sync.Pool
		var running sync.WaitGroup
		var mu sync.Mutex
		var seen []int
		for range workers {
			running.Go(func() {
				last := -1
				for {
					task := q.take(&holding{}, true)
					if task == nil {
						return
					}
					if !task.isLarge() {
						if task.turn <= last {
							t.Errorf("%d comes after %d", task.turn, last)
						}
						last = task.turn
					}
					mu.Lock()
					seen = append(seen, task.turn)
					mu.Unlock()
					free.Put(task)
				}
			})
		}
		weights := make([]int64, count)
		for i := range weights {
			weights[i] = random.Int64N(2*largeFile) - largeFile/4
		}
		running.Go(func() {
			for _, weight := range weights {
				next, ok := free.Get().(*task)
				if !ok {
					next = &task{}
				}
				next.weight, next.Memory = max(weight, -1), 300
				q.put(next)
			}
			q.close()
		})
		for !q.isDrained() {
			q.mu.Lock()
			if q.len() > deep || q.small.end-q.small.first > 4*deep {
				t.Errorf("%d wait, in %d places", q.len(), q.small.end-q.small.first)
			}
			q.mu.Unlock()
			var waiting [probeBatch]waitingTask[struct{}]
			for n := q.unprobed(q.adjustDepth(), waiting[:]); n > 0; n-- {
				q.mu.Lock()
				if w := waiting[n-1]; q.has(w) {
					q.reweigh(w.task, int64(n)*largeFile/2)
				}
				q.mu.Unlock()
			}
		}
		running.Wait()
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

func (q *queue[P]) isDrained() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && q.len() == 0
}

func TestAClosedQueueTakesNoMore(t *testing.T) {
	q := newQueue[struct{}](1)
	for range shallow {
		q.put(weighing(1))
	}
	done := make(chan struct{})
	go func() {
		q.put(weighing(1)) // waits for room
		close(done)
	}()
	q.close()
	<-done
	if q.len() != shallow {
		t.Errorf("%d wait", q.len())
	}
}
