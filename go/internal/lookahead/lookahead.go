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
	most    int // how many may be got at once, at most
	limit   int // the same, as far as there are threads
	slow    int // points
	running sync.WaitGroup
	release func() // the threads
}

// FastStat is how long looking at a file takes if the system has it in memory, at most.
const FastStat = 50 * time.Microsecond

// New returns what gets count things, each of which takes less time than fast if it comes from memory. get gets one, in
// another goroutine and out of its turn; it returns false for one that must be got in its turn: because it failed, for
// example. Call [Ahead.End] when no more are needed.
func New[T any](ctx context.Context, count int, fast time.Duration, get func(i int) (T, bool)) *Ahead[T] {
	return &Ahead[T]{ctx: ctx, count: count, fast: fast, get: get, most: maxDepth}
}

// Limit lets at most so many things be got at once, where each needs much. Call it before [Ahead.Get].
func (l *Ahead[T]) Limit(most int) { l.most = most }

// Each calls use for count things in their order, unless ctx ends. get may be called in any goroutine.
func Each[T any](ctx context.Context, count int, fast time.Duration, get func(i int) T, use func(i int, thing T)) {
	ahead := New(ctx, count, fast, func(i int) (T, bool) { return get(i), true })
	defer ahead.End()
	for i := range count {
		thing, _ := ahead.Get(i, func() (T, error) { return get(i), nil })
		if ctx.Err() != nil {
			return
		}
		use(i, thing)
	}
}

const (
	// batchLimit is how many things, and maxBatchMemory how many bytes, a batch has at most.
	batchLimit     = 1024
	maxBatchMemory = 1 << 20
)

// Batch collects things that are to be found out of a stream, and has them found together.
type Batch[T, R any] struct {
	ctx    context.Context
	fast   time.Duration
	find   func(T) R
	use    func(T, R)
	things []T
	memory int
}

// NewBatch returns a batch that calls use with what find returns for each thing, in the order in which they are added,
// unless ctx ends. find takes less time than fast if what it needs is in memory; it may be called in any goroutine.
func NewBatch[T, R any](ctx context.Context, fast time.Duration, find func(T) R, use func(T, R)) *Batch[T, R] {
	return &Batch[T, R]{ctx: ctx, fast: fast, find: find, use: use}
}

// Add adds a thing, which takes that many bytes of memory, about.
func (b *Batch[T, R]) Add(thing T, memory int) {
	b.things = append(b.things, thing)
	if b.memory += memory; len(b.things) == batchLimit || b.memory >= maxBatchMemory {
		b.Flush()
	}
}

// Flush has those found that were added.
func (b *Batch[T, R]) Flush() {
	things := b.things
	b.things, b.memory = nil, 0 // not reused: when ctx ends, some may be looked for still
	Each(b.ctx, len(things), b.fast, func(i int) R { return b.find(things[i]) },
		func(i int, found R) { b.use(things[i], found) })
}

type outcome[T any] struct {
	thing T
	ok    bool
	took  time.Duration
}

// Get returns thing i, which is the next one or a later one: as it was got ahead, or else from inTurn. The error is that
// of inTurn, or the context's.
func (l *Ahead[T]) Get(i int, inTurn func() (T, error)) (thing T, err error) {
	thing, ok := l.next(i)
	if ok {
		return thing, nil
	}
	if err := l.ctx.Err(); err != nil {
		return thing, err
	}
	began := time.Now()
	thing, err = inTurn()
	l.observe(time.Since(began))
	return thing, err
}

// next returns thing i if it was got ahead.
func (l *Ahead[T]) next(i int) (thing T, ok bool) {
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
		l.observe(o.took)
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

// observe takes how long it took to get a thing.
func (l *Ahead[T]) observe(took time.Duration) {
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
		l.limit, l.release = threads.Extra(min(l.most, safefs.OpenLimit()/16))
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
