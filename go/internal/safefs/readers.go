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
	// start has the names in the folder r.name read. It reports false if it cannot.
	start(r *reading) bool
	// begin is called after one or more were started.
	begin()
	// await waits until r was read, or so many others were. It reports false if the context has ended.
	await(r *reading, others int) bool
	// fetch returns a folder that was read, or nil if there is none.
	fetch() *reading
	// free ends the readers without waiting for what they read. parents are the folders in which they
	// may be opening others; they are closed.
	free(parents []*dir)
}

// reading is a folder that is read ahead.
type reading struct {
	parent *dir
	name   string
	into   *folder
	number int // for the readers

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
	got     *reading // from done
	running int
	release func()
}

func newGoReaders(ctx context.Context, limit int) readers {
	granted, release := threads.Extra(limit)
	if granted == 0 {
		release()
		return nil
	}
	return &goReaders{ctx: ctx, granted: granted, done: make(chan *reading, granted), release: release}
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

func (g *goReaders) begin() {}

func (g *goReaders) await(*reading, int) bool {
	select {
	case g.got = <-g.done:
		return true
	case <-g.ctx.Done():
		return false
	}
}

func (g *goReaders) fetch() *reading {
	r := g.got
	g.got = nil
	if r == nil {
		select {
		case r = <-g.done:
		default:
			return nil
		}
	}
	g.running--
	return r
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
