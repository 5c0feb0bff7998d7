package generate

import (
	"slices"
	"sync"

	"checksig/internal/digest"
	"checksig/internal/guard"
	"checksig/internal/hashpool"
	"checksig/internal/manifest"
	"checksig/internal/safefs"
)

// maxAhead is how many files may be under way: a large one holds up those after it.
const maxAhead = 1024

// perItem is how many bytes an item takes besides its name, about.
const perItem = 512

// item is a file on its way into a manifest.
type item struct {
	name       string              // below the folder that names start from
	listed     string              // as the manifest lists it
	algorithms []*digest.Algorithm // to compute; none if the file is not read
	entries    []manifest.Entry    // what was computed, once done is closed
	err        error
	done       chan struct{}

	// Of an update:
	old    []manifest.Entry // what the manifest lists so far
	change Change
}

// hashing hashes files, and hands them on in the order in which they came.
type hashing struct {
	group      *guard.Group
	progress   *hashpool.Progress
	roots      *safefs.RootCache
	workers    int
	depth      int
	leaveCache bool
	elsewhere  *hashpool.Elsewhere
	show       func(name string) string // the path of a file, for errors
	odd        oddFiles

	pool    *hashpool.Pool[*item]
	ordered chan *item
}

// open opens the folder that names start from, which is shown as display. Close h.roots after it.
func (h *hashing) open(dir, display string, followOutside bool) (err error) {
	h.roots, err = safefs.NewRootCache(dir, display, followOutside)
	return err
}

// tree returns the open folder.
func (h *hashing) tree() *safefs.Tree {
	tree, _ := h.roots.Top().Acquire() // it is open already
	return tree
}

// all hashes the files that produce puts, and gives them to consume. The first error of either, or of a
// file, ends it.
func (h *hashing) all(produce func() error, consume func(*item) error) (err error) {
	h.pool, err = hashpool.New(h.group, h.roots, hashpool.Config[*item]{
		Workers: h.workers, Depth: h.depth, Spinning: h.tree().IsOnSpinningDisk(), LeaveCache: h.leaveCache, InOrder: true,
		Elsewhere: h.elsewhere, BytesRead: &h.progress.Bytes, NewHandler: func(int) hashpool.Handler[*item] { return itemHandler{} },
	})
	if err != nil {
		return err
	}
	ahead := maxAhead
	if h.elsewhere != nil {
		ahead = hashpool.OrderedAhead
	}
	h.ordered = make(chan *item, ahead)
	var producing sync.WaitGroup
	h.group.Go(&producing, func() {
		defer h.pool.Finish()
		defer close(h.ordered)
		h.group.Fail(produce())
	})
	h.group.Run(func() { h.group.Fail(h.inOrder(consume)) })
	producing.Wait()
	if err := h.group.Err(); err != nil {
		return err
	}
	return h.odd.err()
}

func (h *hashing) inOrder(consume func(*item) error) error {
	for i := range h.ordered {
		select {
		case <-i.done:
		case <-h.group.Context().Done():
			return nil
		}
		if i.err != nil && h.group.Context().Err() != nil {
			return nil // as it has ended
		}
		if i.err != nil {
			if err := h.odd.add(&WriteError{h.show(i.name), i.err}); err != nil {
				return err
			}
			continue
		}
		h.progress.Files.Add(1)
		if h.odd.any() {
			continue // nothing will be written
		}
		if err := consume(i); err != nil {
			return err
		}
	}
	return nil
}

// put sends i on its way; one that is not read is done.
func (h *hashing) put(i *item) error {
	i.done = make(chan struct{})
	if len(i.algorithms) == 0 {
		close(i.done)
	} else {
		t := h.pool.Task()
		t.Root, t.Name, t.Size, t.Memory = h.roots.Top(), i.name, -1, perItem+len(i.name)
		t.Algorithms = append(t.Algorithms[:0], i.algorithms...)
		t.Payload = i
		h.pool.Submit(t)
	}
	select {
	case h.ordered <- i:
		return nil
	default:
		h.pool.Flush() // the first of them may be what the other goroutine waits for
	}
	select {
	case h.ordered <- i:
		return nil
	case <-h.group.Context().Done():
		return h.group.Context().Err()
	}
}

// itemHandler puts the outcome of a task into its item.
type itemHandler struct{}

func (itemHandler) Opened(*hashpool.Task[*item], hashpool.OpenFile) {}

func (itemHandler) OtherNames(*hashpool.Task[*item]) []string { return nil }

func (itemHandler) Done(t *hashpool.Task[*item], o *hashpool.Outcome) (again bool) {
	i := t.Payload
	i.err = o.Err
	if o.Err == nil {
		for _, a := range t.Algorithms {
			i.entries = append(i.entries, manifest.Entry{
				Name: i.listed, Algorithm: a, Digest: slices.Clone(o.Digest(a)), HasSize: true, Size: o.Size,
			})
		}
	}
	close(i.done)
	return false
}
