package verify

import (
	"context"
	"time"

	"checksig/internal/lookahead"
	"checksig/internal/safefs"
)

const (
	// totalsBatch is how many files, and maxTotalsBatch how many bytes of their names, are looked at together.
	totalsBatch    = 1024
	maxTotalsBatch = 1 << 20
)

// fastStat is how long looking at a file takes if the system has it in memory, at most. Tests change it.
var fastStat = 100 * time.Microsecond

// countTotals counts the entries and adds up the sizes of their files.
func countTotals(ctx context.Context, rd *reader, wide bool) (files, size int64, err error) {
	type file struct {
		root *safefs.Root
		name string
	}
	var batch []file
	bytes := 0
	flush := func() {
		lookahead.Each(ctx, len(batch), fastStat, func(i int) int64 {
			f := batch[i]
			tree, err := f.root.Acquire()
			if err != nil {
				return 0
			}
			defer f.root.Release()
			info, err := tree.Stat(f.name)
			if err != nil {
				return 0
			}
			return info.Size()
		}, func(_ int, of int64) { size += of })
		batch, bytes = nil, 0 // not reused: when ctx ends, some may be looked at still
	}
	c := coalescer{wide: wide, emit: func(joined *claims) {
		if ctx.Err() != nil {
			return
		}
		files += int64(joined.len())
		first := &joined.first
		batch = append(batch, file{first.root, first.name})
		if bytes += len(first.name); len(batch) == totalsBatch || bytes >= maxTotalsBatch {
			flush()
		}
	}}
	rd.again(ctx, sideBySide, func(_ *location, next claim) { c.add(next) })
	c.flush()
	flush()
	return files, size, ctx.Err()
}
