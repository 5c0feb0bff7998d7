package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"checksig/internal/digest"
	"checksig/internal/manifest"
	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

// ahead is how many files may be under way: a large one holds up as many behind it.
const ahead = 1024

// subject is a file on its way into a manifest.
type subject struct {
	name   string              // as it is opened
	listed string              // as the manifest lists it
	by     []*digest.Algorithm // what is to be computed
	// entries are what was computed, once done is closed.
	entries []manifest.Entry
	err     error
	done    chan struct{}
	// old is what the manifest that is updated says.
	old    []manifest.Entry
	change Change
}

// hashing hashes files in parallel, and hands them on in the order in which they came.
type hashing struct {
	*run
	tree    *safefs.Tree
	shown   func(name string) string // where a file is, for errors
	jobs    chan *subject
	ordered chan *subject
}

// newHashing returns a hashing, and what ends it.
func newHashing(ctx context.Context, request Request, progress *Progress) (*hashing, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	progress.TotalFiles.Store(-1)
	progress.TotalBytes.Store(-1)
	run := &run{request: request, progress: progress, ctx: ctx, fail: cancel, began: time.Now()}
	return &hashing{run: run}, func() { cancel(nil) }
}

// all hashes what produce puts, and gives it to consume. The first error of either, or of a file,
// ends it.
func (h *hashing) all(produce func() error, consume func(*subject) error) error {
	if err := multibuffer.Check(); err != nil {
		return err
	}
	h.rotates = h.request.Workers == 0 && h.tree.Rotates()
	defer context.AfterFunc(h.ctx, func() { h.stop.Store(1) })()
	h.jobs = make(chan *subject, ahead)
	h.ordered = make(chan *subject, ahead)
	var group sync.WaitGroup
	for range h.workers() {
		h.spawn(&group, h.work)
	}
	h.spawn(&group, func() {
		defer close(h.ordered)
		defer close(h.jobs)
		if err := produce(); err != nil {
			h.fail(err)
		}
	})
	h.guard(func() {
		if err := h.inOrder(consume); err != nil {
			h.fail(err)
		}
	})
	group.Wait()
	return context.Cause(h.ctx)
}

func (h *hashing) inOrder(consume func(*subject) error) error {
	for s := range h.ordered {
		select {
		case <-s.done:
		case <-h.ctx.Done():
			return nil
		}
		if s.err != nil {
			return &WriteError{h.shown(s.name), s.err}
		}
		h.run.progress.Files.Add(1)
		if err := consume(s); err != nil {
			return err
		}
	}
	return nil
}

// put sends s on its way; one that is not to be read is done.
func (h *hashing) put(s *subject) error {
	s.done = make(chan struct{})
	if len(s.by) == 0 {
		close(s.done)
	} else {
		select {
		case h.jobs <- s:
		case <-h.ctx.Done():
			return h.ctx.Err()
		}
	}
	select {
	case h.ordered <- s:
		return nil
	case <-h.ctx.Done():
		return h.ctx.Err()
	}
}

// work is a worker.
func (h *hashing) work() {
	h.busy.Add(1)
	defer h.busy.Add(-1)
	a := alone{h, buffers.Get().(*[chunkSize]byte), hashers{}}
	defer buffers.Put(a.buf)
	if b := newBundle(h.run); b != nil {
		defer b.free()
		t := together{bundle: b, hashing: h, alone: a}
		t.all()
		return
	}
	a.all()
}

// alone hashes one file after the other.
type alone struct {
	*hashing
	buf *[chunkSize]byte
	own hashers
}

// all hashes files until there are no more, or the run has ended.
func (a *alone) all() {
	for a.ctx.Err() == nil {
		a.busy.Add(-1)
		s := <-a.jobs
		a.busy.Add(1)
		if s == nil {
			break
		}
		a.hash(s)
	}
}

// hash reads the file once, computes all its digests, and is done with it.
func (a *alone) hash(s *subject) {
	s.err = a.try(s)
	close(s.done)
}

func (a *alone) try(s *subject) error {
	var file *safefs.File
	err := a.patiently(func() (err error) {
		file, err = a.tree.Open(s.name)
		return err
	})
	if err != nil {
		return err
	}
	a.spare(file)
	a.open.Add(1)
	defer func() {
		file.Close()
		a.open.Add(-1)
	}()
	size, err := a.feed(file, a.own.start(s.by), a.buf[:])
	if err != nil {
		return err
	}
	for _, by := range s.by {
		s.add(by, a.own[by].Sum(nil), size)
	}
	return nil
}

// add adds a digest of the whole file.
func (s *subject) add(by *digest.Algorithm, sum []byte, size int64) {
	s.entries = append(s.entries, manifest.Entry{
		Name: s.listed, Algorithm: by, Digest: sum, HasSize: true, Size: size,
	})
}

// algorithms returns those of these names, without repetition.
func algorithms(names []string) ([]*digest.Algorithm, error) {
	var found []*digest.Algorithm
	for _, name := range names {
		a := digest.ByName(name)
		if a == nil {
			return nil, fmt.Errorf("%w: no algorithm is called %q", ErrUsage, name)
		}
		if !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	return found, nil
}
