// Package lookahead gets things one after the other from storage, and several at once while that is slow: when they
// come from a cold disk or from another machine.
package lookahead

import (
	"context"
	"sync"
	"time"

	"checksig/internal/guard"
	"checksig/internal/safefs"
	"checksig/internal/threads"
)

const (
	// Looking ahead begins when slow things make enoughSlow points, slowPoints each; a fast one takes 1 off. It ends
	// when none are left of the mostSlow that there may be.
	enoughSlow = 8
	slowPoints = 4
	mostSlow   = 64

	// It begins with firstDepth things at once, and goes up to maxDepth if they are waited for.
	firstDepth = 4
	maxDepth   = 64
)

// Ahead gets things in their order. One goroutine calls its methods.
type Ahead[T any] struct {
	ctx   context.Context
	count int
	fast  time.Duration
	get   func(i int) (T, bool)

	begun   int // the first thing that was not begun
	coming  map[int]chan outcome[T]
	depth   int // how many are got at once; 0 while the storage is fast
	limit   int
	slow    int // points
	running sync.WaitGroup
	release func() // the threads
}

// New returns what gets count things, each of which takes less time than fast if it comes from memory. get gets one, in
// another goroutine and out of its turn; it returns false for one that must be got in its turn: because it failed, for
// example. Call [Ahead.End] when no more are needed.
func New[T any](ctx context.Context, count int, fast time.Duration, get func(i int) (T, bool)) *Ahead[T] {
	return &Ahead[T]{ctx: ctx, count: count, fast: fast, get: get}
}

// Each calls use for count things in their order, unless ctx ends. get may be called in any goroutine.
func Each[T any](ctx context.Context, count int, fast time.Duration, get func(i int) T, use func(i int, thing T)) {
	ahead := New(ctx, count, fast, func(i int) (T, bool) { return get(i), true })
	defer ahead.End()
	for i := range count {
		thing, ok := ahead.Next(i)
		if ctx.Err() != nil {
			return
		}
		if !ok {
			began := time.Now()
			thing = get(i)
			ahead.Observe(time.Since(began))
		}
		use(i, thing)
	}
}

type outcome[T any] struct {
	thing T
	ok    bool
	took  time.Duration
}

// Next returns thing i, which is the next one or a later one, if it was got ahead. Otherwise the caller gets it, unless
// the context has ended, and calls [Ahead.Observe].
func (l *Ahead[T]) Next(i int) (thing T, ok bool) {
	l.begun = max(l.begun, i)
	for ; l.begun < min(l.count, i+l.depth); l.begun++ {
		l.begin(l.begun)
	}
	coming := l.coming[i]
	if coming == nil {
		return thing, false
	}
	delete(l.coming, i)
	var o outcome[T]
	select {
	case o = <-coming:
	default:
		l.depth = min(2*l.depth, l.limit)
		select {
		case o = <-coming:
		case <-l.ctx.Done():
			return thing, false
		}
	}
	if o.ok {
		l.Observe(o.took)
	}
	return o.thing, o.ok
}

func (l *Ahead[T]) begin(i int) {
	coming := make(chan outcome[T], 1)
	l.coming[i] = coming
	l.running.Go(func() {
		var o outcome[T]
		defer func() { coming <- o }()
		defer guard.Recover(func(error) { o.ok = false }) // it panics again in its turn
		began := time.Now()
		if l.ctx.Err() == nil {
			o.thing, o.ok = l.get(i)
		}
		o.took = time.Since(began)
	})
}

// Observe takes how long it took to get a thing.
func (l *Ahead[T]) Observe(took time.Duration) {
	if took < l.fast {
		if l.slow = max(l.slow-1, 0); l.slow == 0 {
			l.depth = 0
		}
		return
	}
	l.slow = min(l.slow+slowPoints, mostSlow)
	if l.slow < enoughSlow || l.depth > 0 || l.begun+1 >= l.count {
		return
	}
	if l.release == nil {
		l.limit, l.release = threads.Extra(min(maxDepth, safefs.OpenLimit()/16))
		l.coming = map[int]chan outcome[T]{}
	}
	if l.limit > 1 {
		l.depth = min(firstDepth, l.limit)
	}
}

// End forgets what was got ahead. It does not wait for it.
func (l *Ahead[T]) End() {
	if l.release == nil {
		return
	}
	release := l.release
	l.release, l.coming, l.depth, l.limit = nil, nil, 0, 0
	if l.begun == 0 {
		release()
		return
	}
	go func() {
		l.running.Wait()
		release()
	}()
}
