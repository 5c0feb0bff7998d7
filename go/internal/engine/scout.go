package engine

import (
	"context"
	"os"
	"time"

	"checksig/internal/multibuffer"
	"checksig/internal/safefs"
)

const (
	// scoutPause is how long a file waits before it is looked at: what is verified sooner is not
	// worth it.
	scoutPause = 5 * time.Millisecond

	// scoutDescriptors is how many there must be for the scout to have some, too.
	scoutDescriptors = 256

	scoutTurn = 64 // tasks looked at between two looks at the queue
)

// scout looks how large the files are that wait for workers, so that the large ones are not the
// last.
type scout struct {
	run    *run
	lanes  *multibuffer.Scout
	base   *base
	folder *os.File // that of base, or nil
}

// lookAhead scouts until ctx ends, or nothing waits any more.
func (r *run) lookAhead(ctx context.Context) {
	if r.workers() == 1 || safefs.OpenLimit() < scoutDescriptors {
		return
	}
	ahead, err := multibuffer.NewScout()
	if err != nil {
		return // without lanes there is nothing to look at names with
	}
	defer ahead.Free()
	s := &scout{run: r, lanes: ahead}
	pause := time.NewTicker(scoutPause)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
			s.look(ctx, r.queue.pace())
		case <-r.queue.drained:
			return
		case <-ctx.Done():
			return
		}
	}
}

// look looks at those of the first came tasks that still wait.
func (s *scout) look(ctx context.Context, came int) {
	defer s.leave()
	var waiting [scoutTurn]sight
	for ctx.Err() == nil {
		n := s.run.queue.unseen(came, waiting[:])
		if n == 0 {
			return
		}
		for _, to := range waiting[:n] {
			if seen, ok := s.see(to); ok {
				s.run.queue.weigh(to, &seen)
			}
		}
	}
}

func (s *scout) see(to sight) (seen multibuffer.Seen, ok bool) {
	tree, err := s.run.bases.use(to.base)
	if err != nil {
		return seen, false
	}
	defer s.run.bases.done(to.base)
	if s.base != to.base {
		s.leave()
		s.base, s.folder = to.base, tree.Folder()
	}
	ok = s.folder != nil && s.lanes.Look(s.folder.Fd(), to.name, &seen)
	return seen, ok
}

// leave closes the folder, where others may be short of descriptors.
func (s *scout) leave() {
	s.lanes.Leave()
	if s.folder != nil {
		s.folder.Close()
	}
	s.base, s.folder = nil, nil
}
