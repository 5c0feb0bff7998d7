package generate

import (
	"fmt"
	"sync"
)

// OddFilesError says that several files cannot be listed. The sink was given each, up to [maxOdd].
type OddFilesError struct {
	Count int64
}

func (e *OddFilesError) Error() string { return fmt.Sprintf("%d files cannot be listed", e.Count) }

// maxOdd bounds how many files that cannot be listed are reported.
const maxOdd = 1000

// oddFiles collects the files that cannot be listed, so that all are reported at once. It may be used from any
// goroutine.
type oddFiles struct {
	report func(path, cause string)

	mu    sync.Mutex
	first error
	count int64
}

// add reports a file, and returns nil: the search for others goes on.
func (o *oddFiles) add(err *WriteError) error {
	o.mu.Lock()
	o.count++
	if o.first == nil {
		o.first = err
	}
	tell := o.count <= maxOdd && o.report != nil
	o.mu.Unlock()
	if tell {
		o.report(err.Path, err.Cause())
	}
	return nil
}

func (o *oddFiles) any() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count > 0
}

// err returns the error for what was found: that of a single file, or one for all.
func (o *oddFiles) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count > 1 {
		return &OddFilesError{o.count}
	}
	return o.first
}

// check opens a file that need not be hashed any more, as another one cannot be listed.
func (h *hashing) check(name string) error {
	file, err := h.tree().Open(name)
	if err != nil {
		return h.odd.add(&WriteError{h.show(name), err})
	}
	file.Close()
	return nil
}

// putUnlessOdd is [hashing.put], or no more than a look at the file once there is one that cannot be listed.
func (h *hashing) putUnlessOdd(i *item) error {
	if h.odd.any() && len(i.algorithms) > 0 {
		return h.check(i.name)
	}
	return h.put(i)
}
