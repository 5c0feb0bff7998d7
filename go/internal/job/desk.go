package job

import (
	"sync"

	"checksig/internal/engine"
)

const (
	// desks is how many workers can put down results without a look at what the others do.
	desks    = 16
	deskSize = 4 << 10
)

var deskPool = sync.Pool{New: func() any { return new([deskSize]byte) }}

// desk is where workers put down what they have verified, until it is worth carrying off: to write to
// memory that is in no cache takes as long for one entry as for many.
type desk struct {
	mu    sync.Mutex // locked before the job's
	top   *[deskSize]byte
	text  []byte   // on top, unless it is longer: entries of a 'V' record
	group group    // the latest in it
	_     [64]byte // so that no two of them share a line of the cache
}

// put puts down an entry that is no failure.
func (j *Job) put(r *engine.Result) {
	if j.desks[r.Worker%desks].put(r, j) {
		j.mu.Lock() // and not with the desk, which who makes room clears first
		defer j.mu.Unlock()
		j.awaitRoom()
	}
}

// put reports whether it had to carry off what there was.
func (d *desk) put(r *engine.Result, j *Job) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.top == nil {
		d.top = deskPool.Get().(*[deskSize]byte)
		d.text = d.top[:0]
	}
	d.text = appendVerified(d.text, r, &d.group)
	if len(d.text) <= deskSize-spareSize {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(&j.verified, len(d.text), d.move)
	return true
}

// move appends to dst what there is, which says by itself what it has in common.
func (d *desk) move(dst []byte) []byte {
	dst = append(dst, d.text...)
	d.text, d.group = d.top[:0], group{}
	return dst
}

// clear moves what there is to where it is asked for. A desk that is left is given back.
func (d *desk) clear(to *pieces, left bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.text) > 0 {
		to.append(len(d.text), d.move)
	}
	if left && d.top != nil {
		deskPool.Put(d.top)
		d.top, d.text = nil, nil
	}
}
