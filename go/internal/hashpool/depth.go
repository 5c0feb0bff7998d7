package hashpool

import (
	"time"

	"checksig/internal/safefs"
	"checksig/internal/threads"
)

const (
	// defaultDepth is how many files are read at once while the storage is slow, and at least so many by each
	// worker. A disk behind a network answers after a millisecond or more, however many requests it has.
	defaultDepth   = 64
	defaultPerLane = 4

	// slowCall is how long the opening of a file takes at most if what it needs is in memory.
	slowCall = 50 * time.Microsecond

	// fewLanes is how many files an added worker hashes at once: it waits most of the time.
	fewLanes = 8

	// leastWaits is how often a worker must have waited before the storage counts as slow, and slowWindow for how
	// long waits are counted.
	leastWaits = 3
	slowWindow = 20 * time.Millisecond
)

// depth returns how many files may be read at once: no more than workers means that they read themselves.
func (c *Config[P]) depth(workers int) int {
	depth := c.Depth
	if depth == 0 {
		depth = max(defaultDepth, defaultPerLane*workers)
	}
	return min(depth, max(safefs.OpenLimit()/4, workers))
}

// depthOfWorker returns how many threads may read for a worker with lanes.
func (p *Pool[P]) depthOfWorker() int {
	if p.depth <= p.workers {
		return 0
	}
	return (p.depth + p.workers - 1) / p.workers
}

// meter finds out whether the storage is slow, from how long a worker waits for it.
type meter struct {
	since  time.Time
	waited time.Duration
	waits  int
}

// isSlow notes a wait, and reports whether most of the time is spent waiting.
func (m *meter) isSlow(waited time.Duration) bool {
	now := time.Now()
	if m.since.IsZero() {
		m.since = now.Add(-waited)
	}
	if waited > 0 {
		m.waited += waited
		m.waits++
	}
	passed := now.Sub(m.since)
	slow := m.waits >= leastWaits && m.waited > passed/2
	if slow || passed > slowWindow {
		*m = meter{since: now}
	}
	return slow
}

// addWorker adds a worker, and reports whether it did: not if as many files are read as may be.
func (p *Pool[P]) addWorker() bool {
	return p.addReader(p.depth-p.workers, func() {
		p.busy.Add(1)
		defer p.busy.Add(-1)
		p.hashAll(fewLanes)
	})
}

// passOn has a reader do a task that is for no lane, and reports whether there is one.
func (p *Pool[P]) passOn(t *Task[P]) bool {
	if p.readers.Load() == 0 && !p.addReader(p.depth, p.read) {
		return false
	}
	select {
	case p.aside <- t:
	default:
		return false
	}
	if len(p.aside) > int(p.idle.Load()) {
		p.addReader(p.depth, p.read)
	}
	return true
}

// passesOnNoMore says that a worker passes nothing on any more.
func (p *Pool[P]) passesOnNoMore() {
	if p.lanes.Add(-1) == 0 {
		close(p.aside)
	}
}

// read does the tasks that lane workers have passed on.
func (p *Pool[P]) read() {
	w := newWorker(p)
	defer w.free()
	for {
		p.idle.Add(1)
		select {
		case t, more := <-p.aside:
			p.idle.Add(-1)
			if !more {
				return
			}
			w.do(t)
		case <-p.group.Context().Done():
			return
		}
	}
}

// addReader runs work in a goroutine if there are fewer of them than most, and there is a thread for it.
func (p *Pool[P]) addReader(most int, work func()) bool {
	if int(p.readers.Add(1)) > most {
		p.readers.Add(-1)
		return false
	}
	release := func() {}
	if !p.roots.IsRemote() { // who waits for the caller is not in a system call
		granted := 0
		if granted, release = threads.Extra(1); granted == 0 {
			p.readers.Add(-1)
			return false
		}
	}
	p.group.Go(&p.running, func() {
		defer release()
		work()
	})
	return true
}
