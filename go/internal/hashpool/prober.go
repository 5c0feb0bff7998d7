package hashpool

import (
	"time"

	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

const (
	// probePause is how long a file waits before it is probed: what is hashed sooner is not worth it.
	probePause = 5 * time.Millisecond

	// probeDescriptors is how many the process must be allowed for the prober to have some too.
	probeDescriptors = 256

	// probeBatch is how many tasks are probed between two looks at the queue.
	probeBatch = 64
)

// prober finds out the sizes of files that wait, so that the large ones are not the last.
type prober[P any] struct {
	pool   *Pool[P]
	names  *safefs.Prober
	root   *safefs.Root
	folder *safefs.Folder // that of root, or nil
}

// probe probes until the group ends, nothing waits any more, or the storage proves slow: a look at a file takes
// as long as reading it then.
func (p *Pool[P]) probe() {
	if p.workers == 1 || safefs.OpenLimit() < probeDescriptors {
		return
	}
	if _, err := multibuffer.NewHasher(); err != nil {
		return // nothing that uses a snapshot
	}
	names, err := safefs.NewProber()
	if err != nil {
		return
	}
	defer names.Free()
	b := &prober[P]{pool: p, names: names}
	pause := time.NewTicker(probePause)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
			came := p.queue.adjustDepth()
			if p.isDeep.Load() {
				return
			}
			b.batch(came)
		case <-p.queue.drained:
			return
		case <-p.group.Context().Done():
			return
		}
	}
}

// batch probes those of the first came tasks that still wait.
func (b *prober[P]) batch(came int) {
	defer b.leave()
	var waiting [probeBatch]waitingTask[P]
	for !b.pool.group.Ended() && !b.pool.isDeep.Load() {
		n := b.pool.queue.unprobed(came, waiting[:])
		if n == 0 {
			return
		}
		for _, w := range waiting[:n] {
			if seen, ok := b.look(w); ok {
				b.pool.queue.probed(w, &seen)
			}
		}
	}
}

func (b *prober[P]) look(w waitingTask[P]) (seen safefs.Snapshot, ok bool) {
	tree, err := w.root.Acquire()
	if err != nil {
		return seen, false
	}
	defer w.root.Release()
	if b.root != w.root {
		b.leave()
		b.root, b.folder = w.root, tree.Folder()
	}
	ok = b.folder != nil && b.names.Probe(b.folder, w.name, &seen)
	return seen, ok
}

// leave ends the use of the folder, where others may be short of descriptors.
func (b *prober[P]) leave() {
	b.names.CloseFolder()
	if b.folder != nil {
		b.folder.Release()
	}
	b.root, b.folder = nil, nil
}
