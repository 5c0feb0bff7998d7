package hashpool

import (
	"context"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"checksig/internal/safefs"
)

const (
	// trialTime is how long each way of reading is tried on a disk that claims to spin, and trialPause how long the
	// better one is kept, twice as long each time that it is the same, up to maxTrialPause. What a disk claims is not
	// enough: virtual disks and those of clouds claim it too.
	trialTime     = 300 * time.Millisecond
	trialPause    = 10 * time.Second
	maxTrialPause = 16 * trialPause

	// maxSettling is how long to wait at most until the many files that were open are done, before the other way is tried.
	maxSettling = 10 * time.Second

	// enoughToOrder is how many tasks must wait to be put in order, and entriesEach how many entries of a folder are
	// read for each task in it, besides leastEntries: it may have many that are not listed.
	enoughToOrder = 64
	entriesEach   = 64
	leastEntries  = 4096
)

// trial finds out whether a disk is faster with one file after the other than with many at once, as one is
// whose head has to move in between.
type trial struct {
	serial atomic.Bool // one file after the other
	turn   sync.Mutex  // held by the worker that reads then
	orders sync.Mutex  // held by the one that puts tasks in order

	mu       sync.Mutex
	part     trialPart
	start    time.Time // of this part; zero before the first
	until    time.Time
	settling bool // files of the part before are still read
	better   bool // what was found the last time: serial
	pause    time.Duration
	before   int64      // load that had been done at its start
	speeds   [2]float64 // load a second, of the first two parts
}

type trialPart int

const (
	tryMany trialPart = iota
	tryOne
	keepBetter
)

// note takes how much load is done, and how many files are open. It must be called often.
func (t *trial) note(now time.Time, done int64, open int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settling && (open <= 1 || now.After(t.until)) {
		t.settling = false
		t.start, t.before, t.until = now, done, now.Add(trialTime)
	}
	if now.Before(t.until) {
		return
	}
	if !t.start.IsZero() {
		if t.part != keepBetter {
			t.speeds[t.part] = float64(done-t.before) / now.Sub(t.start).Seconds()
		}
		t.part = (t.part + 1) % (keepBetter + 1)
	}
	t.start, t.before, t.until = now, done, now.Add(trialTime)
	switch t.part {
	case tryMany:
		t.serial.Store(false)
	case tryOne:
		t.serial.Store(true)
		t.settling, t.until = true, now.Add(maxSettling)
	case keepBetter:
		serial := t.speeds[tryOne] > t.speeds[tryMany]
		if t.pause = min(2*t.pause, maxTrialPause); t.pause == 0 || serial != t.better {
			t.pause = trialPause
		}
		t.better = serial
		t.serial.Store(serial)
		t.until = now.Add(t.pause)
	}
}

// order has small files taken in the order of their inodes, while files are read one after the other: that is about
// where they lie on the disk, while a manifest has the order of names, or that of a hash table in the file system. The
// folders tell the inodes, without reading them.
func (p *Pool[P]) order() {
	if !p.trial.serial.Load() || p.config.InOrder || !p.trial.orders.TryLock() {
		return
	}
	defer p.trial.orders.Unlock()
	waiting := p.queue.unordered()
	if len(waiting) == 0 {
		return
	}
	files := make([]place, len(waiting))
	for i, w := range waiting {
		files[i] = place{w.root, w.name}
	}
	p.queue.putInOrder(waiting, onDisk(p.group.Context(), files))
}

// place is where a file is.
type place struct {
	root *safefs.Root
	name string
}

// onDisk returns the indices of files in the order of their inodes, as far as their folders tell these. There are at
// most as many as may wait.
func onDisk(ctx context.Context, files []place) []int {
	var folders []place
	in := map[place]map[string][]int{}
	for i, file := range files {
		f := place{file.root, path.Dir(file.name)}
		if in[f] == nil {
			folders, in[f] = append(folders, f), map[string][]int{}
		}
		last := path.Base(file.name)
		in[f][last] = append(in[f][last], i)
	}
	// In one number, for the sorting: only the order counts, and no inode number has all bits in use.
	keys := make([]uint64, len(files))
	for i := range keys {
		keys[i] = uint64(i)
	}
	for _, f := range folders {
		tree, err := f.root.Acquire()
		if err != nil {
			continue // as the worker will find
		}
		left := len(in[f])
		tree.Inodes(ctx, f.name, leastEntries+entriesEach*left, func(name []byte, inode uint64) bool {
			if found := in[f][string(name)]; len(found) > 0 {
				for _, i := range found {
					keys[i] = inode*deep | uint64(i)
				}
				left--
			}
			return left > 0
		})
		f.root.Release()
	}
	slices.Sort(keys)
	order := make([]int, len(files))
	for i, key := range keys {
		order[i] = int(key % deep)
	}
	return order
}

// noteDone says that files were done, on a disk that claims to spin and has proved slow.
func (p *Pool[P]) noteDone(files int) {
	if p.config.Spinning && p.isDeep.Load() {
		p.trial.note(time.Now(), p.config.BytesRead.Load()+perFile*p.done.Add(int64(files)), p.roots.OpenFiles())
	}
}
