package hashpool

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// trialTime is how long each way of reading is tried on a disk that claims to spin, and trialPause how long the
	// better one is kept. What a disk claims is not enough: virtual disks and those of clouds claim it too.
	trialTime  = 300 * time.Millisecond
	trialPause = 10 * time.Second
)

// trial finds out whether a disk is faster with one file after the other than with many at once, as one is
// whose head has to move in between.
type trial struct {
	serial atomic.Bool // one file after the other
	turn   sync.Mutex  // held by the worker that reads then

	mu     sync.Mutex
	part   trialPart
	start  time.Time // of this part; zero before the first
	until  time.Time
	before int64      // load that had been done at its start
	speeds [2]float64 // load a second, of the first two parts
}

type trialPart int

const (
	tryMany trialPart = iota
	tryOne
	keepBetter
)

// note is told how much load is done. It must be called often.
func (t *trial) note(now time.Time, done int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
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
	case keepBetter:
		t.serial.Store(t.speeds[tryOne] > t.speeds[tryMany])
		t.until = now.Add(trialPause)
	}
}

// noteDone says that files were done, on a disk that claims to spin and has proved slow.
func (p *Pool[P]) noteDone(files int) {
	if p.config.Spinning && p.isDeep.Load() {
		p.trial.note(time.Now(), p.config.BytesRead.Load()+perFile*p.done.Add(int64(files)))
	}
}
