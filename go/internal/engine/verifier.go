package engine

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"checksig/internal/digest"
	"checksig/internal/safefs"
)

// Where no more files can be open at once, a worker waits for one of the others, or of the host
// process, to be closed, and tries again; so it does with a file that another program has on lease.
const (
	openPause = 5 * time.Millisecond
	openTries = 400 // beyond which only the other workers' files are waited for
)

// buffers are kept for the next run: making them anew costs more than verifying a small folder.
var buffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// verifier verifies one file after another; each worker has its own.
type verifier struct {
	run     *run
	buf     *[chunkSize]byte
	hashers hashers

	// Of the file at hand:
	claims     []claim
	algorithms []*digest.Algorithm
}

func newVerifier(r *run) *verifier {
	return &verifier{run: r, buf: buffers.Get().(*[chunkSize]byte), hashers: hashers{}}
}

// free gives the buffer back, for others to write to.
func (v *verifier) free() { buffers.Put(v.buf) }

// all verifies files until there are no more, or the run has ended.
func (v *verifier) all() {
	for v.run.ctx.Err() == nil {
		t := v.run.queue.take(&holding{}, true)
		if t == nil {
			break
		}
		v.verify(t)
	}
}

// verify verifies all that is claimed of a file, in one read of it.
func (v *verifier) verify(t *task) {
	v.claims = append(append(v.claims[:0], t.claim), t.more...)
	for claims := v.claims; len(claims) > 0 && v.run.ctx.Err() == nil; {
		claims = v.next(claims)
	}
}

// next settles the first claim and all others that are about the same file, and returns the rest.
func (v *verifier) next(claims []claim) []claim {
	first := &claims[0]
	if err := v.run.refuses(first); err != nil {
		v.run.done(first, first.failed(err))
		return claims[1:]
	}
	file, name, err := v.open(first)
	if err != nil {
		v.run.done(first, first.failed(err))
		return claims[1:]
	}
	defer v.close(file)
	n := 1
	for i := range claims[1:] {
		if c := &claims[1+i]; v.run.refuses(c) == nil && v.isAbout(c, first, file) {
			claims[n], *c = *c, claims[n]
			n++
		}
	}
	v.settle(claims[:n], file, name)
	return claims[n:]
}

// isAbout reports whether c is about file, which was opened for first. A folder may refuse a link
// that another one takes, so each folder is asked.
func (v *verifier) isAbout(c, first *claim, file *safefs.File) bool {
	if c.base == first.base {
		return true
	}
	tree, err := v.run.bases.use(c.base)
	if err != nil {
		return false
	}
	defer v.run.bases.done(c.base)
	return tree.IsSame(c.name, file)
}

// settle tells what becomes of claims about file, which was opened as name.
func (v *verifier) settle(claims []claim, file *safefs.File, name string) {
	claims = slices.DeleteFunc(claims, func(claim claim) bool {
		c := &claim
		wrong := c.entry.HasSize && c.entry.Size != file.Size()
		if wrong {
			r := c.result(Mismatched, name)
			r.Detail = fmt.Sprintf("%d bytes, %d listed", file.Size(), c.entry.Size)
			v.run.done(c, r)
		}
		return wrong
	})
	if len(claims) == 0 {
		return
	}
	v.algorithms = v.algorithms[:0]
	for i := range claims {
		if a := claims[i].entry.Algorithm; !slices.Contains(v.algorithms, a) {
			v.algorithms = append(v.algorithms, a)
		}
	}
	size, err := v.run.feed(file, v.hashers.start(v.algorithms), v.buf[:])
	for i := range claims {
		c := &claims[i]
		if err != nil {
			v.run.done(c, c.failed(err))
			continue
		}
		r := new(Result)
		c.compare(r, v.hashers[c.entry.Algorithm].Sum(make([]byte, 0, c.entry.Algorithm.Size)), name)
		r.Size = size
		v.run.done(c, r)
	}
}

// open opens the file that c is about, and returns the name it was found under.
func (v *verifier) open(c *claim) (file *safefs.File, name string, err error) {
	err = v.run.patiently(func() error {
		file, name, err = v.tryOpen(c)
		return err
	})
	if err == nil {
		v.run.open.Add(1)
		v.run.spare(file)
	}
	return file, name, err
}

// spare has the reading of file leave the page cache as it was, if that is asked for.
func (r *run) spare(file *safefs.File) {
	if r.request.LeaveCache {
		file.LeaveCache()
	}
}

// tryOpen holds nothing open when it fails: whoever waits for a descriptor must not have one.
func (v *verifier) tryOpen(c *claim) (*safefs.File, string, error) {
	tree, err := v.run.bases.use(c.base)
	if err != nil {
		return nil, "", err
	}
	defer v.run.bases.done(c.base)
	file, err := tree.Open(c.name)
	if err == nil || !safefs.IsMissing(err) {
		return file, c.name, err
	}
	for _, name := range spellings(c.name, c.slashed) {
		if hasDrive(name) {
			return nil, "", safefs.ErrOutside
		}
		file, other := tree.Open(name)
		if other == nil {
			v.run.listed.add(filepath.Join(c.base.dir, name))
		}
		if other == nil || !safefs.IsMissing(other) {
			return file, name, other
		}
	}
	return nil, "", err
}

func (r *run) useBase(b *base) (tree *safefs.Tree, err error) {
	err = r.patiently(func() error {
		tree, err = r.bases.use(b)
		return err
	})
	return tree, err
}

// patiently calls open, and again while what keeps it from succeeding may pass. One at a time tries
// again: two that each hold what the other lacks would both fail.
func (r *run) patiently(open func() error) error {
	again := func() error {
		r.scarce.Lock()
		defer r.scarce.Unlock()
		return open()
	}
	for try := 0; ; try++ {
		err := open()
		if safefs.IsExhausted(err) {
			r.bases.trim()
			err = again()
		}
		exhausted := safefs.IsExhausted(err)
		waits := try < openTries || exhausted && r.open.Load() > 0
		if !(exhausted || safefs.IsHeld(err)) || !waits || r.ctx.Err() != nil {
			return err
		}
		r.bases.trim()
		time.Sleep(openPause)
	}
}

func (v *verifier) close(file *safefs.File) {
	file.Close()
	v.run.open.Add(-1)
}

// result is what became of c, whose file was looked for, or opened, as name.
func (c *claim) result(status Status, name string) *Result {
	r := new(Result)
	c.tell(r, status, name)
	return r
}

func (c *claim) tell(r *Result, status Status, name string) {
	*r = Result{Manifest: c.manifest, Entry: c.entry, Status: status}
	if name != c.entry.Name || c.entry.RawName != "" || c.base != c.manifest.folder {
		r.Opened = c.base.path(name)
	}
}

// compare makes r the result for a file that was read whole, and has the digest found.
func (c *claim) compare(r *Result, found []byte, name string) {
	status := Mismatched
	if bytes.Equal(found, c.entry.Digest) {
		status = Verified
	}
	c.tell(r, status, name)
	r.Found = found
}

func (c *claim) failed(err error) *Result {
	r := c.result(Unreadable, c.name)
	if safefs.IsMissing(err) {
		r.Status = Missing
	}
	r.Detail = cause(err)
	return r
}

// refuses tells why a claim is not looked into at all.
func (r *run) refuses(c *claim) error {
	if least := r.request.MinStrength; least != nil && !c.entry.Algorithm.AtLeast(least) {
		return fmt.Errorf("%s is weaker than %s", c.entry.Algorithm.Name, least.Name)
	}
	return c.refused
}
