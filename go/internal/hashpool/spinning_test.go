package hashpool

import (
	"testing"
	"time"
)

// A disk is read in the way that proves faster, and tried again later.
func TestTrial(t *testing.T) {
	for _, c := range []struct {
		what      string
		many, one int64 // load in each millisecond
		serial    bool
	}{
		{"a disk whose head moves", 10, 100, true},
		{"one that only claims to spin", 100, 30, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			var trial trial
			now, done := time.Unix(1, 0), int64(0)
			var serial []bool
			for range 2 * (2*trialTime + trialPause) / time.Millisecond {
				if trial.serial.Load() {
					done += c.one
				} else {
					done += c.many
				}
				trial.note(now, done, 1)
				serial = append(serial, trial.serial.Load())
				now = now.Add(time.Millisecond)
			}
			at := func(d time.Duration) bool { return serial[d/time.Millisecond] }
			if at(trialTime/2) || !at(trialTime*3/2) {
				t.Errorf("not both ways were tried")
			}
			for _, d := range []time.Duration{2*trialTime + trialPause/10, 2*trialTime + trialPause*9/10} {
				if at(d) != c.serial {
					t.Errorf("serial after %s: %t", d, at(d))
				}
			}
			again := 2*trialTime + trialPause
			if at(again+trialTime/2) || !at(again+trialTime*3/2) {
				t.Errorf("it was not tried again")
			}
		})
	}
}
