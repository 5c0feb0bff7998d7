package engine

import (
	"bytes"
	"hash"
	"sync"
	"time"

	"checksig/internal/digest"
	"checksig/internal/source"
)

// Where no more files can be open at once, a worker waits for one of the others, or of the host
// process, to be closed, and tries again; so it does with a file that another program has on lease.
const (
	openPause = 5 * time.Millisecond
	openTries = 400 // beyond which only the other workers' files are waited for
)

// buffers are kept for the next run: making them anew costs more than verifying a small folder.
var buffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// verifier verifies one entry after another; each worker has its own.
type verifier struct {
	run     *run
	buf     *[chunkSize]byte
	hashers map[*digest.Algorithm]hash.Hash
}

func newVerifier(r *run) *verifier {
	return &verifier{r, buffers.Get().(*[chunkSize]byte), map[*digest.Algorithm]hash.Hash{}}
}

// free gives the buffer back, for others to write to.
func (v *verifier) free() { buffers.Put(v.buf) }

// all verifies entries until there are no more, or the run has ended.
func (v *verifier) all() {
	for t := range v.run.work {
		v.run.done(v.verify(t))
		if v.run.ctx.Err() != nil {
			break
		}
	}
}

func (v *verifier) verify(t task) *Result {
	file, err := v.open(t)
	if err != nil {
		return failed(t, err)
	}
	defer v.close(file)
	h := v.hasher(t.entry.Algorithm)
	size, err := file.CopyTo(v.run.ctx, h, v.buf[:], func(n int) { v.run.progress.Bytes.Add(int64(n)) })
	var r *Result
	if err != nil {
		r = failed(t, err)
	} else {
		r = compared(t, h.Sum(make([]byte, 0, t.entry.Algorithm.Size)))
	}
	r.Size = size
	return r
}

func (v *verifier) open(t task) (file *source.File, err error) {
	err = v.run.patiently(func() error {
		file, err = t.tree.Open(t.entry.Name)
		return err
	})
	if err == nil {
		v.run.open.Add(1)
	}
	return file, err
}

// patiently calls open, and again while what keeps it from succeeding may pass.
func (r *run) patiently(open func() error) error {
	for try := 0; ; try++ {
		err := open()
		exhausted := source.IsExhausted(err)
		waits := try < openTries || exhausted && r.open.Load() > 0
		if !(exhausted || source.IsHeld(err)) || !waits || r.ctx.Err() != nil {
			return err
		}
		time.Sleep(openPause)
	}
}

func (v *verifier) close(file *source.File) {
	file.Close()
	v.run.open.Add(-1)
}

// compared is the result for a file that was read whole.
func compared(t task, found []byte) *Result {
	r := &Result{Manifest: t.manifest, Entry: t.entry, Status: Mismatched, Found: found}
	if bytes.Equal(found, t.entry.Digest) {
		r.Status = Verified
	}
	return r
}

// failed is the result for a file that was not.
func failed(t task, err error) *Result {
	r := &Result{Manifest: t.manifest, Entry: t.entry, Status: Unreadable, Detail: cause(err)}
	if source.IsMissing(err) {
		r.Status = Missing
	}
	return r
}

func (v *verifier) hasher(a *digest.Algorithm) hash.Hash {
	h := v.hashers[a]
	if h == nil {
		h = a.New()
		v.hashers[a] = h
	}
	h.Reset()
	return h
}
