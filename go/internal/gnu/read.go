package gnu

import (
	"hash"
	"io"
	"os"
	"runtime"
	"syscall"
)

const readSize = 256 << 10

// readAhead starts workers that hash the files of tasks before their turn, and close each task's ready
// channel. It is the only code that reads ahead.
func readAhead(tasks <-chan *task) {
	for range runtime.GOMAXPROCS(0) {
		go func() {
			var r reader
			for t := range tasks {
				t.result, t.hasRead = r.hashRegular(t)
				close(t.ready)
			}
		}()
	}
}

// A reader hashes files one after another, with one buffer and one hasher.
type reader struct {
	p         *program // for standard input; nil in a worker
	buf       []byte
	algorithm *algorithm
	bits      int
	hasher    hash.Hash
}

// hashRegular hashes a file that can be read before its turn. ok is false if the file has to be read
// again at its turn.
//
// Only regular files with a size qualify: others, such as those of /proc, may have different content
// each time. A failure does not count, because its cause may be gone by then.
func (r *reader) hashRegular(t *task) (res result, ok bool) {
	info, err := os.Stat(t.name)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return result{}, false
	}
	if res = r.hashNamed(t); res.err != nil {
		return result{}, false
	}
	return res, true
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
