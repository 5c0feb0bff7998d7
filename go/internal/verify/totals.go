package verify

import (
	"context"

	"checksig/internal/lookahead"
	"checksig/internal/safefs"
)

// fastStat is for [lookahead.NewBatch]. Tests change it.
var fastStat = lookahead.FastStat

// countTotals counts the entries of part and adds up the sizes of their files.
func countTotals(ctx context.Context, rd *reader, part *chosen, wide bool) (files, size int64, err error) {
	type file struct {
		root *safefs.Root
		name string
	}
	batch := lookahead.NewBatch(ctx, fastStat, func(f file) int64 {
		tree, err := f.root.Acquire()
		if err != nil {
			return 0
		}
		defer f.root.Release()
		return tree.SizeOf(f.name)
	}, func(_ file, of int64) { size += of })
	c := coalescer{wide: wide, emit: func(joined *claims) {
		if ctx.Err() != nil {
			return
		}
		files += int64(joined.len())
		first := &joined.first
		batch.Add(file{first.root, first.name}, len(first.name))
	}}
	rd.again(ctx, sideBySide, func(l *location, next claim, _ error) {
		if part.selects(l, &next) {
			c.add(next)
		}
	})
	c.flush()
	batch.Flush()
	return files, size, ctx.Err()
}
