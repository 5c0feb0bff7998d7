package hashpool

import (
	"context"
	"sync/atomic"
	"time"
)

// totalsAfter is how long a run goes on before its totals are looked for: what ends sooner needs none,
// and does not pay for them.
const totalsAfter = 500 * time.Millisecond

// Progress counts what is done while a run goes on. It may be read from any goroutine.
type Progress struct {
	Files, Bytes           atomic.Int64
	TotalFiles, TotalBytes atomic.Int64 // -1 until they are known
}

// Start forgets the totals.
func (p *Progress) Start() {
	p.TotalFiles.Store(-1)
	p.TotalBytes.Store(-1)
}

// FindTotals waits until the run has gone on for a while, and sets the totals to what count then finds,
// unless that fails or ctx ends before.
func (p *Progress) FindTotals(ctx context.Context, count func() (files, size int64, err error)) {
	select {
	case <-time.After(totalsAfter):
	case <-ctx.Done():
		return
	}
	if files, size, err := count(); err == nil {
		p.TotalFiles.Store(files)
		p.TotalBytes.Store(size)
	}
}
