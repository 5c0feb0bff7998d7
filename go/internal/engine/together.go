package engine

import "checksig/internal/multibuffer"

// together hashes files for one worker of a [hashing], several at once.
type together struct {
	*bundle
	hashing *hashing
	alone   alone
	top     base // the tree's
	lanes   [multibuffer.Max]subjectLane
	// apart are files that no lane is for, or that can perhaps be opened when others are closed.
	apart []*subject
}

// subjectLane is a file of a [multibuffer.Group].
type subjectLane struct {
	*subject
	algorithm *multibuffer.Algorithm
}

// all hashes files until there are no more, or the run has ended.
func (t *together) all() {
	for t.fill() {
		t.run.progress.Bytes.Add(t.group.Step(&t.run.stop))
		if t.run.ctx.Err() != nil {
			return // what these files are is not known
		}
		t.collect()
	}
}

// fill gives files to the lanes, and reports whether one has a file.
func (t *together) fill() bool {
	for t.run.ctx.Err() == nil {
		if t.active == 0 {
			t.hashApart()
		} else if t.active >= min(t.wide, t.limit, t.share()) || len(t.apart) >= apartMax {
			return true
		}
		s := t.next()
		if s == nil {
			return t.active > 0
		}
		t.add(s)
	}
	return false
}

// share is how many of the files that are open, or wait, each worker would have.
func (t *together) share() int {
	workers := t.run.workers()
	return (int(t.run.open.Load()) + len(t.hashing.jobs) + workers - 1) / workers
}

// next returns a file, for which it waits only if there is nothing else to do.
func (t *together) next() *subject {
	select {
	case s := <-t.hashing.jobs:
		return s
	default:
	}
	if t.active > 0 {
		return nil
	}
	t.leave()
	t.run.busy.Add(-1)
	defer t.run.busy.Add(1)
	return <-t.hashing.jobs
}

// add gives a file to a lane if it can, and puts it aside if not.
func (t *together) add(s *subject) {
	k := t.kind(s.by[0])
	if k.algorithm == nil || len(s.by) > 1 {
		t.apart = append(t.apart, s)
		return
	}
	var seen multibuffer.Seen
	free, opened := t.open(k.algorithm, &t.top, t.hashing.tree, s.name, &seen)
	if opened && t.isForOne(t.group.Size(free)) {
		t.group.Drop(free)
		opened = false
	}
	if !opened {
		t.apart = append(t.apart, s)
		return
	}
	t.lanes[free] = subjectLane{s, k.algorithm}
	t.took(k)
}

// collect is done with the files that came to their end.
func (t *together) collect() {
	for i, l := range t.lanes {
		if l.subject == nil || t.group.Phase(i) < multibuffer.Done {
			continue
		}
		outcome := t.group.Take(i, l.algorithm, nil)
		t.gave()
		t.lanes[i].subject = nil
		switch outcome.Phase {
		case multibuffer.Stale:
			t.apart = append(t.apart, l.subject)
			continue
		case multibuffer.Done:
			l.add(l.by[0], outcome.Digest, outcome.Total)
		default:
			l.err = whyNot(outcome)
		}
		close(l.done)
	}
}

// hashApart hashes one after the other what was put aside.
func (t *together) hashApart() {
	if len(t.apart) > 0 {
		t.leave()
	}
	for _, s := range t.apart {
		if t.run.ctx.Err() != nil {
			return
		}
		t.alone.hash(s)
	}
	t.apart = t.apart[:0]
}
