package gnu

import "iter"

// maxAhead is the greatest number of tasks that are read before their turn.
const maxAhead = 1024

// A task is one line of the output: a file to hash, or a line that is improperly formatted.
type task struct {
	name      string
	algorithm *algorithm
	bits      int

	result
	ready   chan struct{} // closed when a worker has finished with the task; nil if none gets it
	hasRead bool          // result was set by a worker

	entry *entry // for --check: what the digest is compared with
	line  uint64 // for --check: the number of an improperly formatted line; else 0
}

// result is the outcome of reading one file.
type result struct {
	sum  []byte
	size uint64
	err  error
}

// inOrder returns the tasks in their order, each with its result.
//
// If parallel is set, workers read regular files ahead. Any other file, and whatever a worker could
// not read, is read here when it is its turn.
func (p *program) inOrder(tasks iter.Seq[*task], parallel bool) iter.Seq[*task] {
	if !parallel {
		return func(yield func(*task) bool) {
			r := reader{p: p}
			for t := range tasks {
				r.finish(t)
				if !yield(t) {
					return
				}
			}
		}
	}
	return func(yield func(*task) bool) {
		queue := start(tasks)
		r := reader{p: p}
		for {
			t, ok := await(queue, p.out.flush)
			if !ok {
				return
			}
			if t.ready != nil {
				await(t.ready, p.out.flush)
			}
			r.finish(t)
			if !yield(t) {
				return
			}
		}
	}
}

// await receives from c. If it has to wait, it calls idle first.
func await[T any](c <-chan T, idle func()) (T, bool) {
	select {
	case v, ok := <-c:
		return v, ok
	default:
	}
	idle()
	v, ok := <-c
	return v, ok
}

// start returns the tasks in their order, and passes those with a named file to readAhead.
func start(tasks iter.Seq[*task]) <-chan *task {
	queue := make(chan *task, maxAhead)
	work := make(chan *task, maxAhead)
	go func() {
		for t := range tasks {
			if t.line == 0 && t.name != "-" {
				t.ready = make(chan struct{})
				work <- t
			}
			queue <- t
		}
		close(work)
		close(queue)
	}()
	readAhead(work)
	return queue
}
