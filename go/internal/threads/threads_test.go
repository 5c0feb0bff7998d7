package threads

import (
	"runtime"
	"testing"
)

func TestReserve(t *testing.T) {
	granted, release, err := Reserve(t.Context(), 3)
	if granted != 3 || err != nil {
		t.Fatalf("Reserve(3) = %d, %v", granted, err)
	}
	cpus := min(runtime.GOMAXPROCS(0), first)
	if least := cpus + perProcess + perJob + 3; shared.known < least || shared.reserved != perJob+3 {
		t.Errorf("%d threads, %d reserved, want %d or more, and %d", shared.known, shared.reserved, least, perJob+3)
	}
	known := shared.known
	release()
	release() // counts once
	again, release, err := Reserve(t.Context(), 3)
	if again != 3 || err != nil || shared.known != known {
		t.Errorf("the second Reserve(3) = %d, %v with %d threads, and %d before", again, err, shared.known, known)
	}
	more, releaseMore := Extend(20)
	if more != 20 || shared.reserved != perJob+3+20-first {
		t.Errorf("Extend(20) = %d with %d reserved", more, shared.reserved)
	}
	releaseMore()
	release()
	if shared.reserved != 0 {
		t.Errorf("%d threads are still reserved", shared.reserved)
	}
}

// TestExtra reserves threads one by one, which are created several at once.
func TestExtra(t *testing.T) {
	var known []int
	for range 3 {
		granted, release := Extra(1)
		defer release()
		if granted != 1 {
			t.Skipf("the system lets %d threads be created", granted)
		}
		known = append(known, shared.known)
	}
	if known[1] > known[0] && known[2] > known[1] {
		t.Errorf("%v threads after each", known)
	}
}

func TestOutside(t *testing.T) {
	granted, release := Outside(5)
	if granted != 5 || shared.outside != 5 {
		t.Errorf("Outside(5) = %d, with %d", granted, shared.outside)
	}
	release()
	release() // counts once
	if shared.outside != 0 {
		t.Errorf("%d threads are still taken", shared.outside)
	}
}

func TestProbe(t *testing.T) {
	if created := probe(20); created != 20 {
		t.Errorf("%d of 20 threads were created", created)
	}
}
