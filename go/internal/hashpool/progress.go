package hashpool

import "sync/atomic"

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
