package gnu

import (
	"hash"
	"io"
	"iter"
	"os"
	"runtime"
	"syscall"
)

const (
	// window is how many files may be read ahead of the one that is printed next.
	window = 1024

	readSize = 256 << 10
)

// A task is a line of the output: a file to read, or only its turn.
type task struct {
	name      string
	algorithm *algorithm
	bits      int

	sum  []byte
	size uint64
	err  error
	done chan struct{} // closed when a worker is through with it
	read bool          // a worker has read the file

	entry *entry // when checking: what the digest is compared with
	line  uint64 // when checking: the number of a line that is improperly formatted, or 0
}

// inOrder yields the tasks in their order, each with its result. Regular files are read ahead by
// several workers; everything else when it has its turn.
func (p *program) inOrder(tasks iter.Seq[*task], several bool) iter.Seq[*task] {
	if !several {
		return func(yield func(*task) bool) {
			own := reader{p: p}
			for t := range tasks {
				own.finish(t)
				if !yield(t) {
					return
				}
			}
		}
	}
	return func(yield func(*task) bool) {
		queue := p.start(tasks)
		own := reader{p: p}
		for {
			t, ok := await(queue, p.out.flush)
			if !ok {
				return
			}
			if t.done != nil {
				await(t.done, p.out.flush)
			}
			own.finish(t)
			if !yield(t) {
				return
			}
		}
	}
}

// await receives from c, and calls idle first if it has to wait.
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

// start has the tasks' files read by workers, and returns the tasks in their order.
func (p *program) start(tasks iter.Seq[*task]) <-chan *task {
	queue := make(chan *task, window)
	work := make(chan *task, window)
	for range runtime.GOMAXPROCS(0) {
		go func() {
			own := reader{p: p}
			for t := range work {
				own.ahead(t)
				close(t.done)
			}
		}()
	}
	go func() {
		for t := range tasks {
			if t.line == 0 && t.name != "-" {
				t.done = make(chan struct{})
				work <- t
			}
			queue <- t
		}
		close(work)
		close(queue)
	}()
	return queue
}

// A reader reads files one after another, with one buffer and one hasher.
type reader struct {
	p         *program
	buf       []byte
	algorithm *algorithm
	bits      int
	hasher    hash.Hash
}

// ahead reads the task's file, if that can be done before its turn: a regular file, and none of
// size 0, as files of /proc are, which may say something else each time.
func (r *reader) ahead(t *task) {
	info, err := os.Stat(t.name)
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		r.hashNamed(t)
		t.read = true
	}
}

// finish reads the task's file if no worker has.
func (r *reader) finish(t *task) {
	switch {
	case t.read || t.line != 0:
	case t.name == "-":
		r.p.readIn = true
		if r.p.noInput {
			t.err = syscall.EBADF
			return
		}
		r.hash(t, r.p.in)
	default:
		r.hashNamed(t)
	}
}

func (r *reader) hashNamed(t *task) {
	file, err := os.Open(t.name)
	if err != nil {
		t.err = err
		return
	}
	r.hash(t, file)
	_ = file.Close()
}

func (r *reader) hash(t *task, file io.Reader) {
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
		t.size += uint64(n)
		if err == io.EOF {
			t.sum = r.hasher.Sum(nil)
			return
		}
		if err != nil {
			t.err = err
			return
		}
	}
}
