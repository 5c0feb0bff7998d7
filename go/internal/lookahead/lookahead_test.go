package lookahead

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// TestNext gets things in their order, whether they come ahead or not.
func TestNext(t *testing.T) {
	tests := map[string]struct {
		fast time.Duration // 0: nothing is fast
		get  func(i int) (int, bool)
	}{
		"fast":   {time.Hour, func(i int) (int, bool) { return i, true }},
		"slow":   {0, func(i int) (int, bool) { return i, true }},
		"fail":   {0, func(int) (int, bool) { return -1, false }},
		"some":   {0, func(i int) (int, bool) { return i, i%3 > 0 }},
		"panics": {0, func(i int) (int, bool) { return i, 1/(i%2) == 1 }},
	}
	for name, test := range tests {
		const count = 500
		var atOnce, most atomic.Int32
		inTurn, got := 0, []int{}
		ahead := New(t.Context(), count, test.fast, func(i int) (int, bool) {
			most.Store(max(most.Load(), atOnce.Add(1)))
			defer atOnce.Add(-1)
			return test.get(i)
		})
		for i := range count {
			thing, ok := ahead.next(i)
			if !ok {
				thing = i
				inTurn++
				ahead.observe(time.Millisecond)
			}
			got = append(got, thing)
			if len(ahead.coming) > maxDepth {
				t.Fatalf("%s: %d are coming", name, len(ahead.coming))
			}
		}
		ahead.End()
		ahead.End() // counts once
		for i, thing := range got {
			if i != thing {
				t.Fatalf("%s: thing %d was %d", name, i, thing)
			}
		}
		if isAhead := inTurn < count; isAhead != (name != "fast" && name != "fail") {
			t.Errorf("%s: %d of %d were got in their turn", name, inTurn, count)
		}
		if most.Load() > maxDepth {
			t.Errorf("%s: %d were got at once", name, most.Load())
		}
	}
}

// TestFollowsTheStorage begins when things are slow, and ends when they are not.
func TestFollowsTheStorage(t *testing.T) {
	ahead := New(t.Context(), 1000, time.Millisecond, func(i int) (int, bool) { return i, true })
	defer ahead.End()
	for range 50 { // interrupted once in a while
		ahead.observe(time.Second)
		for range slowPoints {
			ahead.observe(0)
		}
	}
	if ahead.depth != 0 {
		t.Fatal("it began although the storage is fast")
	}
	ahead.observe(time.Second)
	ahead.observe(time.Second)
	if ahead.depth == 0 {
		t.Fatal("it did not begin although the storage is slow")
	}
	for range mostSlow {
		ahead.observe(0)
	}
	if ahead.depth != 0 {
		t.Fatal("it did not end although the storage is fast")
	}
}

// TestContext stops waiting for a thing that never comes.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	never := make(chan bool)
	defer close(never)
	reached := make(chan int, 100)
	Each(ctx, 100, 0, func(i int) int {
		if i == 50 {
			cancel(errors.New("enough"))
			<-never
		}
		return i
	}, func(i, thing int) {
		if i != thing || i >= 50 {
			t.Errorf("thing %d was %d", i, thing)
		}
		reached <- i
	})
	if len(reached) > 50 {
		t.Errorf("%d were used", len(reached))
	}
}
