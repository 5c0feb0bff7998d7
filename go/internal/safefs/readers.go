package safefs

import (
	"context"
	"time"

	"checksig/internal/guard"
	"checksig/internal/threads"
)

const (
	// maxReaders is how many folders are read at once, at most.
	maxReaders = 64

	// maxAhead is how many bytes of entries are read of a folder before its turn.
	maxAhead = 128 << 10
)

// readers read several folders at once. One goroutine starts and fetches.
type readers interface {
	// limit returns how many folders may be started and not fetched at the same time.
	limit() int
	// start starts to read the names in the folder r.name. It reports false if it cannot.
	start(r *reading) bool
	// fetch returns a folder that was read. If there is none, it returns nil; with wait it waits for one, and
	// nil means that the context has ended.
	fetch(wait bool) *reading
	// free ends the readers without waiting for what they read. parents are the folders in which they
	// may be opening others; they are closed.
	free(parents []*dir)
}

// reading is a folder that is read ahead.
type reading struct {
	parent *dir
	name   string
	into   *folder

	dir       *dir // open, to read the rest, and its sub-folders
	nodes     []node
	isWhole   bool
	isBlocked bool // the storage was waited for
	err       error
}

// goReaders are readers of a goroutine for each folder.
type goReaders struct {
	ctx     context.Context
	granted int
	done    chan *reading
	running int
	release func()
}

func newGoReaders(ctx context.Context, limit int) readers {
	granted, release := threads.Extra(limit)
	if granted == 0 {
		release()
		return nil
	}
	return &goReaders{ctx, granted, make(chan *reading, granted), 0, release}
}

func (g *goReaders) limit() int { return g.granted }

func (g *goReaders) start(r *reading) bool {
	g.running++
	go func() {
		defer func() { g.done <- r }()
		defer guard.Recover(func(err error) { r.err = err })
		r.read(g.ctx)
	}()
	return true
}

func (r *reading) read(ctx context.Context) {
	began := time.Now()
	if r.dir, r.err = r.parent.sub(r.name); r.err != nil {
		return
	}
	r.nodes, r.isWhole, r.err = r.dir.read(ctx, nil, maxAhead)
	r.isBlocked = isSlow(time.Since(began), len(r.nodes))
	if r.err != nil {
		r.dir.close()
		r.dir = nil
	}
}

func (g *goReaders) fetch(wait bool) *reading {
	if !wait {
		select {
		case r := <-g.done:
			g.running--
			return r
		default:
			return nil
		}
	}
	select {
	case r := <-g.done:
		g.running--
		return r
	case <-g.ctx.Done():
		return nil
	}
}

func (g *goReaders) free(parents []*dir) {
	end := func() {
		for ; g.running > 0; g.running-- {
			if r := <-g.done; r.dir != nil {
				r.dir.close()
			}
		}
		for _, d := range parents {
			d.close()
		}
		g.release()
	}
	if g.running > 0 {
		go end()
	} else {
		end()
	}
}
