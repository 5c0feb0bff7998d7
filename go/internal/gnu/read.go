package gnu

import (
	"context"
	"hash"
	"io"
	"os"
	"slices"
	"syscall"

	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/safefs"
)

const readSize = 256 << 10

// readAhead has a pool hash the files of tasks before their turn, and closes each task's ready channel. It
// is the only code that reads ahead.
func readAhead(tasks <-chan *task) {
	go func() {
		group := guard.New(context.Background())
		defer group.Close()
		pool, root, closePool := newPool(group)
		for t := range tasks {
			if pool == nil {
				close(t.ready)
				continue
			}
			p := pool.Task()
			p.Root, p.Name, p.Size, p.Memory = root, t.name, -1, len(t.name)
			p.Algorithms = append(p.Algorithms[:0], t.algorithm.pooled(t.bits))
			p.Payload = t
			pool.Submit(p)
		}
		closePool()
		if err := group.Err(); err != nil {
			panic(err) // of a worker: tasks that are waited for would never be ready
		}
	}()
}

// newPool returns a pool for files anywhere, relative to the working folder. The pool is nil where that
// folder cannot be opened: files are then read at their turn.
func newPool(group *guard.Group) (pool *hashpool.Pool[*task], root *safefs.Root, closePool func()) {
	roots, err := safefs.NewRootCache(".", "", true)
	if err != nil {
		return nil, nil, func() {}
	}
	var progress hashpool.Progress
	pool, err = hashpool.New(group, roots, hashpool.Config[*task]{
		InOrder: true, BytesRead: &progress.Bytes,
		NewHandler: func(int) hashpool.Handler[*task] { return handler{} },
	})
	if err != nil {
		roots.Close()
		return nil, nil, func() {}
	}
	return pool, roots.Top(), func() {
		pool.Finish()
		roots.Close()
	}
}

// handler puts outcomes into tasks.
type handler struct{}

func (handler) Opened(*hashpool.Task[*task], hashpool.OpenFile) {}

func (handler) OtherNames(*hashpool.Task[*task]) []string { return nil }

// Done leaves a file to its turn that could not be read: the cause may be gone by then, and it may be no
// regular file, or change all the time. So it does with a file of no bytes: those of /proc may have
// different content each time.
func (handler) Done(p *hashpool.Task[*task], o *hashpool.Outcome) (again bool) {
	t := p.Payload
	if o.Err == nil && o.Size > 0 {
		t.hasRead = true
		t.result = result{sum: slices.Clone(o.Digest(p.Algorithms[0])), size: uint64(o.Size)}
	}
	close(t.ready)
	return false
}

// A reader hashes files one after another, with one buffer and one hasher.
type reader struct {
	p         *program // for standard input
	buf       []byte
	algorithm *algorithm
	bits      int
	hasher    hash.Hash
}

// finish hashes the task's file unless a worker has.
func (r *reader) finish(t *task) {
	switch {
	case t.hasRead || t.line != 0:
	case t.name == "-":
		r.p.readIn = true
		if r.p.noInput {
			t.err = syscall.EBADF
			return
		}
		t.result = r.hash(t, r.p.in)
	default:
		t.result = r.hashNamed(t)
	}
}

func (r *reader) hashNamed(t *task) result {
	file, err := os.Open(t.name)
	if err != nil {
		return result{err: err}
	}
	defer func() { _ = file.Close() }()
	return r.hash(t, file)
}

// hash hashes file with the algorithm of t.
func (r *reader) hash(t *task, file io.Reader) (res result) {
	if r.hasher == nil || r.algorithm != t.algorithm || r.bits != t.bits {
		r.algorithm, r.bits, r.hasher = t.algorithm, t.bits, t.algorithm.new(t.bits)
	}
	if r.buf == nil {
		r.buf = make([]byte, readSize)
	}
	r.hasher.Reset()
	for {
		n, err := file.Read(r.buf)
		_, _ = r.hasher.Write(r.buf[:n])
		res.size += uint64(n)
		if err == io.EOF {
			res.sum = r.hasher.Sum(nil)
			return res
		}
		if err != nil {
			res.err = err
			return res
		}
	}
}
